import { abortedError, MqError } from '../contract/errors.ts';
import { formatDuration } from './duration.ts';

/** So long a call may take to end after its signal has aborted; then nobody waits for it any more. */
const GRACE_MS = 1_000;

/** The longest wait for one answer of the broker. It runs only while an answer is waited for. */
export class Deadline {
  readonly #operation: string;
  readonly #timeoutMs: number;
  readonly #late = new AbortController();
  /** Aborted with `TIMEOUT` when an answer took too long, and by the operator. */
  readonly signal: AbortSignal;
  #isGivenUp = false;
  #timer: NodeJS.Timeout | null = null;

  /** `stop`: the operator's wish that all ends, which a call is given, too. */
  constructor(operation: string, timeoutMs: number, stop: AbortSignal) {
    this.#operation = operation;
    this.#timeoutMs = timeoutMs;
    // Once for all items of a list: it takes longer than the rest of what is done for one.
    this.signal = AbortSignal.any([stop, this.#late.signal]);
  }

  /** A call did not even end when it was told to: what is left of it, and of what it came from, may never end. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** An answer came that is only part of what is waited for: the next one may take as long. */
  restart(): void {
    this.#timer?.refresh();
  }

  async watch<T>(wait: () => Promise<T>): Promise<T> {
    const timer = setTimeout(() => this.#late.abort(this.#error()), this.#timeoutMs);
    this.#timer = timer;
    let grace: NodeJS.Timeout | undefined;
    const { signal } = this;
    let endGrace = (): void => {};
    // Not left to the call: a client may wait for what never comes and hear no signal.
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
