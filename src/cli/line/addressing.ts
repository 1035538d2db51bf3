import type { Command } from 'commander';
import { CONTEXT_NAME } from '../../config/configuration.ts';
import type { Settings } from '../../config/load.ts';
import { nearest } from '../../config/nearest.ts';
import { findContext, splitQueueAddress } from '../../config/target.ts';
import { MqError } from '../../contract/errors.ts';
import { urlOfFile } from '../brokers.ts';
import type { Operand } from './operand.ts';
import { isQueueUrl, isUrl, refuseUrl } from './queue-words.ts';

/** A queue that the line names. */
export interface NamedQueue {
  readonly queue: string;
  /** Null: on the broker of the command. */
  readonly context: string | null;
  /** `to`: it gets messages. `from`: the verb works on it. */
  readonly role: 'from' | 'to';
}

export interface Addressed {
  readonly operands: readonly Operand[];
  readonly flags: object;
  /** The context that the queues name; null: none does. */
  readonly context: string | null;
  readonly queues: readonly NamedQueue[];
}

/** The arguments of verbs that contain names of queues. */
const QUEUE_ARGUMENTS: ReadonlySet<string> = new Set(['queue', 'glob', 'from', 'to']);

interface Line {
  readonly command: Command;
  readonly operands: readonly Operand[];
  readonly flags: object;
  /** The line has its own `--url`: then an `@` belongs to the name. */
  readonly hasUrl: boolean;
  /** The line has its own `--context`: then the text after an `@` is not a mistyped context. */
  readonly hasContext: boolean;
  /** No broker was chosen, so it would be the embedded default. */
  readonly hasNoBroker: boolean;
  readonly settings: Settings;
}

/**
 * Removes `@context` from the names of queues. `@context` alone is the context's default queue. All names of a line
 * must agree on the context, except the target of move and copy, which becomes `--to-url @context`. Throws `USAGE`.
 * Throws `CONTEXT_NOT_FOUND` for a word that is almost a context's name: sending could create a queue of that name, and
 * the message would be on another broker.
 */
export function addressQueues({
  command,
  operands,
  flags,
  hasUrl,
  hasContext,
  hasNoBroker,
  settings,
}: Line): Addressed {
  const queues: NamedQueue[] = [];
  let context: string | null = null;
  let changedFlags: Record<string, unknown> = { ...flags };

  const take = (name: string, role: NamedQueue['role']): string => {
    // Checked before anything of the line is remembered: a name of a queue goes into the history.
    if (isUrl(name) && !isQueueUrl(name)) refuseUrl(name);
    if (hasUrl) {
      queues.push({ queue: name, context: null, role });
      return name;
    }
    const split = splitQueueAddress(name, settings);
    if (split.context === null && !hasContext) refuseMistyped(name, settings, hasNoBroker);
    const queue = split.queue === '' && split.context !== null ? defaultQueue(settings, split.context) : split.queue;
    queues.push({ queue, context: split.context, role });
    return queue;
  };
  const agree = (name: string | null): void => {
    if (name === null) return;
    if (context !== null && context !== name) {
      throw new MqError('USAGE', `the queues are on two brokers: ${context} and ${name}`, {
        hint: 'one command works on one broker; move and copy can send to another',
      });
    }
    context = name;
  };

  const rewritten = operands.map((operand, at): Operand => {
    const argument = command.registeredArguments[at];
    if (argument === undefined || operand === undefined || !QUEUE_ARGUMENTS.has(argument.name())) return operand;
    const role = argument.name() === 'to' ? 'to' : 'from';
    const names = typeof operand === 'string' ? [operand] : operand;
    const taken = names.map((name) => take(name, role));
    const contexts = queues.slice(-names.length).map((named) => named.context);
    if (role === 'from') contexts.forEach(agree);
    else if (contexts[0] != null && contexts[0] !== context) {
      if ('toUrl' in changedFlags && changedFlags.toUrl !== undefined) {
        throw new MqError('USAGE', `--to-url and the context ${contexts[0]} name two brokers`);
      }
      changedFlags = { ...changedFlags, toUrl: `@${contexts[0]}` };
    }
    return typeof operand === 'string' ? taken[0] : taken;
  });

  for (const flag of ['to', 'dlq'] as const) {
    const name = changedFlags[flag];
    // `drain --to` is a file.
    if (typeof name !== 'string' || command.name() === 'drain') continue;
    changedFlags = { ...changedFlags, [flag]: take(name, 'to') };
    agree(queues.at(-1)?.context ?? null);
  }
  return { operands: rewritten, flags: changedFlags, context, queues };
}

/** A shorter word is similar to everything. */
const SHORTEST_GUESSED = 3;

function refuseMistyped(name: string, settings: Settings, hasNoBroker: boolean): void {
  const at = name.lastIndexOf('@');
  const word = name.slice(at + 1);
  if (at === -1) return;
  const guess = word.length < SHORTEST_GUESSED ? null : nearest(word, settings.configuration.contexts.keys());
  if (guess === null && !(hasNoBroker && CONTEXT_NAME.test(word))) return;
  throw new MqError('CONTEXT_NOT_FOUND', `no context ${word}`, {
    hint:
      guess === null
        ? `no broker is chosen; for an embedded queue whose name is ${name}: --url ${urlOfFile('')}`
        : `did you mean ${name.slice(0, at)}@${guess}? For a queue whose name is ${name}, choose the broker with --context or --url`,
  });
}

function defaultQueue(settings: Settings, context: string): string {
  const { queue } = findContext(settings, context);
  if (queue !== null) return queue;
  throw new MqError('USAGE', `the context ${context} has no default queue`, { hint: `write QUEUE@${context}` });
}
