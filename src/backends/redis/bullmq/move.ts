import { MqError } from '../../../contract/errors.ts';
import type { ItemOutcome, NativeMove, NativeMoveRequest, NativeProgress } from '../../../contract/queue.ts';
import { parseObject } from '../../common/conventions/json-text.ts';
import { inParallel } from '../../common/in-parallel.ts';
import { sortedSetPages } from '../browsing/sorted-set.ts';
import type { Call, Connection } from '../connection/connection.ts';
import { asInteger, asTextOrNull } from '../connection/reply.ts';
import { isRefusal, isWrongType, redisError } from '../errors.ts';
import type { BullPlace } from './find.ts';
import { refusalOfCode } from './library.ts';
import { whyItStays } from './removal.ts';
import { retrier } from './retry-script.ts';

/**
 * 200 at once: 27,000 jobs a second, and no other client waits longer than some 10 ms (measured on 50,000 jobs of 1
 * KB). The library's bulk call is faster but loses the priority of every job and leaves the attempts used up.
 */
const AT_ONCE = 200;

/**
 * Redrives as the library's own retry does, in the layout of the queue's version, with one script for each job. The
 * script refuses a job that is no longer failed, so that a second operator or a vanished job does no harm. Attempts
 * start again: otherwise the next failure would be final.
 */
export function bullRetry(connection: Connection, bull: BullPlace, request: NativeMoveRequest): NativeMove {
  /** How many failed jobs there were at the start. Jobs that fail again meanwhile join the end and are not taken. */
  let left: number | null = null;
  const place = { operation: 'read the failed jobs', queue: bull.shown, signal: request.signal };
  // From the last job read, not from a count of skipped ones: others may redrive and remove jobs meanwhile.
  const pages = sortedSetPages(connection, `${bull.base}:failed`, AT_ONCE, place);
  let read: string[] = [];

  async function ids(upTo: number): Promise<readonly string[]> {
    if (left === null) {
      const failed = asInteger(await connection.call(['ZCARD', `${bull.base}:failed`], place));
      left = Math.min(failed, request.limit ?? failed);
    }
    const count = Math.min(upTo, left);
    while (read.length < count) {
      const page = await pages.next();
      if (page.done === true) break;
      read.push(...page.value.map(({ value }) => value.toString('utf8')));
    }
    const taken = read.slice(0, count);
    read = read.slice(count);
    left = taken.length < count ? 0 : left - taken.length;
    return taken;
  }

  async function retry(all: readonly string[]): Promise<Omit<NativeProgress, 'exhausted'>> {
    const retryOne = await retrier(connection, bull);
    const skipped: ItemOutcome[] = [];
    const failed: NativeProgress['failed'][number][] = [];
    const unknown: ItemOutcome[] = [];
    let lost: string | null = null;
    let moved = 0;
    const answers = await connection.each(
      all.map((id): Call => ['HGET', `${bull.base}:${id}`, 'opts']),
      place,
    );
    const options = answers.map((answer) => {
      if (answer.ok) return asTextOrNull(answer.reply) ?? '';
      if (isWrongType(answer.error)) return null;
      throw redisError(answer.error, place);
    });
    await inParallel(all.entries(), AT_ONCE, async ([index, id]) => {
      if (lost !== null) {
        failed.push({ id, reason: lost });
        return;
      }
      const text = options[index] ?? null;
      if (text === null) {
        // The library's script would remove it from the failed jobs, and then fail.
        skipped.push({ id, reason: whyItStays('foreign') });
        return;
      }
      const opts = parseObject(text);
      try {
        const answer = await retryOne({ id, lifo: opts?.lifo === true, countReplay: request.countReplay });
        if (answer === 1) moved += 1;
        else skipped.push({ id, reason: refusalOfCode(answer) });
      } catch (error) {
        const { message: reason, code } = redisError(error, { operation: 'redrive', queue: bull.shown });
        if (isRefusal(error)) failed.push({ id, reason, code });
        else {
          unknown.push({ id, reason });
          // The rest is not tried: each finished job is finished.
          lost = reason;
        }
      }
    });
    return { moved, skipped, failed, unknown };
  }

  return {
    guarantee: 'atomic',
    async next(selection): Promise<NativeProgress> {
      if ('messages' in selection) {
        const named = selection.messages.map(({ id }) => id);
        if (named.includes(null))
          throw new MqError('INTERNAL', 'a job without an id', { backend: 'redis', queue: bull.shown });
        return { ...(await retry(named.filter((id) => id !== null))), exhausted: false };
      }
      const page = await ids(selection.upTo);
      const done = page.length === 0 ? { moved: 0, skipped: [], failed: [], unknown: [] } : await retry(page);
      return { ...done, exhausted: (left ?? 0) <= 0 };
    },
    close: () => Promise.resolve(),
  };
}
