import type { QueueStats } from '../contract/stats.ts';

/**
 * A reading as it would be at a later moment, in milliseconds since the epoch, if nothing has changed since: only ages
 * have grown.
 */
export function aged(stats: QueueStats, at: number): QueueStats {
  const ms = at - stats.sampledAt;
  const { oldestAgeMs, brokerTime } = stats;
  return {
    ...stats,
    ...(oldestAgeMs === undefined || oldestAgeMs === null ? {} : { oldestAgeMs: Math.max(0, oldestAgeMs + ms) }),
    ...(brokerTime === undefined ? {} : { brokerTime: brokerTime + ms }),
    sampledAt: at,
  };
}
