import type { QueuePattern } from '../contract/broker.ts';
import type { QueueStats } from '../contract/stats.ts';
import type { Clock } from '../core/rate-limit.ts';
import { Cadence } from './feed/cadence.ts';
import { watch } from './feed/feed.ts';
import type { Snapshot } from './feed/snapshot.ts';
import { reduce } from './state/reducer.ts';
import type { BrokerView } from './state/rows.ts';
import { type InitialOptions, initialState, LIST_CHROME, type TopState } from './state/state.ts';
import { wholeReasons } from './text/brokers.ts';
import { screenLines } from './text/screen.ts';
import type { Theme } from './text/theme.ts';
import type { WatchedBroker } from './watched.ts';

export interface StillOptions {
  readonly brokers: readonly WatchedBroker[];
  readonly pattern: QueuePattern;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly now: () => number;
  readonly redact: (text: string) => string;
  readonly signal: AbortSignal;
}

/** Snapshots as they come, without a terminal. */
export function snapshotsOf(options: StillOptions): AsyncGenerator<Snapshot> {
  return watch(options.brokers, { ...options, cadence: new Cadence(options.intervalMs, options.clock) });
}

/**
 * The snapshots of one frame: until each broker has answered, with rates where those take a second reading, or has
 * failed to. Brokers that are quick go on being polled while the others are waited for.
 */
export async function* untilComplete(options: StillOptions): AsyncGenerator<Snapshot> {
  const waiting = new Set(options.brokers.map(({ context }) => context));
  const read = new Set<string>();
  // A second reading is the last one, so that a broker needs no rest before it, and somebody waits for it.
  const cadence = new Cadence(options.intervalMs, options.clock, 0);
  for await (const snapshot of watch(options.brokers, { ...options, cadence })) {
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

/**
 * One frame as text: as wide as it may be, and as high as it takes to show every queue. No control sequences but
 * colours.
 */
export function frameText(state: TopState, theme: Theme, columns: number): string {
  const below = wholeReasons(state, Math.max(1, columns), theme).length;
  const sized = {
    ...state,
    size: { columns: columns + 1, rows: Math.max(1, state.rows.length) + below + LIST_CHROME },
    offset: 0,
  };
  const lines = screenLines({ ...sized, selected: null }, theme);
  // The last line holds the keys, which mean nothing in a still.
  return lines
    .slice(0, -1)
    .map(({ text }) => `${text.trimEnd()}\n`)
    .join('');
}

/** What there is to show when no snapshot comes after these. */
export function stateAfter(snapshots: Iterable<Snapshot>, options: Omit<InitialOptions, 'size'>): TopState {
  let state = initialState({ ...options, size: { columns: 120, rows: 40 } });
  for (const snapshot of snapshots) state = reduce(state, { type: 'snapshot', snapshot });
  return { ...state, brokers: new Map([...state.brokers].map(([context, view]) => [context, ended(view)])) };
}

/** Nothing is tried again. */
function ended(broker: BrokerView): BrokerView {
  const { condition } = broker;
  return condition.state === 'stale' ? { ...broker, condition: { ...condition, retryAt: null } } : broker;
}
