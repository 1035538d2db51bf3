import type { Broker, QueuePattern } from '../contract/broker.ts';
import type { QueueStats } from '../contract/stats.ts';
import { isGlob, queuePattern } from '../core/name-pattern.ts';
import type { Session } from './session.ts';

/**
 * Stats of the queues that `names` ask for; none: of all. A literal name that does not exist throws `QUEUE_NOT_FOUND`; a glob may match
 * nothing. A queue whose own name looks like a glob is found by that name too.
 */
export async function* readQueues(
  session: Session,
  broker: Broker,
  names: readonly string[],
): AsyncGenerator<QueueStats> {
  const literals = names.filter((name) => !isGlob(name));
  for (const name of literals) {
    const queue = await broker.queue(name, session.deadline('stats'));
    yield await queue.stats(session.deadline('stats'));
  }
  const globs = names.filter(isGlob);
  if (names.length > 0 && globs.length === 0) return;
  const named = new Set(literals);
  const options = { notice: (text: string) => session.messages.note(text), signal: session.signal };
  for await (const stats of broker.queues(pattern(globs), options)) {
    if (!named.has(stats.queue)) yield stats;
  }
}

function pattern(globs: readonly string[]): QueuePattern {
  const base = queuePattern(globs);
  return { globs, matches: (name) => base.matches(name) || globs.includes(name) };
}
