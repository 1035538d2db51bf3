import type { ListOptions, QueuePattern } from '../../contract/broker.ts';
import { throwIfAborted } from '../../contract/errors.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { deadFigure, keepsNoDeadLetters, NO_DEAD_LETTERS } from './dead-letters.ts';
import { readFigures, readLinked } from './listing/read-list.ts';
import type { QueueInfo } from './management/queue-info.ts';
import { askEach } from './session/ask-each.ts';
import type { Session } from './session/session.ts';
import { countsPublished, toStats } from './stats.ts';
import { type DeadLinks, linksIfTold } from './topology/dead-links.ts';

/** This many queues are asked one by one, about 2 ms each, instead of using figures that lag. */
const MOST_ASKED = 50;

/**
 * All queues of the vhost by the management API, in order of name. Throws `UNAVAILABLE` without it: AMQP cannot list.
 */
export async function* listQueues(
  session: Session,
  pattern: QueuePattern,
  options: ListOptions,
): AsyncIterable<QueueStats> {
  const { signal, onAnswer } = options;
  const listed = await readLinked(session, pattern, options);
  const isFew = listed.matching.length <= MOST_ASKED;
  const readLinks = () => linksIfTold(session, null, signal, { queues: listed.all });
  // The questions that are certainly needed run at the same time, because each waits for the broker.
  const [{ all, matching, reason }, atOnce, early] = await Promise.all([
    readFigures(session, listed, pattern, options),
    askEach(session, isFew ? listed.matching.map(({ name }) => name) : [], options),
    listed.matching.every(keepsNoDeadLetters) ? null : readLinks(),
  ]);
  // Also for a queue that only takes the dead letters of others: the broker does not count those as published.
  const needsLinks = matching.some((info) => !keepsNoDeadLetters(info) || countsPublished(info.messageStats));
  const links = needsLinks ? (early ?? (await readLinks())) : null;
  const told = typeof links === 'string' ? null : links;
  onAnswer?.();
  const ready = new Map<string, number | null>([...all, ...matching].map((info) => [info.name, info.ready]));
  const others = namesToAsk(matching, told, ready).filter((name) => !atOnce.has(name));
  const live = new Map([...atOnce, ...(await askEach(session, others, options))]);
  for (const [name, figures] of live)
    if (figures !== null && figures.lockedBy === undefined) ready.set(name, figures.ready);
  told?.learnConsumers(live);
  const now = Date.now();
  for (const info of matching) {
    throwIfAborted(signal);
    const { name, kind } = info;
    const figures = live.get(name);
    // The queue was deleted since it was listed.
    if (figures === null) continue;
    const dead =
      links === null || keepsNoDeadLetters(info)
        ? NO_DEAD_LETTERS
        : typeof links === 'string'
          ? { count: null, note: links }
          : await deadFigure(links, name, (holder) => ready.get(holder) ?? null);
    const unread = typeof links === 'string' ? links : (links?.whyUnreadBindings() ?? null);
    const deadLettersFrom = countsPublished(info.messageStats) ? (unread ?? told?.topology.sourcesOf(name) ?? []) : [];
    yield toStats({ queue: name, kind, info, live: figures ?? null, dead, deadLettersFrom, reason, now });
  }
}

/**
 * The queues to ask themselves: of few queues all, of many those whose figures must not lag. First come queues that
 * have no figures yet, then those whose dead letters are counted, even if there is a figure, because it shows late
 * whether they are worked on. A queue whose own figures say enough is not asked.
 */
function namesToAsk(
  matching: readonly QueueInfo[],
  links: DeadLinks | null,
  ready: ReadonlyMap<string, number | null>,
): readonly string[] {
  const names = new Set<string>();
  const first = matching.length <= MOST_ASKED ? matching : matching.filter((info) => info.ready === null);
  for (const { name } of first) names.add(name);
  const holders = new Set<string>();
  for (const { name } of matching) {
    const meaning = links?.of(name);
    if (meaning?.to !== 'queue') continue;
    const { queue: holder, uncounted } = meaning.link;
    if (uncounted === null || links?.topology.consumersOf(holder) === null) holders.add(holder);
  }
  const hasNoFigure = (name: string): boolean => (ready.get(name) ?? null) === null;
  for (const name of [...holders].sort((one, other) => Number(hasNoFigure(other)) - Number(hasNoFigure(one))))
    names.add(name);
  return [...names].slice(0, MOST_ASKED);
}
