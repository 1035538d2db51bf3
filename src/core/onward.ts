import type { Delivery } from '../contract/message.ts';
import type { Consumer } from '../contract/queue.ts';

/**
 * Opens a consumer that takes no more than `limit`; null: until the queue is empty. `besideHeld`: see
 * `ConsumeOptions`.
 */
export type OpenConsumer = (limit: number | null, besideHeld?: true) => Promise<Consumer>;

/**
 * Takes as many as are probably wanted, and goes on only when the caller asks for more because some of them were not
 * meant. What was taken first stays in hand meanwhile, so that it does not come again. For kinds where each look takes
 * a message away for a while.
 *
 * `close` gives back in the order of delivery, also when one of the two fails; the first failure is thrown.
 */
export class OnwardConsumer implements Consumer {
  readonly #first: Consumer;
  readonly #wanted: number;
  readonly #bound: number | null;
  readonly #open: OpenConsumer;
  readonly #signal: AbortSignal;
  #next: Consumer | null = null;

  private constructor(first: Consumer, request: OnwardRequest) {
    this.#first = first;
    this.#wanted = request.wanted;
    this.#bound = request.bound;
    this.#open = request.open;
    this.#signal = request.signal;
  }

  static async open(request: OnwardRequest): Promise<OnwardConsumer> {
    return new OnwardConsumer(await request.open(request.wanted), request);
  }

  get unseen(): number {
    return (this.#next ?? this.#first).unseen ?? 0;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delivery, void, undefined> {
    let seen = 0;
    for await (const delivery of this.#first) {
      seen += 1;
      yield delivery;
    }
    const rest = this.#bound === null ? null : this.#bound - seen;
    // Fewer than it might take: the queue is empty.
    if (seen < this.#wanted || this.#signal.aborted || rest === 0) return;
    this.#next = await this.#open(rest, true);
    yield* this.#next;
  }

  async close(): Promise<void> {
    try {
      await this.#first.close();
    } finally {
      await this.#next?.close();
    }
  }
}

export interface OnwardRequest {
  /** How many are wanted; more than 0. */
  readonly wanted: number;
  /** Never look at more than so many; null: no bound. */
  readonly bound: number | null;
  readonly open: OpenConsumer;
  readonly signal: AbortSignal;
}
