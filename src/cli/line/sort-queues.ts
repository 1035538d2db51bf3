import type { QueueStats } from '../../contract/stats.ts';

export const SORT_KEYS = ['name', 'ready', 'in-flight', 'delayed', 'dead', 'depth', 'consumers'] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** For sorting: the largest first, names from a to z. Equals are ordered by name. */
export function compareQueues(a: QueueStats, b: QueueStats, key: SortKey): number {
  const difference = key === 'name' ? 0 : figure(b, key) - figure(a, key);
  if (difference !== 0) return difference;
  return a.queue < b.queue ? -1 : a.queue > b.queue ? 1 : 0;
}

/** Unknown sorts last. */
function figure(stats: QueueStats, key: Exclude<SortKey, 'name'>): number {
  return (key === 'in-flight' ? stats.inFlight : stats[key]) ?? -1;
}
