import type { Notice } from '../contract/call.ts';
import type { Clock } from './rate-limit.ts';

const FIRST_MS = 200;
const LONGEST_MS = 10_000;
/** After this time without one success, the target is considered out of order. */
const PATIENCE_MS = 60_000;

/**
 * Decides what happens when a target says "not now". The whole pipeline waits, each time about twice as long, up to 10
 * s, until something succeeds or a minute has passed without success. The waits vary at random, so that several runs do
 * not come back at the same moment.
 */
export class BackOff {
  readonly #clock: Clock;
  readonly #notice: Notice;
  readonly #target: string;
  #refusals = 0;
  #since: number | null = null;
  #until = 0;
  #told = false;

  constructor(clock: Clock, target: string, notice: Notice) {
    this.#clock = clock;
    this.#target = target;
    this.#notice = notice;
  }

  /** A message was stored. */
  succeeded(): void {
    this.#refusals = 0;
    this.#since = null;
    this.#until = 0;
  }

  /** The next send may not be tried yet. */
  get isWaiting(): boolean {
    return this.#until > 0 && this.#until > this.#clock.now();
  }

  /** Resolves when the next send may be tried: at once if nothing was refused. */
  async clear(signal: AbortSignal): Promise<void> {
    while (this.isWaiting && !signal.aborted) await this.#clock.sleep(this.#until - this.#clock.now(), signal);
  }

  /** Call it when a send was certainly not carried out. Waits, then resolves to whether another try is worth it. */
  async refused(reason: string, signal: AbortSignal): Promise<boolean> {
    const now = this.#clock.now();
    this.#since ??= now;
    if (now - this.#since >= PATIENCE_MS || signal.aborted) return false;
    // Messages that were in the air together are refused together: that lengthens the wait only once.
    if (this.#until <= now) {
      const waitMs = Math.ceil(Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#refusals) * (0.5 + Math.random() / 2));
      this.#refusals += 1;
      this.#until = now + waitMs;
    }
    if (!this.#told) this.#notice(`${this.#target} refuses messages for now (${reason}): waiting, and trying again`);
    this.#told = true;
    await this.clear(signal);
    return !signal.aborted;
  }
}
