/**
 * How long a call that answers at once may continue after the operator's wish to end. After that, silence is not waited
 * for. Two or three connections that are given up in turn have to end within 2 s.
 */
const GRACE_MS = 750;
/** In a hurry, an answer that a connection has owed for this long … */
const SHORT_MS = 250;
/** … without a sound from it for this long, does not come. */
const QUIET_MS = 800;

/**
 * How long the connections of one session are waited for. One that was found silent puts the others in a hurry, and so
 * does the operator's wish to end: waiting for several in turn would take several times as long.
 */
export class Patience {
  /** The longest wait for one answer. */
  readonly answerMs: number;
  readonly #boundsAlarms: boolean;
  #hurriedFrom: number | null = null;

  /** `boundsAlarms`: the same limit applies to a broker that has said that it makes publishers wait. */
  constructor(answerMs: number, stop: AbortSignal, boundsAlarms = false) {
    this.answerMs = answerMs;
    this.#boundsAlarms = boundsAlarms;
    if (stop.aborted) this.hurry(GRACE_MS);
    else stop.addEventListener('abort', () => this.hurry(GRACE_MS), { once: true });
  }

  hurry(afterMs: number): void {
    const from = performance.now() + afterMs;
    this.#hurriedFrom = Math.min(this.#hurriedFrom ?? from, from);
  }

  /**
   * Whether an answer is given up. Instants are those of `performance.now()`. A broker that has said that it makes
   * publishers wait is waited for, unless the operator has set a limit.
   */
  isOver(owed: { readonly owedAt: number; readonly heardAt: number; readonly isBlocked: boolean }): boolean {
    const { owedAt, heardAt, isBlocked } = owed;
    const isBounded = !isBlocked || this.#boundsAlarms;
    if (isBounded && performance.now() - Math.max(owedAt, heardAt) >= this.answerMs) return true;
    return this.isHurriedPast(owedAt, heardAt);
  }

  /** Everything has to end, and this answer will not come. */
  isHurriedPast(owedAt: number, heardAt: number): boolean {
    const now = performance.now();
    const isHurried = this.#hurriedFrom !== null && now >= this.#hurriedFrom;
    return isHurried && now - owedAt >= SHORT_MS && now - heardAt >= QUIET_MS;
  }
}
