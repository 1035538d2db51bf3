import type { Counters, QueueStats, Rates } from '../contract/stats.ts';

/** The part of a reading that has to be kept to compute rates with a later one. */
export type EarlierReading = Pick<QueueStats, 'sampledAt' | 'counters'>;

/**
 * Computes rates from two readings of one queue, from its cumulative counters if it has them. Without counters, only
 * the net change of its depth is known, and every rate is null. A counter that went backwards was reset (a broker
 * restart): its rate over that window is unknown, not negative.
 */
export function ratesBetween(before: EarlierReading, after: QueueStats): Rates {
  if (after.rates !== undefined) return after.rates;
  const windowMs = after.sampledAt - before.sampledAt;
  if (windowMs <= 0 || before.counters === undefined || after.counters === undefined) {
    return { inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null };
  }
  const [old, fresh] = [before.counters, after.counters];
  const reset = (Object.keys(fresh) as (keyof Counters)[]).some((key) => (fresh[key] ?? 0) < (old[key] ?? 0));
  const rate = (key: keyof Counters): number | null => {
    const [from, to] = [old[key], fresh[key]];
    return reset || from === null || to === null ? null : round(((to - from) * 1000) / windowMs);
  };
  return { inPerSec: rate('enqueued'), outPerSec: rate('acked'), errorPerSec: rate('failed'), windowMs };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The reading with rates: the broker's own, or computed from an earlier reading, or unknown. */
export function withRates(stats: QueueStats, before: EarlierReading | null): QueueStats {
  if (stats.rates !== undefined) return stats;
  const unknown: Rates = { inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null };
  return { ...stats, rates: before === null ? unknown : ratesBetween(before, stats) };
}

/** Computes rates from each reading and the one before it. The caller decides how far apart the readings are. */
export class ReadingPairs {
  #before: ReadonlyMap<string, QueueStats> = new Map();

  /** The readings with rates. Each is kept for the next one. A queue that is missing is forgotten. */
  rated(readings: readonly QueueStats[]): readonly QueueStats[] {
    const before = this.#before;
    this.#before = new Map(readings.map((reading) => [reading.queue, reading]));
    return readings.map((reading) => withRates(reading, before.get(reading.queue) ?? null));
  }
}
