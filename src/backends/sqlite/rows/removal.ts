import { isMqError } from '../../../contract/errors.ts';
import type { Connection } from '../file/connection.ts';
import type { QueueFile } from '../file/queue-file.ts';
import { STORED } from '../file/schema.ts';

/** One transaction deletes at most this many, to let other processes have their turn. */
export const PAGE = 10_000;

/** Deletes the rows whose keys a query chooses. Returns their number. */
export function removeMessages(connection: Connection, keys: string, params: Record<string, number>): number {
  connection.run(`DELETE FROM payload WHERE key IN (${keys})`, params);
  return connection.run(`DELETE FROM message WHERE key IN (${keys})`, params);
}

/**
 * Deletes a queue at once, with the messages that consumers hold. The other messages, maybe millions, then belong to no
 * queue, because the id of a queue is never used again: `sweep` deletes them. Returns the number of messages lost,
 * including those.
 */
export function removeQueue(connection: Connection, queue: number): number {
  const lost = connection.one('SELECT count(*) AS count FROM message WHERE queue = :queue', { queue }).integer('count');
  const held = `SELECT key FROM message WHERE queue = :queue AND state IN (${STORED.inFlight}, ${STORED.deadInFlight})`;
  removeMessages(connection, held, { queue });
  connection.run('DELETE FROM consumer WHERE queue = :queue', { queue });
  connection.run('DELETE FROM queue WHERE id = :queue', { queue });
  return lost;
}

/** Every queue id that has messages, found by jumps in the index, without those of existing queues. */
const ABANDONED = `WITH RECURSIVE owner(id) AS (
    SELECT min(queue) FROM message
    UNION ALL SELECT (SELECT min(queue) FROM message WHERE queue > owner.id) FROM owner WHERE owner.id IS NOT NULL)
  SELECT id FROM owner WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM queue) LIMIT 1`;

/**
 * Deletes the messages of deleted queues page by page, including those that an interrupted sweep has left. It ends
 * between two pages at an abort, if the file is locked for too long, or if the disk is full. The remaining messages do
 * no harm, and the next sweep continues with them.
 */
export async function sweep(file: QueueFile, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted && (await file.write(sweepPage)));
  } catch (error) {
    if (!isMqError(error)) throw error;
  }
}

/** False if nothing was left to delete. */
function sweepPage(connection: Connection): boolean {
  const queue = connection.find(ABANDONED)?.integer('id');
  if (queue === undefined) return false;
  removeMessages(connection, `SELECT key FROM message WHERE queue = :queue LIMIT ${PAGE}`, { queue });
  return true;
}
