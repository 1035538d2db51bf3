import type { QueueStats } from '../../../contract/stats.ts';
import type { Connection } from '../connection/connection.ts';
import { deadLetterQueueOf } from '../handle.ts';
import type { RedisSettings } from '../url.ts';
import { type BullPlace, findBull } from './find.ts';
import { bullStatsOf, readCounts, type Workers } from './stats.ts';

/** The name of a queue of wrapped jobs, unless `?dlq=` says otherwise. */
const WRAPPED_QUEUES = '*-dlq';

export function wrappedSettings({ settings }: Connection): RedisSettings {
  const { dlq, unwrap } = settings;
  return { ...settings, dlq: dlq ?? (unwrap === null ? null : WRAPPED_QUEUES) };
}

/**
 * With `?unwrap=`: the queue that holds this one's dead letters, wrapped. Null: there is none, and its failed jobs are
 * its dead letters.
 */
export async function wrappedDeadOf(
  connection: Connection,
  bull: BullPlace,
  signal: AbortSignal,
): Promise<BullPlace | null> {
  if (connection.settings.unwrap === null) return null;
  const name = deadLetterQueueOf(wrappedSettings(connection), bull.shown);
  return name === null ? null : findBull(connection, name, signal);
}

/** The stats of a queue, with its dead letters wherever they are. */
export async function bullRow(
  connection: Connection,
  bull: BullPlace,
  workers: Workers,
  signal: AbortSignal,
): Promise<QueueStats> {
  const [stats, holder] = await Promise.all([
    bullStatsOf(connection, bull, workers, signal),
    wrappedDeadOf(connection, bull, signal),
  ]);
  if (holder === null) return stats;
  const { wait, paused, prioritized } = await readCounts(connection, holder, signal);
  const own = stats.dead ?? 0;
  const kept = `they wait in ${holder.shown}, wrapped`;
  const note = own === 0 ? kept : `${kept}; ${own} failed ${own === 1 ? 'job' : 'jobs'} of its own not counted`;
  return { ...stats, dead: wait + paused + prioritized, notes: { ...stats.notes, dead: note } };
}
