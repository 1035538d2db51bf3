import { setTimeout as delay } from 'node:timers/promises';
import type { Link, OpenChannel } from '../connection/link.ts';
import { LEADER_MS } from '../figures/live.ts';
import { isLastDelivery } from '../message-in.ts';
import { ackFrame, type Content, METHOD, rejectFrame, requeueFrame } from '../wire/frames.ts';
import { Tags } from './tags.ts';

/** How long to wait for a delivery that is allowed and does not come. */
const ARRIVAL_MS = 500;
const ARRIVAL_POLL_MS = 2;

export interface SegmentSetup {
  readonly queue: string;
  readonly isQuorum: boolean;
  readonly prefetch: number;
  /** Never take more than this many on this channel; null: no bound. */
  readonly limit: number | null;
  /**
   * A message is dead if it was given back more often than this; null: there is no limit, or none that returns count
   * for.
   */
  readonly deliveryLimit: number | null;
}

export interface SegmentEvents {
  delivered(segment: Segment, content: Content): void;
  /** The broker ended the consumption: the queue is gone, or its node. */
  cancelled(): void;
  /** The channel is closed, by either side. The reason is amqplib's error, or null. */
  gone(reason: unknown): void;
}

/**
 * One channel with one broker-side consumer, and its deliveries. Delivery tags belong to the channel.
 *
 * An ack that is out of order costs time: the channel and the queue walk all unsettled messages of that channel. A
 * consumer that holds many messages therefore uses many segments, one after the other. A segment is cancelled when most
 * of the messages that it may have are held.
 */
export class Segment {
  readonly #link: Link;
  readonly #channel: OpenChannel;
  readonly #tags = new Tags();
  readonly #setup: SegmentSetup;
  #consumerTag: string | null = null;
  #starting: Promise<void> = Promise.resolve();
  #cancelling: Promise<void> | null = null;
  #cancelled = false;
  /** Allowed deliveries are waited for, and until the cancellation is confirmed no ack may allow more. */
  #isLastComing = false;
  /** Acked and rejected: each made room for one more. */
  #settled = 0;
  #kept = 0;
  #released: number[] = [];
  /** To be given back as failed, when the limit allows. */
  #rejects: number[] = [];
  #flushPlanned = false;
  #lateAcks = 0;
  readonly #lastDeliveries = new Map<number, Content>();

  private constructor(link: Link, channel: OpenChannel, setup: SegmentSetup) {
    this.#link = link;
    this.#channel = channel;
    this.#setup = setup;
  }

  static async open(link: Link, setup: SegmentSetup, events: SegmentEvents): Promise<Segment> {
    const channel: OpenChannel = await link.channel();
    const segment = new Segment(link, channel, setup);
    link.tap.watch(channel.number, {
      content: (content) => {
        if (content.method !== METHOD.deliver) return;
        segment.#tags.add(content.tag);
        if (isLastDelivery(content, setup.deliveryLimit)) segment.#lastDeliveries.set(content.tag, content);
        events.delivered(segment, content);
      },
      method: (method) => {
        if (method === METHOD.cancel) events.cancelled();
      },
    });
    channel.gone.addEventListener('abort', () => queueMicrotask(() => events.gone(channel.gone.reason)));
    return segment;
  }

  start(priority: number | null): Promise<void> {
    this.#starting = this.#start(priority);
    return this.#starting;
  }

  async #start(priority: number | null): Promise<void> {
    await this.#channel.amqp.prefetch(this.#setup.prefetch);
    const options = { noAck: false, ...(priority !== null && { priority }) };
    this.#consumerTag = (await this.#channel.amqp.consume(this.#setup.queue, () => undefined, options)).consumerTag;
  }

  get delivered(): number {
    return this.#tags.delivered;
  }

  /** How many it may hold. */
  get size(): number {
    return this.#setup.prefetch;
  }

  /** It holds as many as it may: nothing comes before something is settled. */
  get isFull(): boolean {
    return this.#tags.unsettled + this.#tags.acksWanted + this.#rejects.length >= this.#setup.prefetch;
  }

  /** Nothing more comes, whatever is settled. */
  get isAllKept(): boolean {
    return this.#kept >= this.#setup.prefetch;
  }

  get isMostlyKept(): boolean {
    return this.#kept >= this.#setup.prefetch / 2;
  }

  /** It got half of all that it may ever take. */
  get isHalfway(): boolean {
    return this.#setup.limit !== null && this.#tags.delivered >= this.#setup.limit / 2;
  }

  /** Nothing more is to come. */
  get isCancelled(): boolean {
    return this.#cancelling !== null;
  }

  get unsettled(): number {
    return this.#tags.unsettled;
  }

  /** How many unsettled deliveries the caller will hold until the end. */
  get kept(): number {
    return this.#kept;
  }

  /** How many unsettled deliveries are to be given back. */
  get released(): number {
    return this.#released.length;
  }

  /** Frames of acks that were written after the cancellation. */
  get lateAcks(): number {
    return this.#lateAcks;
  }

  get acksWanted(): number {
    return this.#tags.acksWanted;
  }

  /**
   * Ready messages of the queue, asked on this channel: the second of two answers comes after all deliveries that were
   * sent before the first question. Null: the broker could not count them (see `liveFigures`). It said that there is no
   * consumer, although ours is one, or it took too long.
   */
  async ready(): Promise<number | null> {
    const asked = performance.now();
    const { messageCount, consumerCount } = await this.#channel.amqp.checkQueue(this.#setup.queue);
    if (!this.#setup.isQuorum || messageCount > 0 || consumerCount > 0) return messageCount;
    const isConsuming = this.#consumerTag !== null && this.#cancelling === null;
    return isConsuming || performance.now() - asked >= LEADER_MS ? null : 0;
  }

  /** One of the delivered messages will be held until the end. */
  hold(): void {
    this.#kept++;
  }

  /** The unsettled deliveries that would be dead if they went back, by tag. */
  get lastDeliveries(): ReadonlyMap<number, Content> {
    return this.#lastDeliveries;
  }

  /** Includes released ones. */
  ackForGood(tag: number): void {
    this.ack(tag);
    this.flush();
  }

  /** Written with the others of this turn of the event loop, or when the limit allows. */
  ack(tag: number): void {
    this.#lastDeliveries.delete(tag);
    if (!this.#tags.wantAck(tag) || this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.flush();
    });
  }

  /** Gives it back as a failed delivery, now or when the limit allows. */
  reject(tag: number): void {
    if (!this.#tags.give(tag)) return;
    this.#lastDeliveries.delete(tag);
    this.#rejects.push(tag);
    this.flush();
  }

  /** How many rejections wait for the cancellation, because each would let one more come than the limit allows. */
  get rejectsWanted(): number {
    return this.#rejects.length;
  }

  /** It is to be given back, by `giveBackReleased` or by `close`. False if it was settled before. */
  release(tag: number): boolean {
    if (!this.#tags.release(tag)) return false;
    this.#released.push(tag);
    return true;
  }

  isUnsettled(tag: number): boolean {
    return this.#tags.isUnsettled(tag);
  }

  giveBackReleased(): void {
    if (this.#channel.gone.aborted) return;
    const released = this.#released;
    this.#released = [];
    for (const tag of released) {
      this.#tags.giveReleased(tag);
      this.#link.tap.write(requeueFrame(this.#channel.number, tag, false));
    }
  }

  /** Gives back everything that is unsettled, by one nack. */
  requeueAll(): void {
    if (!this.#channel.gone.aborted) this.#link.tap.write(requeueFrame(this.#channel.number, 0, true));
  }

  flush(): void {
    if (this.#channel.gone.aborted || this.#tags.acksWanted + this.#rejects.length === 0 || this.#isLastComing) return;
    const bounded = this.#setup.limit !== null && !this.#cancelled;
    const allowed = bounded ? this.#setup.limit - this.#setup.prefetch - this.#settled : Number.POSITIVE_INFINITY;
    if (allowed <= 0) return;
    const rejected = this.#rejects.splice(0, Math.min(allowed, this.#rejects.length));
    const before = this.#tags.acksWanted;
    const { upTo, single } = this.#tags.take(allowed - rejected.length);
    this.#settled += rejected.length + before - this.#tags.acksWanted;
    const frames = single.map((tag) => ackFrame(this.#channel.number, tag, false));
    if (upTo !== null) frames.unshift(ackFrame(this.#channel.number, upTo, true));
    if (this.#cancelled) this.#lateAcks += frames.length;
    frames.unshift(...rejected.map((tag) => rejectFrame(this.#channel.number, tag)));
    if (frames.length > 0) this.#link.tap.write(Buffer.concat(frames));
  }

  /**
   * Resolves when the broker sends nothing more on this channel. Unsettled messages stay held, and all acks are
   * written.
   */
  cancel(): Promise<void> {
    this.#cancelling ??= this.#cancel();
    return this.#cancelling;
  }

  async #cancel(): Promise<void> {
    // The first delivery may come in one piece with the answer to the start, and be the last that is wanted. Only after
    // that is there a name to cancel by.
    await this.#starting.catch(() => undefined);
    if (this.#consumerTag !== null && !this.#channel.gone.aborted) {
      if (this.#setup.isQuorum) await this.#arrival();
      await this.#channel.amqp.cancel(this.#consumerTag);
    }
    this.#cancelled = true;
    this.#isLastComing = false;
    this.flush();
  }

  /**
   * A channel may learn of a delivery of a quorum queue after the consumer was cancelled. Then it gives the message
   * back, behind all that were returned before (rabbit_fifo_client returns what comes for a consumer that it does not
   * know; seen on 3.10.8, where it put 500 messages at the end). So the consumer is cancelled only when nothing can be
   * on its way: it holds as many as it may, or none is left. If it gets nothing although some are there (another
   * consumer is the single active one), the wait is given up.
   */
  async #arrival(): Promise<void> {
    this.#isLastComing = true;
    let seen = this.delivered;
    let zeros = 0;
    for (let until = Date.now() + ARRIVAL_MS; !this.isFull && zeros < 2 && Date.now() < until; ) {
      zeros = (await this.ready()) === 0 && this.delivered === seen ? zeros + 1 : 0;
      if (this.delivered !== seen) until = Date.now() + ARRIVAL_MS;
      else if (zeros === 0) await delay(ARRIVAL_POLL_MS);
      seen = this.delivered;
    }
  }

  /** Unsettled messages go back. */
  async close(): Promise<void> {
    await this.#channel.close();
    this.#link.tap.unwatch(this.#channel.number);
  }
}
