import type { Counters, QueueStats } from '../contract/stats.ts';
import { type EarlierReading, withRates } from './rates.ts';

/** Long enough to be steady, short enough to follow an incident. */
export const RATE_WINDOW_MS = 10_000;
/** Readings closer together than this are not all kept: ten per queue are enough. */
const SPACING_MS = 1_000;

/**
 * Rates over the last ten seconds, from the readings of each queue of one broker. Between two single polls a rate is
 * mostly noise: one batch more or less doubles it. After a counter reset the window starts again, so a restart costs
 * one reading and gives no negative rate. The same holds after a clock was set back.
 */
export class RateWindow {
  readonly #readings = new Map<string, Readings>();
  #seen = new Set<string>();

  /** The reading with rates. */
  rated(reading: QueueStats): QueueStats {
    const { queue, counters, sampledAt } = reading;
    if (reading.rates !== undefined || counters === undefined) return withRates(reading, null);
    const readings = this.#readings.get(queue) ?? new Readings();
    this.#readings.set(queue, readings);
    this.#seen.add(queue);
    const earlier = readings.before(sampledAt, counters);
    readings.keep(sampledAt, counters);
    return withRates(reading, earlier);
  }

  /** A poll has brought every queue: those that were not in it are gone and are forgotten. */
  pollEnded(): void {
    for (const queue of this.#readings.keys()) if (!this.#seen.has(queue)) this.#readings.delete(queue);
    this.#seen = new Set();
  }
}

const COUNTERS = ['enqueued', 'acked', 'failed'] as const satisfies readonly (keyof Counters)[];
const WIDTH = COUNTERS.length + 1;

/**
 * The readings of one queue, oldest first, in one array that is changed in place. Creating 2,000 queues times ten
 * readings every second would keep the garbage collector busy. NaN stands for unknown.
 */
class Readings {
  /** Each reading has its instant and its counters. */
  readonly #cells: number[] = [];

  /**
   * The oldest reading of the window before `now`, or the last one if polls are further apart than the window; null if
   * there is none. Forgets older readings.
   */
  before(now: number, counters: Counters): EarlierReading | null {
    const cells = this.#cells;
    const last = cells.length - WIDTH;
    if (last < 0) return null;
    // The clock was set back: a reading by the old clock does not tell how long ago it was.
    if ((cells[last] ?? now) > now) {
      cells.length = 0;
      return null;
    }
    if (COUNTERS.some((name, lane) => (counters[name] ?? Number.NaN) < (cells[last + 1 + lane] ?? Number.NaN))) {
      cells.length = 0;
      return null;
    }
    let first = 0;
    while (first < last && now - (cells[first] ?? now) > RATE_WINDOW_MS) first += WIDTH;
    cells.splice(0, first);
    const counter = (lane: number): number | null => {
      const value = cells[1 + lane] ?? Number.NaN;
      return Number.isNaN(value) ? null : value;
    };
    return {
      sampledAt: cells[0] ?? now,
      counters: { enqueued: counter(0), acked: counter(1), failed: counter(2) },
    };
  }

  /** The last reading is needed only to detect a reset. It stays if it is far enough from the one before it. */
  keep(sampledAt: number, counters: Counters): void {
    const cells = this.#cells;
    const [before, last] = [cells.length - 2 * WIDTH, cells.length - WIDTH];
    if (before >= 0 && (cells[last] ?? 0) - (cells[before] ?? 0) < SPACING_MS) cells.length = last;
    cells.push(sampledAt);
    for (const name of COUNTERS) cells.push(counters[name] ?? Number.NaN);
  }
}
