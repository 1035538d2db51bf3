import type { Clock } from '../core/rate-limit.ts';

/** After a slow reading, the broker rests for this many times as long before the next one. */
const REST = 3;
const LONGEST_REST_MS = 10_000;
/** Without an interval that a person has chosen, billed requests are made at most so often: some 0.70 dollars a day. */
const BILLED_PER_SEC = 20;

/** The rhythm that all pollers of a view share. It can be changed and cut short while they wait. */
export class Cadence {
  #intervalMs: number;
  #changed = new AbortController();
  readonly #clock: Clock;
  readonly #rest: number;
  #isChosen = true;

  /** `rest`: the broker is left alone for at least this many times the duration of a reading. */
  constructor(intervalMs: number, clock: Clock, rest = REST) {
    this.#intervalMs = intervalMs;
    this.#clock = clock;
    this.#rest = rest;
  }

  get intervalMs(): number {
    return this.#intervalMs;
  }

  set intervalMs(intervalMs: number) {
    this.#intervalMs = intervalMs;
    this.#isChosen = true;
    this.wake();
  }

  /** Nobody has chosen the interval: it grows where requests are billed. */
  mayGrow(): this {
    this.#isChosen = false;
    return this;
  }

  /** Polls that wait for their next tick start now. */
  wake(): void {
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /**
   * The time in milliseconds from the start of a reading that took `elapsedMs` to the start of the next one. `billed`:
   * the requests of a reading that are billed.
   */
  periodMs(elapsedMs: number, billed = 0): number {
    const rest = Math.min(elapsedMs * this.#rest, LONGEST_REST_MS);
    const affordable = this.#isChosen ? 0 : (billed * 1_000) / BILLED_PER_SEC;
    const least = Math.max(elapsedMs + rest, affordable);
    return Math.max(1, Math.ceil(least / this.#intervalMs)) * this.#intervalMs;
  }

  /** Whether the price of `billed` requests for each reading is worth telling: it slows the readings, or is high. */
  isDear(billed: number): boolean {
    return (billed * 1_000) / BILLED_PER_SEC > this.#intervalMs;
  }

  /**
   * Waits for the next tick after `startedAt` (by the clock). A tick that passed while the last poll still ran is
   * skipped and not made up for. So is a tick that would leave the broker less than its rest. Resolves early when the
   * interval changes, on `wake`, and when the signal aborts.
   */
  async nextTick(startedAt: number, signal: AbortSignal, billed = 0): Promise<void> {
    const elapsed = this.#clock.now() - startedAt;
    await this.pause(this.periodMs(elapsed, billed) - elapsed, signal);
  }

  async pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(milliseconds, AbortSignal.any([signal, this.#changed.signal]));
  }
}
