import type { Delivery } from '../contract/message.ts';
import type { Consumer } from '../contract/queue.ts';

/**
 * Opens a consumer that takes no more than `limit`; null: until the queue is empty. `besideHeld`: see
 * `ConsumeOptions`.
 */
export type OpenConsumer = (limit: number | null, besideHeld?: true) => Promise<Consumer>;

/**
 * Takes as many as are probably wanted. Goes on only if the caller asks for more because some of them were not meant.
 * Meanwhile the first ones stay in hand, so that they do not come again. For kinds where each look takes a message away
 * for a while.
 *
 * `close` gives back in the order of delivery, even if one of the two closings fails. The first failure is thrown.
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
    // It gave fewer than it could have taken: the queue is empty.
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
  /** How many are wanted: more than 0. */
  readonly wanted: number;
  /** Never look at more than this; null: no bound. */
  readonly bound: number | null;
  readonly open: OpenConsumer;
  readonly signal: AbortSignal;
}
