import { isMqError } from '../../../contract/errors.ts';
import type { Connection } from '../file/connection.ts';
import type { QueueFile } from '../file/queue-file.ts';
import { STORED } from '../file/schema.ts';

/** One transaction deletes at most so many, to leave other processes their turn. */
export const PAGE = 10_000;

/** Deletes the rows whose keys a query chooses. Their number. */
export function removeMessages(connection: Connection, keys: string, params: Record<string, number>): number {
  connection.run(`DELETE FROM payload WHERE key IN (${keys})`, params);
  return connection.run(`DELETE FROM message WHERE key IN (${keys})`, params);
}

/**
 * Deletes a queue at once, with what consumers hold of it. The other messages, of which there may be millions, are
 * nobody's from then on, because the id of a queue is never given out again: `sweep` deletes them. The number of
 * messages lost, those included.
 */
export function removeQueue(connection: Connection, queue: number): number {
  const lost = connection.one('SELECT count(*) AS count FROM message WHERE queue = :queue', { queue }).integer('count');
  const held = `SELECT key FROM message WHERE queue = :queue AND state IN (${STORED.inFlight}, ${STORED.deadInFlight})`;
  removeMessages(connection, held, { queue });
  connection.run('DELETE FROM consumer WHERE queue = :queue', { queue });
  connection.run('DELETE FROM queue WHERE id = :queue', { queue });
  return lost;
}

/** Every queue id that has messages, found by leaps in the index, less those that are there. */
const ABANDONED = `WITH RECURSIVE owner(id) AS (
    SELECT min(queue) FROM message
    UNION ALL SELECT (SELECT min(queue) FROM message WHERE queue > owner.id) FROM owner WHERE owner.id IS NOT NULL)
  SELECT id FROM owner WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM queue) LIMIT 1`;

/**
 * Deletes the messages of deleted queues page by page, also those that an interrupted sweep has left. An abort ends it
 * between two pages, and so does a file that is locked for too long or a full disk: nobody misses what is left, and the
 * next sweep goes on with it.
 */
export async function sweep(file: QueueFile, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted && (await file.write(sweepPage)));
  } catch (error) {
    if (!isMqError(error)) throw error;
  }
}

/** False when nothing was left to delete. */
function sweepPage(connection: Connection): boolean {
  const queue = connection.find(ABANDONED)?.integer('id');
  if (queue === undefined) return false;
  removeMessages(connection, `SELECT key FROM message WHERE queue = :queue LIMIT ${PAGE}`, { queue });
  return true;
}
