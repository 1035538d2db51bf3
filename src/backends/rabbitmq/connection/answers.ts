import type { Channel } from 'amqplib';
import { MqError } from '../../../contract/errors.ts';
import type { Patience } from './patience.ts';

/** How often to check whether an owed answer has come. */
export const LOOK_MS = 100;

/** The questions that can be asked on a channel. */
export type Questions = Pick<
  Channel,
  'assertQueue' | 'cancel' | 'checkQueue' | 'consume' | 'deleteQueue' | 'prefetch' | 'purgeQueue'
>;

export interface AnswersSetup {
  readonly patience: Patience;
  /** When the broker was last heard on this connection, by `performance.now()`. Heartbeats are not answers. */
  readonly heardAt: () => number;
  /** The broker's bytes are left unread, because the caller is slow. */
  readonly isPaused: () => boolean;
  /** Why the broker makes publishers wait, in its words; null: it does not. */
  readonly blockedBy: () => string | null;
  /** Called once, when the broker has been silent for too long. */
  readonly onSilence: (error: MqError) => void;
  /** Aborts with the connection. */
  readonly lost: AbortSignal;
}

/** An answer that the broker owes. */
export interface Owed {
  /** It has come, or is no longer wanted. */
  done(): void;
}

/**
 * The one guard of a connection against a broker that is there and says nothing. Code that waits for the broker
 * registers the owed answer here. If it does not come, and nothing else either, the connection is broken off, which
 * ends every wait on it.
 */
export class Answers {
  readonly #setup: AnswersSetup;
  /** Since when, by `performance.now()`. */
  readonly #owed = new Map<Owed, number>();
  /** Referenced: it keeps the program alive until the silence is told. */
  #timer: NodeJS.Timeout | null = null;
  #isSilent = false;

  constructor(setup: AnswersSetup) {
    this.#setup = setup;
  }

  /** The longest wait for one of them, in milliseconds. */
  get patienceMs(): number {
    return this.#setup.patience.answerMs;
  }

  /** The broker was found silent. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** One of them has not come. */
  get areOwed(): boolean {
    return this.#owed.size > 0;
  }

  expect(): Owed {
    const owed: Owed = { done: () => this.#settle(owed) };
    if (this.#setup.lost.aborted) return owed;
    this.#owed.set(owed, performance.now());
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    return owed;
  }

  /** The answer. Rejects if the connection is gone without one. */
  async of<Answer>(answer: PromiseLike<Answer>): Promise<Answer> {
    const { lost } = this.#setup;
    const owed = this.expect();
    let onLost = (): void => {};
    const gone = new Promise<never>((_resolve, reject) => {
      // The answer with the reason comes before, in the same turn of the event loop.
      onLost = () => setImmediate(() => reject(lost.reason));
    });
    if (lost.aborted) onLost();
    else lost.addEventListener('abort', onLost, { once: true });
    try {
      return await Promise.race([answer, gone]);
    } finally {
      lost.removeEventListener('abort', onLost);
      owed.done();
    }
  }

  #settle(owed: Owed): void {
    this.#owed.delete(owed);
    if (this.#owed.size === 0) this.#rest();
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #look(): void {
    const { patience, heardAt, isPaused, blockedBy, onSilence, lost } = this.#setup;
    if (lost.aborted) this.#rest();
    if (lost.aborted || isPaused()) return;
    // In the order in which they were asked for: the first is the one that has been owed longest.
    const [owedAt] = this.#owed.values();
    const reason = blockedBy();
    if (owedAt === undefined || !patience.isOver({ owedAt, heardAt: heardAt(), isBlocked: reason !== null })) return;
    this.#rest();
    this.#isSilent = true;
    patience.hurry(0);
    onSilence(reason === null ? silence(patience.answerMs) : blocked(reason));
  }
}

/** The text that is told about it. */
export function silence(answerMs: number): MqError {
  return new MqError(
    'TIMEOUT',
    `the broker no longer answers on a connection that is up (within ${answerMs / 1_000}s)`,
    {
      hint: 'try again, or give a longer --timeout',
      backend: 'rabbitmq',
    },
  );
}

/** The broker has said why it does not answer. */
function blocked(reason: string): MqError {
  return new MqError('TIMEOUT', `the broker blocks publishers: ${reason}`, {
    hint: 'try again when its alarm is over (see mq doctor)',
    backend: 'rabbitmq',
    operation: BLOCKED,
  });
}

const BLOCKED = 'publish while blocked';

/** The broker had said that it makes publishers wait, and was not waited for. */
export function isBlocked(error: MqError): boolean {
  return error.operation === BLOCKED;
}

/** Answers to questions on the channel are owed. */
export function questionsOn(channel: Channel, answers: Answers): Questions {
  return {
    assertQueue: (...args) => answers.of(channel.assertQueue(...args)),
    cancel: (...args) => answers.of(channel.cancel(...args)),
    checkQueue: (...args) => answers.of(channel.checkQueue(...args)),
    consume: (...args) => answers.of(channel.consume(...args)),
    deleteQueue: (...args) => answers.of(channel.deleteQueue(...args)),
    prefetch: (...args) => answers.of(channel.prefetch(...args)),
    purgeQueue: (...args) => answers.of(channel.purgeQueue(...args)),
  };
}
