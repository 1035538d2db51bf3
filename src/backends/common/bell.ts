/** A caller with nothing to do waits here until the bell rings. A ring without a waiting caller is lost. */
export class Bell {
  #resting: (() => void)[] = [];

  get isAwaited(): boolean {
    return this.#resting.length > 0;
  }

  ring(): void {
    if (this.#resting.length === 0) return;
    const resting = this.#resting;
    this.#resting = [];
    for (const wake of resting) wake();
  }

  /** Resolves with the next ring. */
  rest(): Promise<void> {
    return new Promise((resolve) => this.#resting.push(resolve));
  }

  /** Resolves with the next ring, after `ms` (null: never), or as soon as the signal aborts. */
  async restFor(ms: number | null, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const ring = (): void => this.ring();
    const timer = ms === null ? null : setTimeout(ring, ms);
    signal.addEventListener('abort', ring, { once: true });
    await this.rest();
    if (timer !== null) clearTimeout(timer);
    signal.removeEventListener('abort', ring);
  }
}
