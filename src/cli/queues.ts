import type { Broker, QueuePattern } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import type { Queue } from '../contract/queue.ts';
import type { QueueStats } from '../contract/stats.ts';
import { isGlob, queuePattern } from '../core/name-pattern.ts';
import { isUrl } from './line/queue-words.ts';
import type { Session } from './session.ts';

/**
 * Stats of the queues that `names` ask for; none: of all. A literal name that does not exist throws `QUEUE_NOT_FOUND`; a glob may match
 * nothing, which `onEmpty` is told. A queue whose own name looks like a glob is found by that name too.
 */
export async function* readQueues(
  session: Session,
  broker: Broker,
  names: readonly string[],
  onEmpty: (glob: string) => void = (glob) => session.notice(`no queue matches ${glob}`),
): AsyncGenerator<QueueStats> {
  const literals = names.filter((name) => !isGlob(name));
  for (const name of literals) {
    const queue = await session.within('stats', (signal) => broker.queue(name, signal));
    yield await session.within('stats', (signal) => queue.stats(signal));
  }
  const globs = names.filter(isGlob);
  if (names.length > 0 && globs.length === 0) return;
  const named = new Set(literals);
  const { notice } = session;
  const all = session.eachWithin('ls', (signal, onAnswer) =>
    broker.queues(pattern(globs), { notice, onAnswer, signal }),
  );
  let unmatched = globs.map((glob) => ({ glob, matches: pattern([glob]).matches }));
  for await (const stats of all) {
    if (unmatched.length > 0) unmatched = unmatched.filter(({ matches }) => !matches(stats.queue));
    if (!named.has(stats.queue)) yield stats;
  }
  for (const { glob } of unmatched) onEmpty(glob);
}

function pattern(globs: readonly string[]): QueuePattern {
  const base = queuePattern(globs);
  return { globs, matches: (name) => base.matches(name) || globs.includes(name) };
}

/** Nobody chose a broker, which is how a forgotten `MQ_URL` looks, too: then a queue does not come into being without a word. */
export function sayMadeByDefault(session: Session, broker: Broker, name: string): void {
  if (session.target().isDefault !== true) return;
  session.notice(`made the queue ${name} in ${broker.address}, as no broker was chosen (--url, MQ_URL, a context)`);
}

export interface QueueToFill {
  readonly queue: Queue;
  /** The queue was not there: it comes into being with its first message. */
  readonly isNew: boolean;
}

/** The queue to enqueue into. */
export async function queueToFill(session: Session, broker: Broker, name: string): Promise<QueueToFill> {
  try {
    return { queue: await session.within('enqueue', (signal) => broker.queue(name, signal)), isNew: false };
  } catch (error) {
    if (broker.queueToMake === undefined || !(error instanceof MqError) || error.code !== 'QUEUE_NOT_FOUND')
      throw error;
    if (isUrl(name)) throw error;
    return { queue: broker.queueToMake(name), isNew: true };
  }
}
