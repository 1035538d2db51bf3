import { setTimeout as delay } from 'node:timers/promises';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { Delivery, Receipt } from '../../contract/message.ts';
import type { Consumer, Notice } from '../../contract/queue.ts';
import { brokerError } from './errors.ts';
import { type Counting, toMessage } from './incoming.ts';
import { atLeast, type Link, type OpenChannel, orAborted } from './link.ts';
import type { RabbitKind } from './queue-info.ts';
import { Tags } from './tags.ts';
import { ackFrame, type Content, METHOD, rejectFrame, requeueFrame } from './wire/frames.ts';

export interface ConsumerSetup {
  readonly link: Link;
  readonly queue: string;
  readonly kind: RabbitKind;
  /** Never take more than this many; null: no bound. */
  readonly limit: number | null;
  /** Prefetch of each broker-side consumer; several share the channel when more must be held than one may (65,535). */
  readonly prefetches: readonly number[];
  readonly follow: boolean;
  readonly idleMs: number | null;
  /** Broker-side priority; peeks stand behind real consumers. Null: the usual. */
  readonly priority: number | null;
  readonly counting: Counting;
  readonly notice: Notice;
  readonly signal: AbortSignal;
}

/** Highest prefetch that `basic.qos` can say. */
const MAX_PREFETCH = 65_535;
/** What may wait here for a slow caller before the socket is left unread. */
const BUFFER_BYTES = 16 * 1024 * 1024;
const BUFFER_MESSAGES = 4_096;
/** Between two looks at a queue whose messages are still arriving. */
const POLL_MS = 20;

/**
 * What the broker-side consumers may hold, one number each. `unbounded`: enough for the whole queue at once. Explicit, because prefetch 0 means
 * 2,000 on a quorum queue. The sum never exceeds `limit`.
 */
export function prefetchesFor(window: number | 'unbounded', limit: number | null, depth: number): readonly number[] {
  // Room for messages that arrive meanwhile, as long as nobody said how many at most.
  const all = limit ?? depth + MAX_PREFETCH;
  const prefetches: number[] = [];
  for (let left = Math.max(1, window === 'unbounded' ? all : Math.min(window, all)); left > 0; left -= MAX_PREFETCH) {
    prefetches.push(Math.min(left, MAX_PREFETCH));
  }
  return prefetches;
}

/**
 * Manual acknowledgement on a channel of its own.
 *
 * Consuming → stopped (cancel-ok received: the broker sends nothing more, all acks are written) → closed (what is unsettled is back).
 * The broker-side consumers are cancelled before the channel closes: anything shorter brought acknowledged messages back.
 *
 * So that no more than `limit` are ever taken, the last acks (as many as the prefetch) are held until the consumer is cancelled: each would
 * make room for one message more. `ack` of these resolves when it is noted.
 */
export class RabbitConsumer implements Consumer {
  readonly #setup: ConsumerSetup;
  readonly #channel: OpenChannel;
  readonly #tags = new Tags();
  readonly #consumerTags: string[] = [];
  readonly #ending = new AbortController();
  #buffer: Delivery[] = [];
  #bufferHead = 0;
  #bufferBytes = 0;
  #acked = 0;
  #flushPlanned = false;
  #wake: (() => void)[] = [];
  #ended = false;
  #failure: MqError | null = null;
  #stopping: Promise<void> | null = null;
  #stopped = false;
  #closing: Promise<void> | null = null;

  private constructor(setup: ConsumerSetup, channel: OpenChannel) {
    this.#setup = setup;
    this.#channel = channel;
  }

  /** Takes over the link, which is closed with the consumer. Throws `PRECONDITION_FAILED` beside an exclusive consumer. */
  static async open(setup: ConsumerSetup): Promise<RabbitConsumer> {
    throwIfAborted(setup.signal);
    const channel = await setup.link.channel();
    const consumer = new RabbitConsumer(setup, channel);
    try {
      await orAborted(consumer.#start(), setup.signal);
    } catch (error) {
      await consumer.close();
      throw brokerError(error, { operation: 'consume', queue: setup.queue });
    }
    return consumer;
  }

  async #start(): Promise<void> {
    const { link, queue, prefetches, priority, signal } = this.#setup;
    const { amqp, gone, number } = this.#channel;
    link.tap.watch(number, {
      content: (content) => this.#deliver(content),
      method: (method) => {
        if (method === METHOD.cancel) this.#cancelledByBroker();
      },
    });
    gone.addEventListener('abort', () => queueMicrotask(() => this.#lost(gone.reason)));
    signal.addEventListener('abort', this.#onAbort);
    for (const prefetch of prefetches) {
      await amqp.prefetch(prefetch);
      const { consumerTag } = await amqp.consume(queue, () => undefined, {
        noAck: false,
        ...(priority !== null && { priority }),
      });
      this.#consumerTags.push(consumerTag);
    }
    if (this.#limitReached()) this.#end();
    else this.#watch().catch((error: unknown) => this.#fail(brokerError(error, { queue })));
  }

  readonly #onAbort = (): void => this.#end();

  #deliver(content: Content): void {
    if (content.method !== METHOD.deliver) return;
    this.#tags.add(content.tag);
    if (this.#ended) return;
    const { queue, kind, counting } = this.#setup;
    const message = toMessage(content, queue, kind === 'quorum', counting);
    this.#buffer.push({ message, receipt: new TagReceipt(this, content.tag) });
    this.#bufferBytes += content.body.length;
    if (this.#bufferBytes > BUFFER_BYTES || this.#buffer.length - this.#bufferHead > BUFFER_MESSAGES) {
      this.#setup.link.tap.pause();
    }
    if (this.#limitReached()) this.#end();
    this.#wakeUp();
  }

  #limitReached(): boolean {
    return this.#setup.limit !== null && this.#tags.delivered >= this.#setup.limit;
  }

  /** Nothing more will be yielded than what is in the buffer (nothing at all after an abort). */
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ending.abort();
    this.#wakeUp();
    this.#stop().catch(() => undefined);
  }

  /** Finds the end of the queue, or with `follow` the end of patience. */
  async #watch(): Promise<void> {
    const { follow, idleMs } = this.#setup;
    let seen = -1;
    let quietSince = Date.now();
    let zeros = 0;
    while (!this.#ended) {
      if (this.#tags.delivered !== seen) {
        seen = this.#tags.delivered;
        quietSince = Date.now();
        zeros = 0;
      } else if (follow) {
        if (idleMs !== null && Date.now() - quietSince >= idleMs && this.#isDrainedByCaller()) this.#end();
      } else {
        const { messageCount } = await this.#channel.amqp.checkQueue(this.#setup.queue);
        zeros = messageCount === 0 ? zeros + 1 : 0;
        // The reply of the second look is behind every delivery that the queue had sent before the first.
        if (zeros > 1 && this.#tags.delivered === seen) this.#end();
        if (zeros > 0) continue;
      }
      await this.#pause(follow && idleMs !== null ? Math.min(POLL_MS, idleMs) : POLL_MS);
    }
  }

  /** A caller who works on a message is not idle. */
  #isDrainedByCaller(): boolean {
    return this.#buffer.length === this.#bufferHead;
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#ending.signal }).catch(() => undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delivery, void, undefined> {
    try {
      for (;;) {
        if (this.#setup.signal.aborted) return;
        const delivery = this.#take();
        if (delivery !== null) yield delivery;
        else if (this.#failure !== null) throw this.#failure;
        else if (this.#ended) return;
        else await new Promise<void>((resolve) => this.#wake.push(resolve));
      }
    } finally {
      this.#end();
    }
  }

  #take(): Delivery | null {
    const delivery = this.#buffer[this.#bufferHead];
    if (delivery === undefined) return null;
    this.#bufferHead++;
    this.#bufferBytes -= delivery.message.body.length;
    if (this.#bufferHead > 1_024 && this.#bufferHead * 2 > this.#buffer.length) {
      this.#buffer = this.#buffer.slice(this.#bufferHead);
      this.#bufferHead = 0;
    }
    const low = this.#bufferBytes < BUFFER_BYTES / 2 && this.#buffer.length - this.#bufferHead < BUFFER_MESSAGES / 2;
    if (low) this.#setup.link.tap.resume();
    return delivery;
  }

  /** For `TagReceipt`. */
  ack(tag: number): Promise<void> {
    if (this.#failure !== null || this.#closing !== null) return Promise.reject(this.#uncertain());
    if (this.#tags.wantAck(tag)) this.#planFlush();
    return DONE;
  }

  /** For `TagReceipt`. */
  release(tag: number, failed: boolean): void {
    if (this.#failure !== null || this.#closing !== null) return;
    const { kind, link } = this.#setup;
    if (failed) {
      if (this.#tags.give(tag)) link.tap.write(rejectFrame(this.#channel.number, tag));
      return;
    }
    // While consuming it would come straight back to us, and on a quorum queue below 4.0 it would go to the tail: then it stays held and
    // goes back when the channel closes, to where it was.
    const returnsToItsPlace = kind !== 'quorum' || atLeast(link.version, 4, 0);
    if (this.#stopped && returnsToItsPlace && this.#tags.give(tag)) {
      link.tap.write(requeueFrame(this.#channel.number, tag, false));
    }
  }

  #planFlush(): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    setImmediate(() => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#failure !== null || this.#channel.gone.aborted) return;
    const { limit, prefetches, link } = this.#setup;
    const held = prefetches.reduce((sum, prefetch) => sum + prefetch, 0);
    const allowed = limit === null || this.#stopped ? Number.POSITIVE_INFINITY : limit - held - this.#acked;
    if (allowed <= 0 || this.#tags.acksWanted === 0) return;
    const before = this.#tags.acksWanted;
    const { upTo, single } = this.#tags.take(allowed);
    this.#acked += before - this.#tags.acksWanted;
    const frames = single.map((tag) => ackFrame(this.#channel.number, tag, false));
    if (upTo !== null) frames.unshift(ackFrame(this.#channel.number, upTo, true));
    if (frames.length > 0) link.tap.write(Buffer.concat(frames));
  }

  #stop(): Promise<void> {
    this.#stopping ??= this.#cancelAll();
    return this.#stopping;
  }

  async #cancelAll(): Promise<void> {
    // The answers are behind the deliveries that were not read yet.
    this.#setup.link.tap.resume();
    for (const tag of this.#consumerTags) {
      if (this.#channel.gone.aborted) return;
      await this.#channel.amqp.cancel(tag);
    }
    this.#stopped = true;
    this.#flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { link, kind, signal } = this.#setup;
    this.#end();
    await this.#stop().catch(() => undefined);
    this.#flush();
    signal.removeEventListener('abort', this.#onAbort);
    this.#buffer = [];
    this.#bufferHead = 0;
    // From 4.3 a return by nack does not count as a failed delivery, the loss of a channel does.
    if (kind === 'quorum' && atLeast(link.version, 4, 3) && !this.#channel.gone.aborted) {
      link.tap.write(requeueFrame(this.#channel.number, 0, true));
    }
    await this.#channel.close();
    link.tap.unwatch(this.#channel.number);
    await link.close();
  }

  #cancelledByBroker(): void {
    const { queue } = this.#setup;
    this.#fail(
      new MqError(
        'UNAVAILABLE',
        `the broker ended the consumption of queue ${JSON.stringify(queue)}: it was deleted, or its node went away`,
        {
          backend: 'rabbitmq',
          operation: 'consume',
          queue,
        },
      ),
    );
  }

  #lost(cause: unknown): void {
    if (this.#closing !== null && this.#tags.acksWanted === 0) return;
    const { link, queue } = this.#setup;
    this.#fail(brokerError(cause ?? link.lost.reason, { operation: 'consume', queue }));
  }

  #fail(error: MqError): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    const held = this.#tags.acksWanted;
    if (held > 0) {
      this.#setup.notice(
        `${held} messages that are done could not be removed from ${JSON.stringify(this.#setup.queue)}: they will come again`,
      );
    }
    this.#ended = true;
    this.#ending.abort();
    this.#wakeUp();
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

  #wakeUp(): void {
    const wake = this.#wake;
    if (wake.length === 0) return;
    this.#wake = [];
    for (const resolve of wake) resolve();
  }
}

const DONE = Promise.resolve();

class TagReceipt implements Receipt {
  readonly #consumer: RabbitConsumer;
  readonly #tag: number;

  constructor(consumer: RabbitConsumer, tag: number) {
    this.#consumer = consumer;
    this.#tag = tag;
  }

  ack(): Promise<void> {
    return this.#consumer.ack(this.#tag);
  }

  release(options: { readonly failure?: string } = {}): Promise<void> {
    this.#consumer.release(this.#tag, options.failure !== undefined);
    return DONE;
  }
}
