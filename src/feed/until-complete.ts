import type { QueueStats } from '../contract/stats.ts';
import { Cadence } from './cadence.ts';
import { watch } from './feed.ts';
import type { PollOptions } from './poll-broker.ts';
import type { Snapshot } from './snapshot.ts';
import type { Source } from './source.ts';

/** Like `PollOptions`, with a fixed time between two readings instead of a cadence. */
export interface SteadyOptions extends Omit<PollOptions, 'cadence'> {
  readonly sources: readonly Source[];
  readonly intervalMs: number;
}

/** Snapshots as they come, until the signal aborts. */
export function snapshotsOf(options: SteadyOptions): AsyncGenerator<Snapshot> {
  return watch(options.sources, { ...options, cadence: new Cadence(options.intervalMs, options.clock) });
}

/**
 * The snapshots of one frame. Each broker is polled until it has answered (twice, if its rates take a second reading)
 * or has failed. Quick brokers are polled further while the others are waited for.
 */
export async function* untilComplete(options: SteadyOptions): AsyncGenerator<Snapshot> {
  const waiting = new Set(options.sources.map(({ context }) => context));
  const read = new Set<string>();
  // A second reading is the last one, so the broker needs no rest before it, and a person is waiting for it.
  const cadence = new Cadence(options.intervalMs, options.clock, 0);
  for await (const snapshot of watch(options.sources, { ...options, cadence })) {
    yield snapshot;
    const { context, condition, queues } = snapshot;
    if (condition.state === 'stale' && condition.retryAt !== null) waiting.delete(context);
    if (queues !== null) {
      if (read.has(context) || !queues.some(needsSecondReading)) waiting.delete(context);
      read.add(context);
    }
    if (waiting.size === 0) return;
  }
}

function needsSecondReading(stats: QueueStats): boolean {
  return stats.counters !== undefined && stats.rates?.windowMs === null;
}
