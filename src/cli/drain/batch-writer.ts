/**
 * Combines writes: while one write runs, the next ones gather and go out as one. So thousands of messages cost few
 * system calls and few fsyncs, and each `put` still resolves only when its own bytes are written.
 */
export class BatchWriter {
  readonly #write: (batch: Uint8Array) => Promise<void>;
  #waiting: Waiting[] = [];
  #running = false;

  /**
   * `write` resolves when the batch is as safe as it has to be. It rejects if nothing of the batch counts as written.
   */
  constructor(write: (batch: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  put(chunk: Uint8Array | string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: typeof chunk === 'string' ? Buffer.from(chunk) : chunk, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // Written after this turn of the event loop, so that everything that is put in the same turn goes out together.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(Buffer.concat(batch.map(({ bytes }) => bytes)));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }
}

interface Waiting {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}
