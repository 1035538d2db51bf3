import { MqError } from '../../contract/errors.ts';
import type { Message } from '../../contract/message.ts';
import type { Peek, PeekOptions } from '../../contract/queue.ts';
import { type ConsumerPlace, SqsConsumer } from './consumer.ts';

/** How long a message stays hidden when a look is killed and cannot give it back. */
const HOLD_SECONDS = 30;

/**
 * SQS has no look without receiving: each message shown has been delivered once more. It is held so that the look walks forward (a visibility
 * timeout of 0 would show the same messages again), and given back in every way out of the iteration.
 */
export class SqsPeek implements Peek {
  readonly price: string;
  readonly #place: ConsumerPlace;
  readonly #options: PeekOptions;
  readonly #maxReceiveCount: number | null;
  readonly #readyAtStart: number | null;
  #unseen = 0;

  /** Throws `PRECONDITION_FAILED` when even a first look would bring a message within one delivery of death. */
  constructor(
    place: ConsumerPlace,
    {
      maxReceiveCount,
      readyAtStart,
    }: { readonly maxReceiveCount: number | null; readonly readyAtStart: number | null },
    options: PeekOptions,
  ) {
    this.#place = place;
    this.#readyAtStart = readyAtStart;
    this.#options = options;
    this.#maxReceiveCount = maxReceiveCount;
    const limit = maxReceiveCount === null ? '' : ` (${maxReceiveCount} are allowed before it is dead)`;
    const groups = place.fifo ? ', and its message group is blocked meanwhile' : '';
    this.price = `looking adds 1 to the receive count of each message${limit} and hides it from consumers while mq looks${groups}`;
    if (this.#nearsDeath(1)) throw this.#refusal('every message');
  }

  get unseen(): number {
    return this.#unseen;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    const { limit, notice, signal } = this.#options;
    const consumer = new SqsConsumer(this.#place, {
      state: 'ready',
      limit,
      window: 'unbounded',
      follow: false,
      idleMs: null,
      notice,
      signal,
      parallel: 1,
      leaseSeconds: HOLD_SECONDS,
      readyAtStart: this.#readyAtStart,
    });
    try {
      for await (const { message } of consumer) {
        if (message.receiveCount !== null && this.#nearsDeath(message.receiveCount)) throw this.#refusal('a message');
        yield message;
      }
      this.#unseen = consumer.unseen;
    } finally {
      await consumer.close();
    }
  }

  /** The count includes this look; a message dies at the first receive after `maxReceiveCount`. */
  #nearsDeath(receiveCount: number): boolean {
    return !this.#options.force && this.#maxReceiveCount !== null && receiveCount >= this.#maxReceiveCount - 1;
  }

  #refusal(what: string): MqError {
    return new MqError(
      'PRECONDITION_FAILED',
      `looking brings ${what} within one delivery of its end (maxReceiveCount is ${this.#maxReceiveCount})`,
      {
        backend: 'sqs',
        operation: 'peek',
        queue: this.#place.name,
        hint: 'Look with --force if that is acceptable, or peek the dead letters with --dead.',
      },
    );
  }
}
