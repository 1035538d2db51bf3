import { ask, askIfAble } from '../contract/ask.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import type { Message } from '../contract/message.ts';
import type { DeadLetters, Queue } from '../contract/queue.ts';
import type { Whose } from './whose.ts';

/** Where the dead letters that an operator means by "the dead letters of QUEUE" really are, and where each belongs. */
export interface LocatedDeadLetters {
  /** The queue that holds them. */
  readonly holder: Queue;
  /** Their state in it: `dead` when the queue keeps its own, `ready` in a dead-letter queue. */
  readonly state: 'dead' | 'ready';
  /** Which of the messages there are meant; null: all of them. */
  readonly only: Whose | null;
  /** The queues that a redrive goes to, as far as the links tell (the holder itself when it keeps its own). */
  readonly sources: readonly string[];
  /** The queue that lost this message; null when nothing says so: see `whyNoOrigin`. */
  originOf(message: Message): string | null;
  readonly links: DeadLetters;
  /** False: nothing links this queue to another. What in it is a dead letter, only the messages say. */
  readonly linked: boolean;
}

/**
 * `queue` may be the queue that lost them or the dead-letter queue itself. A queue that both sends its dead letters on
 * and collects those of others (a retry topology) is taken for the one that lost them.
 *
 * Whose dead letter a message is, the message says. The links decide only for a message that says nothing, and only
 * where they leave one answer.
 */
export async function locateDeadLetters(
  broker: Broker,
  queue: Queue,
  signal: AbortSignal,
): Promise<LocatedDeadLetters> {
  const links = await ask(queue, 'deadLetters').deadLetters(signal);
  if (links.keptIn.place === 'state') {
    const own = { holder: queue, state: 'dead', only: null, sources: [queue.name], linked: true } as const;
    return { ...own, originOf: () => queue.name, links };
  }
  if (links.keptIn.place === 'queue') {
    const holder = await holderOf(broker, queue, links.keptIn.queue, signal);
    const theirs = await linksOfHolder(holder, links, signal);
    const isOnlySource = theirs.sources?.length === 1 && theirs.sources[0] === queue.name;
    const silent = isOnlySource ? 'meant' : 'left';
    return {
      holder,
      state: 'ready',
      only:
        theirs.messagesAreSilent === true && isOnlySource
          ? null
          : { lostBy: queue.name, silent, holder: holder.name, sources: theirs.sources },
      sources: [queue.name],
      originOf: (message) => message.dead?.from ?? ledTo(theirs, message) ?? (isOnlySource ? queue.name : null),
      links: theirs,
      linked: true,
    };
  }
  const { sources } = links;
  const onlySource = sources?.length === 1 ? (sources[0] ?? null) : null;
  const linked = sources === null || sources.length > 0;
  if (!linked && links.keptIn.why !== undefined) throw noDeadLetters(queue, links);
  return {
    holder: queue,
    state: 'ready',
    only: linked ? null : { lostBy: null, silent: 'left', holder: queue.name, sources: [] },
    sources: sources ?? [],
    originOf: (message) => message.dead?.from ?? ledTo(links, message) ?? onlySource,
    links,
    linked,
  };
}

/** Not the queue that was named is missing: the error says which one, and its name is not taken for a mistyped one. */
async function holderOf(broker: Broker, queue: Queue, name: string, signal: AbortSignal): Promise<Queue> {
  try {
    return await broker.queue(name, signal);
  } catch (error) {
    if (!isMqError(error) || error.code !== 'QUEUE_NOT_FOUND') throw error;
    throw new MqError(
      'QUEUE_NOT_FOUND',
      `${queue.name} sends its dead letters to ${name}, and there is no such queue`,
      {
        hint: `it was deleted, or never made: make it anew, or change where ${queue.name} sends its dead letters`,
        backend: queue.capabilities.broker,
        cause: error,
      },
    );
  }
}

/**
 * A holder may have dead letters of its own, of which nobody can say where they go. That is no reason to leave those of
 * others there.
 */
async function linksOfHolder(holder: Queue, links: DeadLetters, signal: AbortSignal): Promise<DeadLetters> {
  try {
    const asked = askIfAble(holder, 'deadLetters');
    if (asked === null) return links;
    return links.ofHolder?.() ?? (await asked.deadLetters(signal));
  } catch (error) {
    if (!isMqError(error) || error.code !== 'PRECONDITION_FAILED') throw error;
    return { ...links, sources: null };
  }
}

function ledTo(links: DeadLetters, message: Message): string | null {
  const found = message.dead === null ? null : links.leadsTo?.(message);
  return found !== null && found !== undefined && 'queue' in found ? found.queue : null;
}

/** Why nothing can be said of where a message belongs. */
export function whyNoOrigin({ links }: LocatedDeadLetters, message: Message): string {
  const found = links.leadsTo?.(message) ?? null;
  const why = found !== null && 'unclear' in found ? found.unclear : 'nothing says which queue it came from';
  return `${why}; use --to QUEUE`;
}

/**
 * The same for verbs that must not guess: throws `PRECONDITION_FAILED` where nothing links the queue to another, or
 * nobody knows whether anything does.
 */
export async function linkedDeadLetters(
  broker: Broker,
  queue: Queue,
  signal: AbortSignal,
): Promise<LocatedDeadLetters> {
  const located = await locateDeadLetters(broker, queue, signal);
  const { links } = located;
  if (!located.linked) throw noDeadLetters(queue, links);
  if (links.keptIn.place === 'nowhere' && links.sources === null) {
    throw new MqError(
      'PRECONDITION_FAILED',
      `whether ${queue.name} holds dead letters of any queue could not be read`,
      {
        hint: 'if what is in it are dead letters, leave --dead out: then everything there is meant',
        backend: queue.capabilities.broker,
        queue: queue.name,
      },
    );
  }
  return located;
}

/** The error for a queue that keeps no dead letters anywhere that the broker knows of. */
function noDeadLetters(queue: Queue, { keptIn }: DeadLetters): MqError {
  const why = keptIn.place === 'nowhere' ? keptIn.why : undefined;
  return new MqError(
    'PRECONDITION_FAILED',
    why === undefined
      ? `${queue.name} sends its dead letters nowhere, and no queue sends its dead letters to it`
      : `${queue.name} has no dead letters: ${why}`,
    {
      hint:
        why === undefined
          ? 'if an application puts its failures there by itself, leave --dead out: its messages are the dead letters'
          : undefined,
      backend: queue.capabilities.broker,
      queue: queue.name,
    },
  );
}
