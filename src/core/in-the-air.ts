/** So that a window of large messages does not fill the memory. */
const MAX_BYTES = 64 * 1024 * 1024;

/** The messages that were sent and whose outcome is not settled yet: how many, how large, and who waits for fewer. */
export class InTheAir {
  readonly #window: number;
  #count = 0;
  #bytes = 0;
  #waiting: PromiseWithResolvers<void> | null = null;

  /** `window`: how many may be in the air at once. */
  constructor(window: number) {
    this.#window = window;
  }

  get isFull(): boolean {
    return this.#count >= this.#window || this.#bytes > MAX_BYTES;
  }

  /** `bytes`: the size of their bodies together. */
  add(bytes: number, count = 1): void {
    this.#count += count;
    this.#bytes += bytes;
  }

  remove(bytes: number, count = 1): void {
    this.#count -= count;
    this.#bytes -= bytes;
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  /** Resolves when the next message is settled. Call it only while there is one in the air. */
  oneLess(): Promise<void> {
    this.#waiting ??= Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Resolves when nothing is in the air. */
  async none(): Promise<void> {
    while (this.#count > 0) await this.oneLess();
  }
}
