import type { Message } from '../../contract/message.ts';
import type { Peek, PeekOptions } from '../../contract/queue.ts';
import { type ConsumerPlace, SqsConsumer } from './consumer.ts';
import { type DeliveryLimit, isNearItsEnd, nearsEnd, priceIn } from './leases/delivery-limit.ts';

/** How long a message stays hidden if a look is killed and cannot give it back. */
const HOLD_SECONDS = 30;

interface PeekFacts {
  readonly limit: DeliveryLimit;
  readonly readyAtStart: number | null;
}

/**
 * SQS has no look without receiving: each shown message has been delivered once more. It is held so that the look goes
 * forward (with a visibility timeout of 0 it would show the same messages again), and given back however the iteration
 * ends.
 */
export class SqsPeek implements Peek {
  readonly price: string;
  readonly #place: ConsumerPlace;
  readonly #options: PeekOptions;
  readonly #facts: PeekFacts;
  #unseen = 0;

  constructor(place: ConsumerPlace, facts: PeekFacts, options: PeekOptions) {
    this.#place = place;
    this.#facts = facts;
    this.#options = options;
    this.price = priceIn(place.name, facts.limit);
  }

  get unseen(): number {
    return this.#unseen;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    const { limit, force, notice, signal } = this.#options;
    const consumer = new SqsConsumer(this.#place, {
      state: 'ready',
      limit,
      window: 'unbounded',
      givesBack: 'all',
      follow: false,
      idleMs: null,
      notice,
      signal,
      parallel: 1,
      leaseSeconds: HOLD_SECONDS,
      readyAtStart: this.#facts.readyAtStart,
      deliveryLimit: null,
    });
    try {
      for await (const { message, receipt } of consumer) {
        receipt.hold?.();
        // It has been looked at already, so it is shown, and no further one is requested.
        yield message;
        if (!force && isNearItsEnd(message.receiveCount, this.#facts.limit))
          throw nearsEnd(this.#place.name, 'a message', this.#facts.limit);
      }
      this.#unseen = consumer.unseen;
    } finally {
      await consumer.close();
    }
  }
}
