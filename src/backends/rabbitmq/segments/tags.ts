/** The settlements for the broker: tags that can be settled together, and single ones out of order. */
export interface Settlement {
  /** All up to and including this tag; null: there is no such row. */
  readonly upTo: number | null;
  readonly single: readonly number[];
}

const UNSETTLED = 0;
const ACK_WANTED = 1;
const GONE = 2;
const RELEASED = 3;

/**
 * Which deliveries of a channel are settled, one byte each. Tags count from 1 without gaps; `base` is the lowest
 * unsettled one, so that consecutive acks from there can be written as one frame with `multiple`.
 *
 * unsettled → ack wanted → gone (told to the broker) · unsettled → gone (given back) · unsettled → released (held until
 * the consumer has stopped) → gone, or ack wanted
 */
export class Tags {
  #marks = new Uint8Array(1024);
  #base = 1;
  #delivered = 0;
  #wanted: number[] = [];
  #settled = 0;

  get delivered(): number {
    return this.#delivered;
  }

  /** The next tag was delivered. */
  add(tag: number): void {
    this.#delivered = tag;
    if (tag - this.#base >= this.#marks.length) this.#grow();
    this.#marks[tag % this.#marks.length] = UNSETTLED;
  }

  /** Also for a released one. False if the tag was settled before. */
  wantAck(tag: number): boolean {
    const isReleased = tag >= this.#base && tag <= this.#delivered && this.#mark(tag) === RELEASED;
    if (!isReleased && !this.isUnsettled(tag)) return false;
    this.#marks[tag % this.#marks.length] = ACK_WANTED;
    this.#wanted.push(tag);
    this.#settled++;
    return true;
  }

  /** False if the tag was settled before. */
  give(tag: number): boolean {
    if (!this.isUnsettled(tag)) return false;
    this.#marks[tag % this.#marks.length] = GONE;
    this.#settled++;
    return true;
  }

  /** It can no longer be settled, but is still held. False if the tag was settled before. */
  release(tag: number): boolean {
    if (!this.isUnsettled(tag)) return false;
    this.#marks[tag % this.#marks.length] = RELEASED;
    return true;
  }

  /** The released message is given back. */
  giveReleased(tag: number): void {
    this.#marks[tag % this.#marks.length] = GONE;
    this.#settled++;
  }

  isUnsettled(tag: number): boolean {
    return tag >= this.#base && tag <= this.#delivered && this.#marks[tag % this.#marks.length] === UNSETTLED;
  }

  get unsettled(): number {
    return this.#delivered - this.#settled;
  }

  get acksWanted(): number {
    return this.#wanted.length;
  }

  /** Takes at most `limit` of the wanted acks, consecutive ones from the lowest first. */
  take(limit: number): Settlement {
    let taken = 0;
    let upTo: number | null = null;
    while (this.#base <= this.#delivered) {
      const mark = this.#mark(this.#base);
      if (mark === UNSETTLED || mark === RELEASED || (mark === ACK_WANTED && taken >= limit)) break;
      if (mark === ACK_WANTED) {
        taken++;
        upTo = this.#base;
      }
      this.#base++;
    }
    const single: number[] = [];
    const left: number[] = [];
    for (const tag of this.#wanted) {
      if (tag < this.#base) continue;
      if (taken < limit) {
        taken++;
        single.push(tag);
        this.#marks[tag % this.#marks.length] = GONE;
      } else left.push(tag);
    }
    this.#wanted = left;
    return { upTo, single };
  }

  #mark(tag: number): number {
    return this.#marks[tag % this.#marks.length] ?? UNSETTLED;
  }

  #grow(): void {
    const before = this.#marks;
    const after = new Uint8Array(before.length * 2);
    for (let tag = this.#base; tag < this.#delivered; tag++) {
      after[tag % after.length] = before[tag % before.length] ?? UNSETTLED;
    }
    this.#marks = after;
  }
}
