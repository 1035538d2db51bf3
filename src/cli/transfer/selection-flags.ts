import { type Command, Option } from 'commander';
import { MqError } from '../../contract/errors.ts';
import type { Filter } from '../../core/filter.ts';
import type { SelectionOptions } from '../../core/selection.ts';
import { duration } from '../line/globals.ts';

/** `--filter`, `--older-than`, `--newer-than`: which messages. */
export interface SelectionFlags {
  readonly filter?: string;
  readonly olderThan?: number;
  readonly newerThan?: number;
}

/** The help of `--force`: the same for every verb that may look at messages and leave them. */
export const FORCE = 'look even if looking at messages that stay may do harm';

export function addSelectionOptions(command: Command): void {
  command
    .optionsGroup('Which messages:')
    .option('--filter <expression>', "only those for which it is true; see 'mq help filters'")
    .addOption(
      new Option(
        '--older-than <duration>',
        'only messages that died, or were enqueued, longer ago than this',
      ).argParser(duration),
    )
    .addOption(
      new Option(
        '--newer-than <duration>',
        'only messages that died, or were enqueued, less long ago than this',
      ).argParser(duration),
    );
}

/** Compiles the filter, so that a mistake in it is reported before any broker is touched. Throws `USAGE`. */
export async function selectionFrom(
  flags: SelectionFlags,
  maxReplays: number | null = null,
): Promise<SelectionOptions> {
  const { olderThan, newerThan } = flags;
  if (olderThan !== undefined && newerThan !== undefined && olderThan >= newerThan) {
    throw new MqError('USAGE', '--older-than and --newer-than contradict each other: no message is both', {
      hint: 'between one and two hours old: --older-than 1h --newer-than 2h',
    });
  }
  return {
    filter: flags.filter === undefined ? null : await compile(flags.filter),
    olderThanMs: flags.olderThan ?? null,
    newerThanMs: flags.newerThan ?? null,
    maxReplays,
  };
}

/** The filter engine is loaded only when there is a filter. */
async function compile(text: string): Promise<Filter> {
  const { compileFilter } = await import('../../core/filter.ts');
  return compileFilter(text);
}
