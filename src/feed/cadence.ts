import type { Clock } from '../core/rate-limit.ts';

/** After a slow reading, the broker rests for this many times as long before the next one. */
const REST = 3;
const LONGEST_REST_MS = 10_000;

/** The rhythm that all pollers of a view share. It can be changed and cut short while they wait. */
export class Cadence {
  #intervalMs: number;
  #changed = new AbortController();
  readonly #clock: Clock;
  readonly #rest: number;

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
    this.wake();
  }

  /** Polls that wait for their next tick start now. */
  wake(): void {
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  /** The time in milliseconds from the start of a reading that took `elapsedMs` to the start of the next one. */
  periodMs(elapsedMs: number): number {
    const rest = Math.min(elapsedMs * this.#rest, LONGEST_REST_MS);
    return Math.max(1, Math.ceil((elapsedMs + rest) / this.#intervalMs)) * this.#intervalMs;
  }

  /**
   * Waits for the next tick after `startedAt` (by the clock). A tick that passed while the last poll still ran is
   * skipped and not made up for. So is a tick that would leave the broker less than its rest. Resolves early when the
   * interval changes, on `wake`, and when the signal aborts.
   */
  async nextTick(startedAt: number, signal: AbortSignal): Promise<void> {
    const elapsed = this.#clock.now() - startedAt;
    await this.pause(this.periodMs(elapsed) - elapsed, signal);
  }

  async pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(milliseconds, AbortSignal.any([signal, this.#changed.signal]));
  }
}
