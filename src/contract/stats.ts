/** A figure of `QueueStats` that may be approximate or need a note. */
export type StatsField = 'ready' | 'inFlight' | 'delayed' | 'dead' | 'depth' | 'consumers' | 'oldestAgeMs' | 'rates';

/** Events per second over a window; null where the broker gives no way to know. */
export interface Rates {
  readonly inPerSec: number | null;
  readonly outPerSec: number | null;
  /** Messages given up on or failed, per second. */
  readonly errorPerSec: number | null;
  readonly windowMs: number | null;
}

/**
 * Cumulative counts since the broker (or the queue) started; two readings make rates. Absent where the broker has none.
 */
export interface Counters {
  readonly enqueued: number | null;
  readonly acked: number | null;
  readonly failed: number | null;
}

/**
 * One reading of a queue. Unknown is `null`, never 0. A figure that does not apply to the kind is absent. `approximate`
 * names the figures that the broker itself calls approximate or that may lag; `notes` says why a figure is what it is.
 */
export interface QueueStats {
  readonly queue: string;
  readonly broker: string;
  readonly kind: string;
  /** `running`, `paused`, or the broker's own word. */
  readonly state: string;
  readonly ready: number | null;
  readonly inFlight?: number | null;
  readonly delayed?: number | null;
  readonly dead?: number | null;
  /** ready + in-flight + delayed; null when one of those that apply is unknown. */
  readonly depth: number | null;
  readonly consumers?: number | null;
  /**
   * Now − enqueue time of the oldest ready message, milliseconds; null when unknown or when there is none (see notes).
   */
  readonly oldestAgeMs?: number | null;
  /** Present where the broker reports rates itself; else core/sample.ts makes them from two readings of `counters`. */
  readonly rates?: Rates;
  readonly counters?: Counters;
  readonly approximate: readonly StatsField[];
  /** `list`: on each row of a list that is not whole, why. */
  readonly notes: Readonly<Partial<Record<StatsField | 'state' | 'list', string>>>;
  /** When it was read, milliseconds since the epoch. */
  readonly sampledAt: number;
  /**
   * What the broker's own clock said then, milliseconds since the epoch; the latest that it can have been, where it is
   * coarse. Absent: it did not say.
   */
  readonly brokerTime?: number;
}

/** The sum of the states that apply; null as soon as one is unknown. */
export function depthOf(...states: readonly (number | null | undefined)[]): number | null {
  let depth = 0;
  for (const count of states) {
    if (count === null) return null;
    depth += count ?? 0;
  }
  return depth;
}
