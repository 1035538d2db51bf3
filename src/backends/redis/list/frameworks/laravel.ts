import type { Connection } from '../../connection/connection.ts';
import { AWAIT_TIME, jobsBeside, WITH_WORKERS } from '../beside.ts';

/**
 * Laravel's queues, with any prefix that the application puts before all its keys: `queues:default`,
 * `laravel_database_queues:default`.
 */
const QUEUE = /^(?:.*[^a-zA-Z])?queues:[^:]+$/;
const NOTIFY = ':notify';

export function isLaravelQueue(key: string): boolean {
  return QUEUE.test(key);
}

/**
 * The queue that a list beside it belongs to. Laravel pushes a mark into `…:notify` for each job, which wakes workers
 * that block. That list is not a queue. It exists even while all jobs are delayed or with workers and the list of the
 * queue itself does not. Null: the key is not such a list.
 */
export function ownerOf(key: string): string | null {
  if (!key.endsWith(NOTIFY)) return null;
  const queue = key.slice(0, -NOTIFY.length);
  return isLaravelQueue(queue) ? queue : null;
}

/** Jobs that are in neither list: delayed ones, and those that workers hold. */
export async function laravelNotes(
  connection: Connection,
  key: string,
  signal: AbortSignal,
): Promise<{ readonly delayed?: string; readonly inFlight?: string }> {
  const answers = await connection.each(
    [
      ['ZCARD', `${key}:delayed`],
      ['ZCARD', `${key}:reserved`],
    ],
    { operation: 'read the stats', queue: key, signal },
  );
  const delayed = jobsBeside(answers[0], AWAIT_TIME, `${key}:delayed`);
  const inFlight = jobsBeside(answers[1], WITH_WORKERS, `${key}:reserved`);
  return { ...(delayed !== null && { delayed }), ...(inFlight !== null && { inFlight }) };
}
