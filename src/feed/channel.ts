/** Passes values from several producers to one consumer, in order. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #waiting: T[] = [];
  #wake: (() => void) | null = null;
  #closed = false;

  push(value: T): void {
    this.#waiting.push(value);
    this.#wake?.();
  }

  /** Values that were pushed before are still delivered. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      let value = this.#waiting.shift();
      while (value !== undefined) {
        yield value;
        value = this.#waiting.shift();
      }
      if (this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }
}
