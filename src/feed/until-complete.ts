import type { QueueStats } from '../contract/stats.ts';
import { Cadence } from './cadence.ts';
import { watch } from './feed.ts';
import type { PollOptions } from './poll-broker.ts';
import type { Snapshot } from './snapshot.ts';
import type { Source } from './source.ts';

/** As `PollOptions`, with the time between two readings in the place of a cadence that changes. */
export interface SteadyOptions extends Omit<PollOptions, 'cadence'> {
  readonly sources: readonly Source[];
  readonly intervalMs: number;
}

/** Snapshots as they come, until the signal aborts. */
export function snapshotsOf(options: SteadyOptions): AsyncGenerator<Snapshot> {
  return watch(options.sources, { ...options, cadence: new Cadence(options.intervalMs, options.clock) });
}

/**
 * The snapshots of one frame: until each broker has answered, with rates where those take a second reading, or has
 * failed to. Brokers that are quick go on being polled while the others are waited for.
 */
export async function* untilComplete(options: SteadyOptions): AsyncGenerator<Snapshot> {
  const waiting = new Set(options.sources.map(({ context }) => context));
  const read = new Set<string>();
  // A second reading is the last one, so that a broker needs no rest before it, and somebody waits for it.
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
