/** A figure of `QueueStats` that may be approximate or need a note. */
export type StatsField = 'ready' | 'inFlight' | 'delayed' | 'dead' | 'depth' | 'consumers' | 'oldestAgeMs' | 'rates';

/** Events per second over a window; null if the broker gives no way to know. */
export interface Rates {
  readonly inPerSec: number | null;
  readonly outPerSec: number | null;
  /** Messages that were given up on or failed, per second. */
  readonly errorPerSec: number | null;
  readonly windowMs: number | null;
}

/**
 * Cumulative counts since the broker (or the queue) started. Two readings give rates. Absent if the broker has none.
 */
export interface Counters {
  readonly enqueued: number | null;
  readonly acked: number | null;
  readonly failed: number | null;
}

/**
 * One reading of a queue. Unknown is `null`, never 0. A figure that does not apply to the kind is absent. `approximate`
 * names the figures that the broker itself calls approximate or that may lag. `notes` explains figures.
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
  /** ready + in-flight + delayed; null if one of those that apply is unknown. */
  readonly depth: number | null;
  readonly consumers?: number | null;
  /** Now − enqueue time of the oldest ready message, in milliseconds; null: unknown, or there is none (see notes). */
  readonly oldestAgeMs?: number | null;
  /**
   * Present if the broker itself reports rates. Otherwise they are computed from two readings of `counters`
   * (`feed/rates.ts`).
   */
  readonly rates?: Rates;
  readonly counters?: Counters;
  readonly approximate: readonly StatsField[];
  /** `list`: on each row of an incomplete list, the reason. */
  readonly notes: Readonly<Partial<Record<StatsField | 'state' | 'list', string>>>;
  /** When it was read, in milliseconds since the epoch. */
  readonly sampledAt: number;
  /**
   * The time of the broker's own clock at that moment, in milliseconds since the epoch. If the clock is coarse, it is
   * the latest that it can have been. Absent: the broker did not say.
   */
  readonly brokerTime?: number;
}

/** The sum of the states that apply; null if one of them is unknown. */
export function depthOf(...states: readonly (number | null | undefined)[]): number | null {
  let depth = 0;
  for (const count of states) {
    if (count === null) return null;
    depth += count ?? 0;
  }
  return depth;
}
