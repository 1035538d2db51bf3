import type { Delivery } from '../../../contract/message.ts';

/** How much may wait for a slow caller before the socket is left unread. */
const MOST_BYTES = 16 * 1024 * 1024;
const MOST_MESSAGES = 4_096;

/** Stops reading the socket, and continues. */
interface Flow {
  pause(): void;
  resume(): void;
}

/**
 * Deliveries that the broker has sent and the caller has not taken yet, in order. When there are many, the socket is
 * left unread.
 */
export class DeliveryBuffer {
  readonly #flow: Flow;
  #waiting: Delivery[] = [];
  #head = 0;
  #bytes = 0;

  constructor(flow: Flow) {
    this.#flow = flow;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === this.#head;
  }

  add(delivery: Delivery): void {
    this.#waiting.push(delivery);
    this.#bytes += delivery.message.body.length;
    if (this.#bytes > MOST_BYTES || this.#waiting.length - this.#head > MOST_MESSAGES) this.#flow.pause();
  }

  /** The next one; null: there is none. */
  take(): Delivery | null {
    const delivery = this.#waiting[this.#head];
    if (delivery === undefined) return null;
    this.#head++;
    this.#bytes -= delivery.message.body.length;
    if (this.#head === this.#waiting.length || this.#head > MOST_MESSAGES) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
    const isLow = this.#bytes < MOST_BYTES / 2 && this.#waiting.length - this.#head < MOST_MESSAGES / 2;
    if (isLow) this.#flow.resume();
    return delivery;
  }

  clear(): void {
    this.#waiting = [];
    this.#head = 0;
  }
}
