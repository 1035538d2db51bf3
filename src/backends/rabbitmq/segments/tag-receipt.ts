import type { Receipt } from '../../../contract/message.ts';
import type { Segment } from './segment.ts';

/** The consumer, which settles. */
export interface Settler {
  ack(segment: Segment, tag: number): Promise<void>;
  hold(segment: Segment): void;
  release(segment: Segment, tag: number, failed: boolean): Promise<void>;
}

/** The receipt of one delivery. It is small, because a caller may hold thousands. */
export class TagReceipt implements Receipt {
  readonly #settler: Settler;
  readonly #segment: Segment;
  readonly #tag: number;

  constructor(settler: Settler, segment: Segment, tag: number) {
    this.#settler = settler;
    this.#segment = segment;
    this.#tag = tag;
  }

  ack(): Promise<void> {
    return this.#settler.ack(this.#segment, this.#tag);
  }

  hold(): void {
    this.#settler.hold(this.#segment);
  }

  release(options: { readonly failure?: string } = {}): Promise<void> {
    return this.#settler.release(this.#segment, this.#tag, options.failure !== undefined);
  }
}
