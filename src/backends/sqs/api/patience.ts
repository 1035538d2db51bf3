import { MqError } from '../../../contract/errors.ts';

/** How long to wait for an answer. */
export interface Patience {
  /** The longest wait for one answer, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborted when the operator interrupts: after that, calls in the air are waited for only a little longer. */
  readonly interruption: AbortSignal;
}

export interface Waiting {
  readonly action: string;
  readonly queue: string | null;
  readonly signal: AbortSignal | null;
  /** How long the server may take for its answer, in milliseconds: the poll of a receive. */
  readonly pollMs: number;
}

/**
 * After the interruption: an answer that is on its way arrives within this time. Otherwise its server no longer
 * answers.
 */
const GRACE_MS = 800;
const GRACE_AFTER_POLL_MS = 400;
/** How long to wait for a server that has left a call unanswered: mainly to give back held messages. */
const SILENT_MS = 500;

/**
 * Bounds the wait for every answer: by the signal of the call, by the time limit, and by a short grace period once the
 * operator has interrupted. A server that has just left a call unanswered is not waited for as long a second time,
 * until it answers again.
 */
export class AnswerClock {
  readonly #patience: Patience;
  #isSilent = false;

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /**
   * The answer, or `TIMEOUT`; `ABORTED` by the call's own signal. A call that cannot be cut off may continue, and its
   * answer is ignored.
   */
  async answerOf<T>(waiting: Waiting, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { interruption, timeoutMs } = this.#patience;
    const { signal, pollMs } = waiting;
    const startedAt = Date.now();
    const cut = new AbortController();
    const late = (): void => {
      this.#isSilent = true;
      cut.abort(tooLate(waiting));
    };
    // Node's own timers keep the process alive, unlike those of `AbortSignal.timeout`.
    let timer = setTimeout(
      late,
      this.#isSilent ? Math.min(SILENT_MS + pollMs, timeoutMs) : Math.max(timeoutMs, pollMs + GRACE_MS),
    );
    const hurry = (): void => {
      clearTimeout(timer);
      const left = pollMs === 0 ? GRACE_MS : startedAt + pollMs + GRACE_AFTER_POLL_MS - Date.now();
      timer = setTimeout(late, Math.max(0, this.#isSilent ? Math.min(left, SILENT_MS) : left));
    };
    const abort = (): void => cut.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    if (interruption.aborted) hurry();
    else interruption.addEventListener('abort', hurry, { once: true });
    const aborted = Promise.withResolvers<never>();
    // Awaited in the race below, or not at all.
    aborted.promise.catch(() => {});
    cut.signal.addEventListener('abort', () => aborted.reject(cut.signal.reason), { once: true });
    if (cut.signal.aborted) aborted.reject(cut.signal.reason);
    try {
      const running = call(cut.signal);
      running.then(
        () => {
          this.#isSilent = false;
        },
        (error: unknown) => {
          // A refusal is an answer, too.
          if (!cut.signal.aborted && isAnswer(error)) this.#isSilent = false;
        },
      );
      return await Promise.race([running, aborted.promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      interruption.removeEventListener('abort', hurry);
    }
  }
}

/**
 * A call that may take this many milliseconds, whatever time limit its caller has for others. It is then cut off with
 * `TIMEOUT`.
 */
export async function within<T>(
  ms: number,
  { action, queue, signal }: Pick<Waiting, 'action' | 'queue'> & { readonly signal: AbortSignal },
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(tooLate({ action, queue })), ms);
  try {
    return await call(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The pause before attempt `attempt` + 1, in milliseconds: doubled each time, up to 5 s, and never exactly the same, so
 * that many clients do not come back together.
 */
export function backOffMs(attempt: number, firstMs: number): number {
  return Math.min(5_000, firstMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
}

function isAnswer(error: unknown): boolean {
  return typeof error === 'object' && error !== null && '$response' in error && error.$response !== undefined;
}

function tooLate({ action, queue }: Pick<Waiting, 'action' | 'queue'>): MqError {
  return new MqError('TIMEOUT', `SQS did not answer sqs:${action} in time`, {
    backend: 'sqs',
    operation: action,
    queue: queue ?? undefined,
    hint: 'try again, or give a longer --timeout',
  });
}
