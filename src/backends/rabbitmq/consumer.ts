import { setTimeout as delay } from 'node:timers/promises';
import type { Call } from '../../contract/call.ts';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { Delivery } from '../../contract/message.ts';
import type { Consumer } from '../../contract/queue.ts';
import { Bell } from '../common/bell.ts';
import { orAborted } from '../common/waits.ts';
import { brokerError } from './errors.ts';
import { uncounted } from './figures/live.ts';
import { type Counting, toMessage } from './message-in.ts';
import { DeliveryBuffer } from './segments/delivery-buffer.ts';
import { giveBack } from './segments/give-back.ts';
import { returned } from './segments/quorum-returns.ts';
import type { Segment } from './segments/segment.ts';
import { SegmentRow, type SegmentRowEvents, type SegmentRowSetup } from './segments/segment-row.ts';
import { type Settler, TagReceipt } from './segments/tag-receipt.ts';
import { unlessOnItsWay } from './topology/dead-links.ts';
import type { Content } from './wire/frames.ts';

export interface ConsumerSetup extends SegmentRowSetup, Call {
  readonly follow: boolean;
  readonly idleMs: number | null;
  readonly counting: Counting;
  /** See `DeadLinks.waysInto`. */
  readonly ways: ReadonlySet<string>;
  /** The user who is logged in. */
  readonly login: string;
}

/** The time between two looks at a queue whose messages are still arriving. */
const POLL_MS = 20;
/** The time between two questions to a broker that has nothing to deliver: whether it is still there. */
const PING_MS = 1_000;

/**
 * Manual acknowledgement on its own connection.
 *
 * Consuming → stopped (cancel-ok received: the broker sends nothing more, all acks are written) → closed (unsettled
 * messages are back). The broker-side consumer is cancelled before its channel closes: anything shorter brought
 * acknowledged messages back.
 *
 * So that no more than `limit` are ever taken, the last acks (as many as the prefetch of the last segment) are held
 * until it is cancelled: each would make room for one more message. `ack` of these resolves when it is noted.
 */
export class RabbitConsumer implements Consumer, Settler {
  readonly #setup: ConsumerSetup;
  readonly #ending = new AbortController();
  readonly #row: SegmentRow;
  readonly #buffer: DeliveryBuffer;
  #lastWasReturned = false;
  /** Since the last wait for the queue. */
  #hasRejected = false;
  readonly #bell = new Bell();
  #failure: MqError | null = null;
  /** The caller knows of the failure. */
  #isFailureTold = false;
  #acked = 0;
  #stopping: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  private constructor(setup: ConsumerSetup) {
    this.#setup = setup;
    this.#row = new SegmentRow(setup, this.#events, this.#ending.signal);
    this.#buffer = new DeliveryBuffer(setup.link.tap);
  }

  /**
   * Takes over the link, which is closed with the consumer. Throws `PRECONDITION_FAILED` beside an exclusive consumer.
   */
  static async open(setup: ConsumerSetup): Promise<RabbitConsumer> {
    throwIfAborted(setup.signal);
    const consumer = new RabbitConsumer(setup);
    try {
      await orAborted(consumer.#start(), setup.signal);
    } catch (error) {
      await consumer.close();
      throw brokerError(error, { operation: 'consume', queue: setup.queue });
    }
    return consumer;
  }

  async #start(): Promise<void> {
    this.#setup.signal.addEventListener('abort', this.#onAbort);
    // Acks that were promised in this turn of the event loop are written before the connection is closed from outside.
    this.#setup.link.closing.addEventListener('abort', () => {
      for (const segment of this.#row.segments) segment.flush();
    });
    if (this.#setup.limit === 0) {
      this.#end();
      return;
    }
    await this.#row.open();
    this.#watch().catch((error: unknown) => this.#fail(brokerError(error, { queue: this.#setup.queue })));
  }

  readonly #events: SegmentRowEvents = {
    delivered: (segment, content) => this.#deliver(segment, content),
    cancelled: () => this.#cancelledByBroker(),
    gone: (reason) => this.#lost(reason),
    failed: (error) => this.#fail(brokerError(error, { operation: 'consume', queue: this.#setup.queue })),
  };

  readonly #onAbort = (): void => this.#end();

  #deliver(segment: Segment, content: Content): void {
    this.#lastWasReturned = content.redelivered;
    if (this.#ended) return;
    const { queue, kind, counting, limit } = this.#setup;
    const message = unlessOnItsWay(toMessage(content, queue, kind === 'quorum', counting), this.#setup.ways);
    this.#buffer.add({ message, receipt: new TagReceipt(this, segment, content.tag) });
    if (limit !== null && this.#row.delivered >= limit) this.#end();
    else this.#row.advance(this.#isCallerWaiting);
    this.#bell.ring();
  }

  get #ended(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Nothing will be yielded except the content of the buffer (nothing at all after an abort). */
  #end(): void {
    if (this.#ended) return;
    this.#ending.abort();
    this.#bell.ring();
    this.#stop().catch(() => undefined);
  }

  /** Finds the end of the queue, or with `follow` the end of the waiting time. */
  async #watch(): Promise<void> {
    const { follow, idleMs, link } = this.#setup;
    const { patienceMs } = link.answers;
    let seen = -1;
    let pingedAt = Date.now();
    let quietSince = Date.now();
    let countedAt = Date.now();
    let zeros = 0;
    while (!this.#ended) {
      if (this.#row.delivered !== seen || this.#isInHand) {
        seen = this.#row.delivered;
        quietSince = Date.now();
        countedAt = quietSince;
        zeros = 0;
      } else if (follow) {
        if (idleMs !== null && Date.now() - quietSince >= idleMs && this.#buffer.isEmpty) this.#end();
        else if (Date.now() - Math.max(pingedAt, quietSince) >= PING_MS) {
          await this.#row.last?.ready();
          pingedAt = Date.now();
        }
      } else {
        const ready = await this.#row.last?.ready();
        if (ready !== null) countedAt = Date.now();
        else if (Date.now() - countedAt >= patienceMs) this.#fail(uncounted(this.#setup.queue, 'consume'));
        zeros = ready === 0 ? zeros + 1 : 0;
        if (
          this.#isCallerWaiting &&
          !this.#isSomethingUnsettled &&
          Date.now() - quietSince >= patienceMs &&
          zeros === 0
        )
          this.#fail(this.#undelivered(patienceMs));
        if (zeros > 1 && this.#row.delivered === seen) await this.#endUnlessReturned();
        if (zeros > 0) continue;
      }
      const ms = follow && idleMs !== null ? Math.min(POLL_MS, idleMs) : POLL_MS;
      await delay(ms, undefined, { signal: this.#ending.signal }).catch(() => undefined);
    }
  }

  /** A message in hand may be given back and come again. Until then it is unknown whether the queue is empty. */
  get #isInHand(): boolean {
    return this.#setup.window !== 'unbounded' && this.#isSomethingUnsettled;
  }

  /** Of the messages that the caller means to settle; a look settles none. */
  get #isSomethingUnsettled(): boolean {
    if (this.#setup.looksOnly === true) return false;
    return this.#row.segments.some(({ unsettled, released, kept }) => unsettled > released + kept);
  }

  /**
   * The queue looks empty. Rejected messages may be on their way back into it (a quorum queue counts them late), or
   * were held back because of the limit: then they go back now, and the rest of the limit is for another segment.
   */
  async #endUnlessReturned(): Promise<void> {
    const { kind } = this.#setup;
    const { last } = this.#row;
    if (last !== undefined && last.rejectsWanted > 0) return await this.#row.replace(last);
    if (kind !== 'quorum' || !this.#hasRejected) return this.#end();
    this.#hasRejected = false;
    await returned(this.#setup);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delivery, void, undefined> {
    try {
      for (;;) {
        if (this.#setup.signal.aborted) return;
        const delivery = this.#buffer.take();
        if (delivery !== null) yield delivery;
        else if (this.#failure !== null) {
          this.#isFailureTold = true;
          throw this.#failure;
        } else if (this.#ended) {
          // The next consumer here is not hindered by this one.
          if (!this.#setup.signal.aborted) await this.#stop().catch(() => undefined);
          return;
        } else await this.#more();
      }
    } finally {
      this.#end();
    }
  }

  /** Resolves when there may be something to take, or nothing more. */
  async #more(): Promise<void> {
    const more = this.#bell.rest();
    this.#row.last?.flush();
    this.#row.advance(this.#isCallerWaiting);
    await more;
  }

  get #isCallerWaiting(): boolean {
    return this.#bell.isAwaited && this.#buffer.isEmpty;
  }

  /** For `TagReceipt`. */
  ack(segment: Segment, tag: number): Promise<void> {
    if (!segment.isUnsettled(tag)) return DONE;
    const ending = this.#closing !== null || this.#setup.link.closing.aborted;
    if (this.#failure !== null || ending) return Promise.reject(this.#uncertain());
    segment.ack(tag);
    this.#acked++;
    return DONE;
  }

  /** For `TagReceipt`. */
  hold(segment: Segment): void {
    segment.hold();
    this.#row.advance(this.#isCallerWaiting);
  }

  /**
   * For `TagReceipt`. While consuming, a message that is given back would come straight to us again, so it is held
   * until nothing more is taken. A quorum queue would put a single one before or (below 4.0) behind all that are still
   * held, so there it goes back with the last of the others.
   */
  async release(segment: Segment, tag: number, failed: boolean): Promise<void> {
    if (this.#failure !== null || this.#closing !== null) return;
    if (failed) {
      segment.reject(tag);
      this.#hasRejected = true;
      return;
    }
    if (!segment.release(tag) || !this.#ended) return;
    if (this.#setup.kind === 'quorum') {
      const released = this.#row.sum((one) => one.released);
      if (released === this.#row.sum((one) => one.unsettled)) await this.close();
      return;
    }
    await this.#stop().catch(() => undefined);
    segment.giveBackReleased();
  }

  #stop(): Promise<void> {
    this.#stopping ??= this.#cancelAll();
    return this.#stopping;
  }

  async #cancelAll(): Promise<void> {
    // The answers come after the deliveries that were not read yet.
    this.#setup.link.tap.resume();
    await this.#row.cancel();
  }

  /**
   * Rejects if the connection was lost before the broker had taken note of all acks, unless the iteration has told that
   * it is lost.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { link, kind, queue, notice, signal, login, deliveryLimit } = this.#setup;
    this.#end();
    await this.#stop().catch(() => undefined);
    signal.removeEventListener('abort', this.#onAbort);
    this.#buffer.clear();
    await giveBack({
      ...{ link, queue, kind, notice, login, deliveryLimit, segments: this.#row.segments, events: this.#events },
      lastWasReturned: this.#lastWasReturned,
      isBroken: () => this.#failure !== null,
    });
    const isLost = this.#failure !== null || link.lost.aborted;
    // It is unknown whether held messages are back.
    const isHeld = link.answers.isSilent && this.#row.sum((segment) => segment.unsettled) > 0;
    await link.close();
    if (isHeld && !this.#isFailureTold) throw brokerError(link.lost.reason, { operation: 'release', queue });
    if (isLost && this.#acked > 0 && !this.#isFailureTold) throw this.#acksInDoubt();
  }

  #undelivered(patienceMs: number): MqError {
    const { queue } = this.#setup;
    return new MqError(
      'TIMEOUT',
      `the broker counts ready messages in ${JSON.stringify(queue)}, and has delivered none of them within ${patienceMs / 1_000}s`,
      {
        hint: 'does another consumer come first (a single active one, one of a higher priority)? else try again',
        backend: 'rabbitmq',
        operation: 'consume',
        queue,
      },
    );
  }

  #acksInDoubt(): MqError {
    const { queue } = this.#setup;
    const text = `the connection was lost before the broker had taken note of all that is done: messages of ${JSON.stringify(queue)} may come again`;
    return new MqError('UNAVAILABLE', text, { backend: 'rabbitmq', operation: 'ack', queue });
  }

  #cancelledByBroker(): void {
    const { queue } = this.#setup;
    this.#fail(
      new MqError(
        'UNAVAILABLE',
        `the broker ended the consumption of queue ${JSON.stringify(queue)}: it was deleted, or its node went away`,
        { backend: 'rabbitmq', operation: 'consume', queue },
      ),
    );
  }

  #lost(cause: unknown): void {
    if (this.#closing !== null) return;
    const { link, queue } = this.#setup;
    this.#fail(brokerError(cause ?? link.lost.reason, { operation: 'consume', queue }));
  }

  #fail(error: MqError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    const held = this.#row.sum((segment) => segment.acksWanted);
    if (held > 0) {
      const name = JSON.stringify(this.#setup.queue);
      this.#setup.notice(`${held} messages that are done could not be removed from ${name}: they will come again`);
    }
    this.#ending.abort();
    this.#bell.ring();
  }

  #uncertain(): MqError {
    return (
      this.#failure ??
      new MqError('UNAVAILABLE', 'the consumer is closed: the message is back in its queue', {
        backend: 'rabbitmq',
        operation: 'ack',
      })
    );
  }
}

const DONE = Promise.resolve();
