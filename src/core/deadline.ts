import { abortedError, MqError } from '../contract/errors.ts';
import { formatDuration } from './duration.ts';

/** How long a call may take to end after its signal has aborted. After that, `mq` stops waiting for it. */
const GRACE_MS = 1_000;

/** The longest wait for one answer of the broker. It runs only while `mq` waits for an answer. */
export class Deadline {
  readonly #operation: string;
  readonly #timeoutMs: number;
  readonly #late = new AbortController();
  /** Aborts with `TIMEOUT` when an answer took too long, and when the operator stops. */
  readonly signal: AbortSignal;
  #isGivenUp = false;
  #timer: NodeJS.Timeout | null = null;

  /** `stop`: the operator's wish to end everything. The call is given it, too. */
  constructor(operation: string, timeoutMs: number, stop: AbortSignal) {
    this.#operation = operation;
    this.#timeoutMs = timeoutMs;
    // Made once for all items of a list: making it takes longer than everything else that is done for one item.
    this.signal = AbortSignal.any([stop, this.#late.signal]);
  }

  /** A call did not end even when it was told to: it, and whatever it came from, may never end. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** An answer came that is only part of what `mq` waits for: the next part may take as long again. */
  restart(): void {
    this.#timer?.refresh();
  }

  async watch<T>(wait: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#late.abort(this.#error()), this.#timeoutMs);
    this.#timer = timer;
    let grace: NodeJS.Timeout | undefined;
    const { signal } = this;
    let endGrace = (): void => {};
    // This is not left to the call: a client may wait for ever and ignore the signal.
    const givenUp = new Promise<never>((_, reject) => {
      endGrace = () => {
        grace = setTimeout(() => {
          this.#isGivenUp = true;
          reject(abortedError(signal));
        }, GRACE_MS);
      };
    });
    if (signal.aborted) endGrace();
    else signal.addEventListener('abort', endGrace, { once: true });
    try {
      return await Promise.race([wait(), givenUp]);
    } finally {
      clearTimeout(timer);
      this.#timer = null;
      clearTimeout(grace);
      signal.removeEventListener('abort', endGrace);
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
