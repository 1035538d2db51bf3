import type { Broker, QueuePattern } from '../../contract/broker.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { isGlob, queuePattern } from '../../core/name-pattern.ts';
import { isUrl } from '../line/queue-words.ts';
import { withNearestQueue } from './nearest-queue.ts';
import type { Session } from './session.ts';

/** This many named queues are read at the same time. */
const AT_ONCE = 10;

/**
 * Named queues that could not be read. They are told beside those that could, and become an error when these have been
 * printed.
 */
export class Unread {
  #first: MqError | null = null;

  /** The first error decides the exit code. */
  add(name: string, error: MqError, session: Session): void {
    const { code, message, hint } = error;
    // A deadline does not know what was asked.
    const told =
      error.queue === null ? new MqError(code, `${name}: ${message}`, { hint: hint ?? undefined, queue: name }) : error;
    if (this.#first === null) this.#first = told;
    else session.notice(told.message);
  }

  /** Throws if there is an unread queue. */
  tell(): void {
    if (this.#first !== null) throw this.#first;
  }
}

/**
 * Stats of the queues that `names` ask for; no names: of all. A name that does not exist or cannot be read goes to
 * `unread`, and the others are still read. A glob may match nothing: then `onEmpty` is called. A queue whose own name
 * looks like a glob is found by that name too. Throws if the broker itself cannot be read.
 */
export async function* readQueues(
  session: Session,
  broker: Broker,
  names: readonly string[],
  unread: Unread,
  onEmpty: (glob: string) => void = (glob) => session.notice(`no queue matches ${glob}`),
): AsyncGenerator<QueueStats> {
  const literals = names.filter((name) => !isGlob(name));
  for (let at = 0; at < literals.length; at += AT_ONCE) {
    const asked = literals.slice(at, at + AT_ONCE);
    const read = await Promise.all(asked.map((name) => readNamed(session, broker, name)));
    const [first] = read;
    // The broker does not answer: the other queues would only cost the same wait again.
    if (isMqError(first) && read.every(isUnanswered)) throw first;
    for (const [index, one] of read.entries()) {
      if (!isMqError(one)) yield one;
      else if (ENDS_ALL.has(one.code)) throw one;
      else unread.add(asked[index] ?? '', await withNearestQueue(one, broker, session.signal), session);
    }
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

/** These errors are about the whole broker or this run, not about one queue. */
const ENDS_ALL: ReadonlySet<string> = new Set(['ABORTED', 'UNAUTHENTICATED', 'USAGE', 'CONFIG_INVALID']);

function isUnanswered(one: QueueStats | MqError): boolean {
  return isMqError(one) && (one.code === 'TIMEOUT' || one.code === 'UNAVAILABLE');
}

async function readNamed(session: Session, broker: Broker, name: string): Promise<QueueStats | MqError> {
  try {
    const queue = await session.within('stats', (signal) => broker.queue(name, signal));
    return await session.within('stats', (signal) => queue.stats(signal));
  } catch (error) {
    if (!isMqError(error)) throw error;
    return error;
  }
}

function pattern(globs: readonly string[]): QueuePattern {
  const base = queuePattern(globs);
  return { globs, matches: (name) => base.matches(name) || globs.includes(name) };
}

/**
 * No broker was chosen, which also happens if `MQ_URL` was forgotten. So a queue is not created there without a notice.
 */
export function sayMadeByDefault(session: Session, broker: Broker, name: string): void {
  if (session.target().isDefault !== true) return;
  session.notice(
    `made the queue ${name} in ${broker.address}, because no broker was chosen (--url, MQ_URL, a context)`,
  );
}

export interface QueueToFill {
  readonly queue: Queue;
  /** The queue was not there: its first message creates it. */
  readonly isNew: boolean;
}

/** The queue to enqueue into. */
export async function queueToFill(session: Session, broker: Broker, name: string): Promise<QueueToFill> {
  try {
    return { queue: await session.within('enqueue', (signal) => broker.queue(name, signal)), isNew: false };
  } catch (error) {
    if (broker.queueToMake === undefined || !isMqError(error) || error.code !== 'QUEUE_NOT_FOUND') throw error;
    if (isUrl(name)) throw error;
    return { queue: broker.queueToMake(name), isNew: true };
  }
}
