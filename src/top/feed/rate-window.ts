import type { QueueStats } from '../../contract/stats.ts';
import { type EarlierReading, withRates } from '../../core/sample.ts';

/** Long enough to be steady, short enough to follow an incident. */
const WINDOW_MS = 10_000;
/** Readings closer together than this are not all kept: ten of each queue are enough. */
const SPACING_MS = 1_000;

/**
 * Rates over the last ten seconds, from the readings of each queue of one broker. Between two single polls a rate is mostly noise: one batch
 * more or less doubles it. After a counter reset the window starts anew, so a restart costs one reading and no negative rate.
 */
export class RateWindow {
  #readings = new Map<string, readonly EarlierReading[]>();

  /** Takes one poll's readings and gives them back with rates. Queues that are gone are forgotten. */
  apply(fresh: readonly QueueStats[]): readonly QueueStats[] {
    const kept = new Map<string, readonly EarlierReading[]>();
    const rated = fresh.map((reading) => {
      if (reading.rates !== undefined || reading.counters === undefined) return withRates(reading, null);
      const before = this.#readings.get(reading.queue) ?? [];
      const last = before.at(-1);
      const earlier = last !== undefined && wasReset(last, reading) ? [] : within(before, reading.sampledAt);
      const { sampledAt, counters } = reading;
      kept.set(reading.queue, [...spaced(earlier), { sampledAt, counters }]);
      return withRates(reading, earlier[0] ?? null);
    });
    this.#readings = kept;
    return rated;
  }
}

/** The readings of the window, and at least the last one when polls are further apart than that. */
function within(readings: readonly EarlierReading[], now: number): readonly EarlierReading[] {
  const first = readings.findIndex((reading) => now - reading.sampledAt <= WINDOW_MS);
  return first === -1 ? readings.slice(-1) : readings.slice(first);
}

/** The last one is only for finding a reset: it stays when it is far enough from the one before it. */
function spaced(readings: readonly EarlierReading[]): readonly EarlierReading[] {
  const [before, last] = readings.slice(-2);
  if (before === undefined || last === undefined || last.sampledAt - before.sampledAt >= SPACING_MS) return readings;
  return readings.slice(0, -1);
}

function wasReset(before: EarlierReading, after: EarlierReading): boolean {
  const [old, fresh] = [before.counters, after.counters];
  if (old === undefined || fresh === undefined) return true;
  const fell = (from: number | null, to: number | null): boolean => from !== null && to !== null && to < from;
  return fell(old.enqueued, fresh.enqueued) || fell(old.acked, fresh.acked) || fell(old.failed, fresh.failed);
}
