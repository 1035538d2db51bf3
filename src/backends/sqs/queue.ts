import { randomUUID } from 'node:crypto';
import type { Capabilities, Kind } from '../../contract/capabilities.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/message.ts';
import type {
  ConsumeOptions,
  Consumer,
  DeadLetters,
  LookOptions,
  NativeMove,
  NativeMoveRequest,
  Peek,
  PeekOptions,
  Publisher,
  PublisherOptions,
  PurgeOptions,
  PurgeResult,
  Queue,
  QueueDescription,
} from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { capabilitiesOf } from './capabilities.ts';
import { type ConsumerPlace, SqsConsumer } from './consumer.ts';
import { countDead, deadLettersOf } from './dead-letters.ts';
import { describeQueue } from './describe.ts';
import { type DeliveryLimit, priceOfLook } from './leases/delivery-limit.ts';
import { requireRightToRemove } from './leases/rights.ts';
import { MAX_MESSAGE_BYTES } from './message-attributes/limits.ts';
import { planMoveTask } from './move.ts';
import { MoveTask } from './move-task.ts';
import { SqsPeek } from './peek.ts';
import { SqsPublisher } from './publisher.ts';
import { purgeQueue } from './purge.ts';
import { count, redrivePolicy, retentionMs } from './queues/facts.ts';
import { isFifoName } from './queues/names.ts';
import { type QueuePlace, readAttributes, readFigures } from './queues/place.ts';
import { sourcesIfCheap } from './queues/sources.ts';
import { latestTime, readStats } from './stats.ts';

const PARALLEL_RECEIVES = 8;
/** How long messages stay hidden after `mq` was killed, at most. */
const LEASE_SECONDS = 60;
/** For callers that hold without bound: fewer extensions for many messages. */
const LONG_LEASE_SECONDS = 300;

/**
 * A standard or FIFO queue. It reads the facts that each verb needs, and gives them to the file that does the work.
 * `pause` and `resume` exist only on `PausableSqsQueue`.
 */
export class SqsQueue implements Queue {
  readonly name: string;
  readonly place: string;
  readonly kind: Kind;
  readonly capabilities: Capabilities;
  protected readonly here: QueuePlace;
  readonly #fifo: boolean;

  constructor(place: QueuePlace) {
    this.here = place;
    this.place = place.url;
    this.name = place.name;
    this.#fifo = isFifoName(place.name);
    this.kind = this.#fifo ? 'fifo' : 'standard';
    this.capabilities = capabilitiesOf({
      fifo: this.#fifo,
      denyPolicy: place.denyPolicy,
    });
  }

  async stats(signal: AbortSignal): Promise<QueueStats> {
    const attributes = await readFigures(this.here, signal);
    const policy = redrivePolicy(attributes);
    const dead = policy === null ? null : await countDead(this.here, policy, signal);
    return readStats(this.name, attributes, dead, this.here.api.serverClock);
  }

  latestBrokerTime(): number {
    return latestTime(this.here.api.serverClock);
  }

  async describe(signal: AbortSignal): Promise<QueueDescription> {
    const attributes = await readAttributes(this.here, signal);
    const sources = await sourcesIfCheap({ ...this.here, arn: attributes.QueueArn ?? null }, signal);
    const tags = await this.#tags(signal);
    return describeQueue({ name: this.name, url: this.here.url, attributes, sources, tags });
  }

  async publisher(options: PublisherOptions): Promise<Publisher> {
    const attributes = this.here.attributes;
    return new SqsPublisher(
      this.here,
      {
        fifo: this.#fifo,
        once: options.once === true,
        run: randomUUID(),
        maxBytes: count(attributes?.MaximumMessageSize) ?? MAX_MESSAGE_BYTES,
      },
      options,
    );
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#requireReady(options.state);
    if (options.givesBack !== 'all') await requireRightToRemove(this.here, options.signal);
    return new SqsConsumer(this.#consumerPlace, {
      ...options,
      deliveryLimit: options.givesBack === undefined || options.force === true ? null : this.#deliveryLimit,
      readyAtStart: this.#fifo ? await this.#readyNow(options.signal) : null,
      parallel: this.#fifo ? 1 : PARALLEL_RECEIVES,
      leaseSeconds:
        this.here.reception.leaseSeconds ?? (options.window === 'unbounded' ? LONG_LEASE_SECONDS : LEASE_SECONDS),
    });
  }

  async peek(options: PeekOptions): Promise<Peek> {
    this.#requireReady(options.state);
    await priceOfLook(this.here, options);
    const readyAtStart = await this.#readyNow(options.signal);
    return new SqsPeek(this.#consumerPlace, { limit: this.#deliveryLimit, readyAtStart }, options);
  }

  async priceOfLook(options: LookOptions): Promise<string> {
    this.#requireReady(options.state);
    return priceOfLook(this.here, options);
  }

  purge(options: PurgeOptions): Promise<PurgeResult> {
    return purgeQueue(this.here, (how) => this.consume(how), options);
  }

  deadLetters(signal: AbortSignal): Promise<DeadLetters> {
    return deadLettersOf(this.here, signal);
  }

  async nativeMove(request: NativeMoveRequest): Promise<NativeMove | null> {
    const { to } = request;
    const target = to === 'origin' ? to : to instanceof SqsQueue ? to.here : null;
    const plan = await planMoveTask(this.here, target, request);
    return plan === null ? null : new MoveTask(plan, request);
  }

  /** As it was when the queue was opened. */
  get #deliveryLimit(): DeliveryLimit {
    return redrivePolicy(this.here.attributes ?? {})?.maxReceiveCount ?? null;
  }

  /** Null if the caller may not know. */
  async #readyNow(signal: AbortSignal): Promise<number | null> {
    try {
      return count((await readAttributes(this.here, signal)).ApproximateNumberOfMessages);
    } catch (error) {
      if (isMqError(error) && error.code === 'PERMISSION_DENIED') return null;
      throw error;
    }
  }

  get #consumerPlace(): ConsumerPlace {
    const { api, name, url, foreign, attributes, reception } = this.here;
    return {
      api,
      name,
      url,
      fifo: this.#fifo,
      reception,
      reading: {
        queue: name,
        foreign,
        retentionMs: attributes === null ? null : retentionMs(attributes),
      },
    };
  }

  /** Null if the caller may not read them, or if the server has none. */
  async #tags(signal: AbortSignal): Promise<Readonly<Record<string, JsonValue>> | null> {
    try {
      return (await this.here.api.listTags(this.here.url, { queue: this.name, signal })).Tags ?? {};
    } catch (error) {
      if (isMqError(error) && (error.code === 'PERMISSION_DENIED' || error.code === 'UNEXPECTED_RESPONSE')) return null;
      throw error;
    }
  }

  #requireReady(state: string): void {
    if (state === 'ready') return;
    throw new MqError('NOT_SUPPORTED', `a queue of SQS has no ${state} messages that can be read`, {
      backend: 'sqs',
      queue: this.name,
      hint: 'dead letters are in the queue that the redrive policy names',
    });
  }
}
