import { MqError } from '../../contract/errors.ts';
import type { DeadLetters } from '../../contract/queue.ts';
import { onlyOnce } from '../common/once.ts';
import { leadsTo, leadsToUnread, namesExchange, restoreMessage } from './deaths/restore.ts';
import { needsManagement } from './management/needed.ts';
import { type QueueInfo, textSetting } from './management/queue-info.ts';
import type { Session } from './session/session.ts';
import type { DeadFigure } from './stats.ts';
import { type DeadLinks, linksIfTold, linksOnward, topologyIfTold } from './topology/dead-links.ts';

/**
 * `info`: the facts about the queue itself. If its dead letters go to a queue, only what lies on their way is asked
 * for, by name. Who else sends dead letters there is read when it matters. For that, all queues of the vhost are read.
 */
export async function deadLettersOf(
  session: Session,
  queue: string,
  signal: AbortSignal,
  info: () => Promise<QueueInfo | null>,
): Promise<DeadLetters> {
  const whole = onlyOnce(() => linksIfTold(session, queue, signal));
  const following = exchangesOf(session, whole, signal);
  const own = await info();
  if (own !== null && textSetting(own, 'dead-letter-exchange') !== null) {
    const onward = await linksOnward(session, own, signal);
    if (typeof onward === 'string') return unlinked(session, queue, onward, own);
    const meaning = onward.of(queue);
    if (meaning.to === 'queue') return onTheWay({ session, links: onward, whole, following }, queue);
    // To read more would not tell it.
    if (meaning.to === 'unclear' && onward.whyUnreadBindings() !== null) throw unclear(queue, meaning.reason);
  }
  const links = await whole();
  return typeof links === 'string' ? unlinked(session, queue, links, own) : linked(session, queue, links, following);
}

type Following = NonNullable<DeadLetters['leadsTo']>;

/**
 * Messages that a framework put away may name any exchange, and most others name none: where all exchanges lead is read
 * when the first message names one.
 */
function exchangesOf(session: Session, whole: () => Promise<DeadLinks | string>, signal: AbortSignal): Following {
  const read = onlyOnce(async () => {
    const links = await whole();
    if (typeof links === 'string') return links;
    const queues = [...links.topology.queues.values()];
    return topologyIfTold(session, signal, { queues, everyExchange: true });
  });
  return (message) => {
    if (!namesExchange(message)) return null;
    return read().then((told) => (typeof told === 'string' ? leadsToUnread(message, told) : leadsTo(message, told)));
  };
}

interface Way {
  readonly session: Session;
  /** Those on the way of one queue's dead letters. */
  readonly links: DeadLinks;
  readonly whole: () => Promise<DeadLinks | string>;
  readonly following: Following;
}

function onTheWay({ session, links, whole, following }: Way, queue: string): DeadLetters {
  const meaning = links.of(queue);
  return {
    keptIn: keptIn(meaning),
    sources: null,
    readSources: onlyOnce(async () => {
      const read = await whole();
      const sources = typeof read === 'string' ? null : read.sourcesOf(queue);
      if (sources === null)
        session.notice(unknownSources(queue, typeof read === 'string' ? read : read.whyNoSources()));
      return sources;
    }),
    ...(meaning.to === 'queue' && {
      ofHolder: () => onTheWay({ session, links, whole, following }, meaning.link.queue),
    }),
    leadsTo: following,
    restore: restoreMessage,
  };
}

/**
 * Nothing is known of the other queues, because of `why`: a queue that sends its own dead letters nowhere may still
 * hold those of others.
 */
function unlinked(session: Session, queue: string, why: string, info: QueueInfo | null): DeadLetters {
  if (info === null) throw needsManagement('finding dead letters', 'it does not tell of the queue');
  if (!keepsNoDeadLetters(info)) throw unclear(queue, why);
  session.notice(unknownSources(queue, why));
  return {
    keptIn: { place: 'nowhere' },
    sources: null,
    leadsTo: (message) => leadsToUnread(message, why),
    restore: restoreMessage,
  };
}

function linked(session: Session, queue: string, links: DeadLinks, following: Following): DeadLetters {
  const meaning = links.of(queue);
  const sources = links.sourcesOf(queue);
  // Its messages are the dead letters of others only if that is known: otherwise messages that wait in it would be
  // taken for dead letters.
  if (meaning.to === 'unclear' && (sources === null || sources.length === 0)) throw unclear(queue, meaning.reason);
  if (sources === null) session.notice(unknownSources(queue, links.whyNoSources()));
  return {
    keptIn: keptIn(meaning),
    sources,
    ...(meaning.to === 'queue' && { ofHolder: () => linked(session, meaning.link.queue, links, following) }),
    leadsTo: following,
    restore: restoreMessage,
  };
}

function keptIn(meaning: ReturnType<DeadLinks['of']>): DeadLetters['keptIn'] {
  if (meaning.to === 'queue') return { place: 'queue', queue: meaning.link.queue };
  return meaning.to === 'onward' ? { place: 'nowhere', why: meaning.why } : { place: 'nowhere' };
}

const NAME_IT = 'name the dead-letter queue itself';

function unclear(queue: string, reason: string): MqError {
  return new MqError(
    'PRECONDITION_FAILED',
    `where the dead letters of ${JSON.stringify(queue)} are is not clear: ${reason}`,
    {
      hint: NAME_IT,
      backend: 'rabbitmq',
      operation: 'deadLetters',
      queue,
    },
  );
}

function unknownSources(queue: string, why: string): string {
  return `which queues send their dead letters to ${JSON.stringify(queue)} cannot be read (${why}): only its messages say where they belong`;
}

export const NO_DEAD_LETTERS: DeadFigure = {
  count: 0,
  note: 'none are kept: the queue has no dead-letter exchange',
};

/** False also while that is unknown. */
export function keepsNoDeadLetters(info: QueueInfo): boolean {
  return info.isPolicyTold && textSetting(info, 'dead-letter-exchange') === null;
}

/** The depth of the dead-letter queue, if it is only that. `depthOf`: null, unknown; a text, the reason. */
export async function deadFigure(
  links: DeadLinks,
  queue: string,
  depthOf: (queue: string) => Promise<number | string | null> | number | string | null,
): Promise<DeadFigure> {
  const meaning = links.of(queue);
  if (meaning.to === 'onward') return { count: 0, note: `none: ${meaning.why}` };
  if (meaning.to !== 'queue') return { count: null, note: meaning.reason };
  const { queue: holder, uncounted } = meaning.link;
  if (uncounted !== null) return { count: null, note: uncounted };
  const depth = await depthOf(holder);
  if (typeof depth === 'string') return { count: null, note: depth };
  if (!links.topology.isWhole) return { count: depth, note: `the depth of ${holder}, whoever lost them` };
  const sources = links.sourcesOf(holder) ?? [];
  const others = sources.length > 1 ? `, which also holds those of others: it is shared by ${sources.join(', ')}` : '';
  return { count: depth, note: `the depth of ${holder}${others}` };
}
