import type { QueueStats } from '../contract/stats.ts';
import { aged } from './aged.ts';
import { RATE_WINDOW_MS, type RateWindow } from './rate-window.ts';

/** The last reading of one connection, with the mark by which its broker tells that it is still true. */
export class LastReading {
  readonly #mark: string;
  readonly #queues: readonly QueueStats[];
  readonly notices: readonly string[];
  /** The rates, too, stay as they are: nothing came or went in all the time that they cover. */
  readonly isQuiet: boolean;
  /** When it was last found to be true, in milliseconds since the epoch. */
  #trueAt: number;
  /** It was found to be true without the rates being told. */
  #wasBrief = false;

  /** `queues` without and `rated` with the rates that were computed for them. */
  constructor(
    mark: string,
    queues: readonly QueueStats[],
    rated: readonly QueueStats[],
    notices: readonly string[],
    at: number,
  ) {
    this.#mark = mark;
    this.#queues = queues;
    this.notices = notices;
    this.isQuiet = rated.every(isQuiet);
    this.#trueAt = at;
  }

  isOf(mark: string | null): boolean {
    return mark === this.#mark;
  }

  /** It was found to be true again, and nothing needs to be told of it. */
  stillTrue(at: number): void {
    this.#trueAt = at;
    this.#wasBrief = true;
  }

  /** Every queue as it is at a moment until which nothing has changed. */
  at(at: number): readonly QueueStats[] {
    return this.#queues.map((stats) => aged(stats, at));
  }

  /**
   * Something has changed after it. The rates count from readings, so they are told of those that were left out: of the
   * oldest one that a rate at `now` reaches back to.
   */
  close(window: RateWindow, now: number): void {
    if (!this.#wasBrief) return;
    const at = Math.min(this.#trueAt, now - RATE_WINDOW_MS);
    for (const stats of this.#queues) if (at > stats.sampledAt) window.rated(aged(stats, at));
  }
}

function isQuiet({ rates, counters }: QueueStats): boolean {
  if (rates === undefined) return true;
  const { inPerSec, outPerSec, errorPerSec, windowMs } = rates;
  // The first of two readings: the second one will bring rates.
  if (windowMs === null && counters !== undefined) return false;
  return [inPerSec, outPerSec, errorPerSec].every((rate) => rate === null || rate === 0);
}
