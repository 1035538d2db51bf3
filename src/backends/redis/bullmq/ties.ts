import type { Message } from '../../../contract/message.ts';
import type { Call, Connection } from '../connection/connection.ts';
import { asInteger, asTextOrNull } from '../connection/reply.ts';
import type { BullPlace } from './find.ts';
import { type JobHash, textOf } from './message.ts';
import { whyItStays } from './removal.ts';

type Tied = Pick<JobHash, 'parentKey' | 'rjk'>;

/**
 * Why each of these jobs could not be taken out of its queue; null for those that could. The answers are the same as
 * those of the scripts that remove.
 */
export async function tiesOf(
  connection: Connection,
  bull: BullPlace,
  jobs: readonly { readonly id: string; readonly hash: Tied }[],
  signal: AbortSignal | undefined,
): Promise<readonly (string | null)[]> {
  const calls: Call[] = [];
  const asked = jobs.map(({ id, hash }) => {
    const parent = textOf(hash.parentKey) ?? '';
    const scheduler = textOf(hash.rjk) ?? '';
    const at = calls.push(['EXISTS', `${bull.base}:${id}:dependencies`, `${bull.base}:${id}:processed`]) - 1;
    return {
      id,
      children: at,
      parent: parent === '' ? null : calls.push(['EXISTS', parent]) - 1,
      scheduler: scheduler === '' ? null : calls.push(['ZSCORE', `${bull.base}:repeat`, scheduler]) - 1,
    };
  });
  const replies = await connection.all(calls, { operation: 'read the jobs', queue: bull.shown, signal });
  return asked.map(({ id, children, parent, scheduler }) => {
    const next = scheduler === null ? null : asTextOrNull(replies[scheduler]);
    if (next !== null && id.endsWith(`:${next}`)) return whyItStays('scheduler');
    if (parent !== null && asInteger(replies[parent]) > 0) return whyItStays('child');
    return asInteger(replies[children]) > 0 ? whyItStays('parent') : null;
  });
}

/**
 * The message of a job whose ties are known. A job with a parent that is gone is not tied: it is a job like any other.
 */
export function withTie(message: Message, tie: string | null): Message {
  if (tie !== null) return { ...message, stays: tie };
  const { redis } = message.native;
  const record = typeof redis === 'object' && redis !== null && 'bullmq' in redis ? redis.bullmq : null;
  if (typeof record !== 'object' || record === null || !('parentKey' in record)) return message;
  const { parentKey: _, ...free } = record;
  return { ...message, native: { ...message.native, redis: { ...(redis as object), bullmq: free } } };
}
