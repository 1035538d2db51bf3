/**
 * After the operator's wish to end, what goes on at once may go on so long; then silence is not waited for. Two or
 * three connections, each of which is given up in turn, have to end within 2 s.
 */
const GRACE_MS = 750;
/** In a hurry, what a connection owes for so long … */
const SHORT_MS = 250;
/** … without a sound from it for so long, does not come. */
const QUIET_MS = 800;

/**
 * How long the connections of one session are waited for. One of them that was found silent puts the others in a hurry,
 * and so does the operator's wish to end: several that were each waited for in turn would take several times as long.
 */
export class Patience {
  /** The longest wait for one answer. */
  readonly answerMs: number;
  readonly #boundsAlarms: boolean;
  #hurriedFrom: number | null = null;

  /** `boundsAlarms`: the same goes for a broker that has said that it makes publishers wait. */
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
   * Whether an answer is given up. Instants as `performance.now()` says them. A broker that has said that it makes
   * publishers wait is waited for, unless the operator has set how long.
   */
  isOver(owed: { readonly owedAt: number; readonly heardAt: number; readonly isBlocked: boolean }): boolean {
    const { owedAt, heardAt, isBlocked } = owed;
    const isBounded = !isBlocked || this.#boundsAlarms;
    if (isBounded && performance.now() - Math.max(owedAt, heardAt) >= this.answerMs) return true;
    return this.isHurriedPast(owedAt, heardAt);
  }

  /** Everything has to end, and this will not. */
  isHurriedPast(owedAt: number, heardAt: number): boolean {
    const now = performance.now();
    const isHurried = this.#hurriedFrom !== null && now >= this.#hurriedFrom;
    return isHurried && now - owedAt >= SHORT_MS && now - heardAt >= QUIET_MS;
  }
}
