import type { Command } from 'commander';
import type { SelectionOptions } from '../../core/selection.ts';
import { collect, rate, wholeNumber } from '../line/globals.ts';
import { pairsToRecord } from '../line/pairs.ts';
import { addSelectionOptions, FORCE, type SelectionFlags, selectionFrom } from './selection-flags.ts';

/** The flags that redrive, move and copy share. */
export interface TransferFlags extends SelectionFlags {
  readonly max?: number;
  readonly rate?: number;
  readonly setHeader?: readonly string[];
  readonly lossy?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export interface TransferOptions {
  readonly selection: SelectionOptions;
  readonly max: number | null;
  readonly ratePerSec: number | null;
  readonly setHeaders: Readonly<Record<string, string>>;
  readonly lossy: boolean;
  readonly force: boolean;
  readonly dryRun: boolean;
}

export function addTransferOptions(command: Command): void {
  addSelectionOptions(command);
  command
    .option('-n, --max <n>', 'maximum number of messages', wholeNumber(1))
    .optionsGroup('How:')
    .option('--rate <rate>', 'evenly paced: 50/s, 10/m', rate)
    .option('--set-header <key=value>', 'set a header on each message; repeatable', collect)
    .option('--lossy', 'send even if the target cannot hold everything of a message')
    .option('--force', FORCE)
    .option('--dry-run', 'count what would be done, and change nothing');
}

export async function transferFrom(flags: TransferFlags, maxReplays: number | null): Promise<TransferOptions> {
  return {
    selection: await selectionFrom(flags, maxReplays),
    max: flags.max ?? null,
    ratePerSec: flags.rate ?? null,
    setHeaders: pairsToRecord(flags.setHeader ?? [], '--set-header'),
    lossy: flags.lossy ?? false,
    force: flags.force ?? false,
    dryRun: flags.dryRun ?? false,
  };
}
