import type { QueueStats } from '../../contract/stats.ts';
import { withRates } from '../../core/sample.ts';

/** Long enough to be steady, short enough to follow an incident. */
const WINDOW_MS = 10_000;

/**
 * Rates over the last ten seconds, from the readings of each queue of one broker. Between two single polls a rate is mostly noise: one batch
 * more or less doubles it. After a counter reset the window starts anew, so a restart costs one reading and no negative rate.
 */
export class RateWindow {
  #readings = new Map<string, QueueStats[]>();

  /** Takes one poll's readings and gives them back with rates. Queues that are gone are forgotten. */
  apply(fresh: readonly QueueStats[]): readonly QueueStats[] {
    const kept = new Map<string, QueueStats[]>();
    const rated = fresh.map((reading) => {
      if (reading.rates !== undefined || reading.counters === undefined) return withRates(reading, null);
      const before = this.#readings.get(reading.queue) ?? [];
      const last = before.at(-1);
      const earlier = last !== undefined && wasReset(last, reading) ? [] : within(before, reading.sampledAt);
      kept.set(reading.queue, [...earlier, reading]);
      return withRates(reading, earlier[0] ?? null);
    });
    this.#readings = kept;
    return rated;
  }
}

/** The readings of the window, and at least the last one when polls are further apart than that. */
function within(readings: readonly QueueStats[], now: number): QueueStats[] {
  const first = readings.findIndex((reading) => now - reading.sampledAt <= WINDOW_MS);
  return first === -1 ? readings.slice(-1) : readings.slice(first);
}

function wasReset(before: QueueStats, after: QueueStats): boolean {
  const [old, fresh] = [before.counters, after.counters];
  if (old === undefined || fresh === undefined) return true;
  const fell = (from: number | null, to: number | null): boolean => from !== null && to !== null && to < from;
  return fell(old.enqueued, fresh.enqueued) || fell(old.acked, fresh.acked) || fell(old.failed, fresh.failed);
}
