import { ask, askIfAble } from '../contract/ask.ts';
import type { Broker } from '../contract/broker.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import type { Message } from '../contract/message.ts';
import type { DeadLetters, Led, Queue } from '../contract/queue.ts';
import type { Whose } from './whose.ts';

/** Where "the dead letters of QUEUE" really are, and where each of them belongs. */
export interface LocatedDeadLetters {
  /** The queue that holds them. */
  readonly holder: Queue;
  /** Their state in that queue: `dead` if the queue keeps its own, `ready` in a dead-letter queue. */
  readonly state: 'dead' | 'ready';
  /** Which of the messages there are meant; null: all. */
  readonly only: Whose | null;
  /**
   * The queues that a redrive goes to, as far as the links tell. It is the holder itself if it keeps its own dead
   * letters.
   */
  readonly sources: readonly string[];
  /** The queue that lost this message; null if nothing says which: see `whyNoOrigin`. */
  originOf(message: Message): string | null | Promise<string | null>;
  readonly links: DeadLetters;
  /** False: no link connects this queue to another. Only the messages say which of them are dead letters. */
  readonly linked: boolean;
}

/**
 * `queue` may be the queue that lost them or the dead-letter queue itself. A queue may both send its dead letters on
 * and collect those of others (a retry topology): then it is taken as the one that lost them.
 *
 * The message itself says whose dead letter it is. The links decide only for a message that says nothing, and only if
 * they leave one answer.
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
    const isOnlySource = (sources: readonly string[] | null): boolean =>
      sources?.length === 1 && sources[0] === queue.name;
    const silentOf = (sources: readonly string[] | null) => (isOnlySource(sources) ? 'meant' : 'left');
    // The messages themselves say whose they are. The sources are read only for one that does not.
    const { readSources } = theirs;
    const bySource = async (): Promise<string | null> =>
      isOnlySource(readSources === undefined ? theirs.sources : await readSources()) ? queue.name : null;
    return {
      holder,
      state: 'ready',
      only:
        theirs.messagesAreSilent === true && isOnlySource(theirs.sources)
          ? null
          : {
              lostBy: queue.name,
              silent: silentOf(theirs.sources),
              holder: holder.name,
              sources: theirs.sources,
              ...(readSources !== undefined && {
                learn: async () => {
                  const sources = await readSources();
                  return { sources, silent: silentOf(sources) };
                },
              }),
            },
      sources: [queue.name],
      originOf: (message) => message.dead?.from ?? ledTo(theirs, message, bySource),
      links: theirs,
      linked: true,
    };
  }
  const { sources } = links;
  const onlySource = sources?.length === 1 ? (sources[0] ?? null) : null;
  const linked = sources === null || sources.length > 0;
  return {
    holder: queue,
    state: 'ready',
    only: linked ? null : { lostBy: null, silent: 'left', holder: queue.name, sources: [] },
    sources: sources ?? [],
    originOf: (message) => message.dead?.from ?? ledTo(links, message, () => onlySource),
    links,
    linked,
  };
}

/**
 * The named queue exists, and another one is missing. The error says which, and does not treat its name as a typing
 * mistake.
 */
async function holderOf(broker: Broker, queue: Queue, name: string, signal: AbortSignal): Promise<Queue> {
  try {
    return await broker.queue(name, signal);
  } catch (error) {
    if (!isMqError(error) || error.code !== 'QUEUE_NOT_FOUND') throw error;
    throw new MqError(
      'QUEUE_NOT_FOUND',
      `${queue.name} sends its dead letters to ${name}, and there is no such queue`,
      {
        hint: `it was deleted or never created: create it, or change where ${queue.name} sends its dead letters`,
        backend: queue.capabilities.broker,
        cause: error,
      },
    );
  }
}

/**
 * A holder may have dead letters of its own with no known way back. That is no reason to leave those of others there.
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

/** `other`: asked if the message names nothing that leads to one queue. */
function ledTo<Queue extends string | null | Promise<string | null>>(
  links: DeadLetters,
  message: Message,
  other: () => Queue,
): string | Queue | Promise<string | null> {
  const queueOf = (found: Led) => (found !== null && 'queue' in found ? found.queue : other());
  const found = message.dead === null ? null : (links.leadsTo?.(message) ?? null);
  return found instanceof Promise ? found.then(queueOf) : queueOf(found);
}

/** Why it is unknown where a message belongs. */
export async function whyNoOrigin({ links }: LocatedDeadLetters, message: Message): Promise<string> {
  const found = (await links.leadsTo?.(message)) ?? null;
  const why = found !== null && 'unclear' in found ? found.unclear : 'nothing says which queue it came from';
  return `${why}; use --to QUEUE`;
}

/**
 * The same for verbs that must not guess. Throws `PRECONDITION_FAILED` if no link connects the queue to another, or if
 * the links are unknown.
 */
export async function linkedDeadLetters(
  broker: Broker,
  queue: Queue,
  signal: AbortSignal,
): Promise<LocatedDeadLetters> {
  const located = await locateDeadLetters(broker, queue, signal);
  const { links } = located;
  if (!located.linked) throw noDeadLetters(queue, links);
  if (links.keptIn.place === 'nowhere' && links.sources === null && links.readSources === undefined) {
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

/**
 * Throws `PRECONDITION_FAILED` for a queue whose messages only go onward from there. Some may bear the mark of an
 * earlier death, and a look shows them; but they wait for their next try, and no verb may take them for dead.
 */
export function refuseOnward({ linked, links }: LocatedDeadLetters, queue: Queue): void {
  if (!linked && links.keptIn.place === 'nowhere' && links.keptIn.why !== undefined) throw noDeadLetters(queue, links);
}

/** The error for a queue whose dead letters are kept nowhere that the broker knows of. */
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
