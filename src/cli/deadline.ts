import { MqError } from '../contract/errors.ts';
import { formatDuration } from '../core/duration.ts';

/** The longest wait for one answer of the broker. It runs only while an answer is waited for. */
export class Deadline {
  readonly #operation: string;
  readonly #timeoutMs: number;
  readonly #late = new AbortController();

  constructor(operation: string, timeoutMs: number) {
    this.#operation = operation;
    this.#timeoutMs = timeoutMs;
  }

  /** Aborted with `TIMEOUT` when an answer took too long. */
  get signal(): AbortSignal {
    return this.#late.signal;
  }

  async watch<T>(wait: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#late.abort(this.#error()), this.#timeoutMs);
    try {
      return await wait();
    } finally {
      clearTimeout(timer);
    }
  }

  throwIfOver(): void {
    this.#late.signal.throwIfAborted();
  }

  #error(): MqError {
    return new MqError('TIMEOUT', `the broker did not answer within ${formatDuration(this.#timeoutMs)}`, {
      hint: 'try again, or give a longer --timeout',
      operation: this.#operation,
    });
  }
}
