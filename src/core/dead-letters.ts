import type { Broker } from '../contract/broker.ts';
import { requireCapability } from '../contract/capabilities.ts';
import { MqError } from '../contract/errors.ts';
import type { Message } from '../contract/message.ts';
import type { DeadLetters, Queue } from '../contract/queue.ts';

/** Where the dead letters that an operator means by "the dead letters of QUEUE" really are, and where each belongs. */
export interface LocatedDeadLetters {
  /** The queue that holds them. */
  readonly holder: Queue;
  /** Their state in it: `dead` when the queue keeps its own, `ready` in a dead-letter queue. */
  readonly state: 'dead' | 'ready';
  /** Act only on those that came from this queue, because the holder is shared with others; null: on all of them. */
  readonly only: string | null;
  /** The queues whose dead letters the holder collects (the holder itself when it keeps its own). */
  readonly sources: readonly string[];
  /** The queue that lost this message; null when nothing says so. */
  originOf(message: Message): string | null;
  readonly links: DeadLetters;
}

/**
 * `queue` may be the queue that lost them or the dead-letter queue itself. A queue that both sends its dead letters on and collects those of
 * others (a retry topology) is taken for the one that lost them. Null when it is neither: then only the operator knows (`--to`).
 */
export async function locateDeadLetters(
  broker: Broker,
  queue: Queue,
  signal: AbortSignal,
): Promise<LocatedDeadLetters | null> {
  requireCapability(queue.capabilities, 'deadLetters', queue.name);
  const links = await queue.deadLetters?.(signal);
  if (links === undefined) throw new MqError('INTERNAL', `kind ${queue.kind} declares dead letters but has none`);
  if (links.keptIn.place === 'state') {
    return { holder: queue, state: 'dead', only: null, sources: [queue.name], originOf: () => queue.name, links };
  }
  if (links.keptIn.place === 'queue') {
    const holder = await broker.queue(links.keptIn.queue, signal);
    const theirs = (await holder.deadLetters?.(signal)) ?? links;
    const shared = theirs.sources.length > 1;
    return {
      holder,
      state: 'ready',
      only: shared ? queue.name : null,
      sources: [queue.name],
      originOf: shared ? (message) => message.dead?.from ?? null : (message) => message.dead?.from ?? queue.name,
      links: theirs,
    };
  }
  if (links.sources.length === 0) return null;
  const [first, ...others] = links.sources;
  const onlySource = others.length === 0 && first !== undefined ? first : null;
  return {
    holder: queue,
    state: 'ready',
    only: null,
    sources: links.sources,
    originOf: (message) => message.dead?.from ?? onlySource,
    links,
  };
}

/** The error for a queue that keeps no dead letters anywhere that the broker knows of. */
export function noDeadLetters(queue: Queue): MqError {
  return new MqError(
    'PRECONDITION_FAILED',
    `${queue.name} sends its dead letters nowhere, and no queue sends its dead letters to it`,
    {
      hint: 'if an application puts its failures there by itself, say where they belong: --to QUEUE',
      backend: queue.capabilities.broker,
      queue: queue.name,
    },
  );
}
