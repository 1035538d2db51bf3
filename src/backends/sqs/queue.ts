import type { Capabilities, Kind } from '../../contract/capabilities.ts';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { JsonValue, Message } from '../../contract/message.ts';
import type {
  ConsumeOptions,
  Consumer,
  DeadLetters,
  NativeMove,
  NativeMoveRequest,
  Notice,
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
import type { SqsApi } from './api.ts';
import { capabilitiesOf } from './capabilities.ts';
import { type ConsumerPlace, SqsConsumer } from './consumer.ts';
import { describeQueue } from './description.ts';
import { isUnknownAction } from './errors.ts';
import { count, type QueueAttributes, type RedrivePolicy, redrivePolicy, retentionMs } from './facts.ts';
import { nativeOf } from './incoming.ts';
import { MAX_MESSAGE_BYTES } from './limits.ts';
import { isTaskRate, MoveTask } from './move-task.ts';
import { isFifoName, parseArn } from './names.ts';
import { SqsPeek } from './peek.ts';
import { SqsPublisher } from './publisher.ts';
import type { Reception } from './reception.ts';
import { sourcesIfAllowed, sourcesOf } from './sources.ts';
import { type DeadCount, depthOfAttributes, readStats } from './stats.ts';

const PARALLEL_RECEIVES = 8;
/** A killed `mq` leaves messages hidden for so long at most. */
const LEASE_SECONDS = 60;
/** For callers that hold without bound: fewer extensions of many messages. */
const LONG_LEASE_SECONDS = 300;

export interface QueuePlace {
  readonly api: SqsApi;
  /** As the operator named it. */
  readonly name: string;
  readonly url: string;
  /** Another account's queue: related queues are named in full. */
  readonly foreign: boolean;
  readonly denyPolicy: boolean;
  readonly reception: Reception;
  /** As read when the queue was opened; null when the caller may not read them. */
  readonly attributes: QueueAttributes | null;
}

/** A standard or FIFO queue. `pause` and `resume` exist only on `PausableSqsQueue`. */
export class SqsQueue implements Queue {
  readonly name: string;
  readonly kind: Kind;
  readonly capabilities: Capabilities;
  protected readonly place: QueuePlace;
  readonly #fifo: boolean;

  constructor(place: QueuePlace) {
    this.place = place;
    this.name = place.name;
    this.#fifo = isFifoName(place.name);
    this.kind = this.#fifo ? 'fifo' : 'standard';
    this.capabilities = capabilitiesOf({
      fifo: this.#fifo,
      denyPolicy: place.denyPolicy,
    });
  }

  /** The queue's ARN; null when the caller may not read the queue's attributes. */
  get arn(): string | null {
    return this.place.attributes?.QueueArn ?? null;
  }

  async stats(signal: AbortSignal): Promise<QueueStats> {
    const attributes = await this.attributes(signal);
    const policy = redrivePolicy(attributes);
    return readStats(this.name, attributes, policy === null ? null : await this.#deadCount(policy, signal));
  }

  async describe(signal: AbortSignal): Promise<QueueDescription> {
    const attributes = await this.attributes(signal);
    const sources = await sourcesIfAllowed({ ...this.place, arn: attributes.QueueArn ?? null }, signal);
    const tags = await this.#tags(signal);
    return describeQueue({ name: this.name, url: this.place.url, attributes, sources, tags });
  }

  async publisher(options: PublisherOptions): Promise<Publisher> {
    const attributes = this.place.attributes;
    return new SqsPublisher(
      this.place,
      {
        fifo: this.#fifo,
        contentBased: attributes?.ContentBasedDeduplication === 'true',
        maxBytes: count(attributes?.MaximumMessageSize) ?? MAX_MESSAGE_BYTES,
      },
      options,
    );
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#requireReady(options.state);
    return new SqsConsumer(await this.#consumerPlace(options.signal), {
      ...options,
      readyAtStart: this.#fifo ? await this.#readyNow(options.signal) : null,
      parallel: this.#fifo ? 1 : PARALLEL_RECEIVES,
      leaseSeconds:
        this.place.reception.leaseSeconds ?? (options.window === 'unbounded' ? LONG_LEASE_SECONDS : LEASE_SECONDS),
    });
  }

  async peek(options: PeekOptions): Promise<Peek> {
    this.#requireReady(options.state);
    const attributes = await this.attributes(options.signal);
    const maxReceiveCount = redrivePolicy(attributes)?.maxReceiveCount ?? null;
    const readyAtStart = count(attributes.ApproximateNumberOfMessages);
    return new SqsPeek(await this.#consumerPlace(options.signal), { maxReceiveCount, readyAtStart }, options);
  }

  /** Null when the caller may not know. */
  async #readyNow(signal: AbortSignal): Promise<number | null> {
    try {
      return count((await this.attributes(signal)).ApproximateNumberOfMessages);
    } catch (error) {
      if (error instanceof MqError && error.code === 'PERMISSION_DENIED') return null;
      throw error;
    }
  }

  /**
   * SQS purges every state at once. When only what is ready is asked for and there is more, the ready messages are received and deleted instead, up
   * to those that were there at the start; a failure then leaves the rest. What cannot be done exactly is refused.
   */
  async purge({ states, notice, signal }: PurgeOptions): Promise<PurgeResult> {
    const attributes = await this.attributes(signal);
    const others = [
      ['in-flight', attributes.ApproximateNumberOfMessagesNotVisible],
      ['delayed', attributes.ApproximateNumberOfMessagesDelayed],
    ] as const;
    const spared = others.filter(([state, text]) => !states.includes(state) && count(text) !== 0);
    if (spared.length > 0 && states.includes('ready') && states.length === 1) {
      await this.#deleteReady(notice, signal);
      return { removed: null };
    }
    if (spared.length > 0 || !states.includes('ready')) {
      throw new MqError('PRECONDITION_FAILED', `SQS cannot purge only what is ${states.join(' or ')}`, {
        backend: 'sqs',
        operation: 'PurgeQueue',
        queue: this.name,
        hint: 'Use --state ready.',
      });
    }
    await this.place.api.purgeQueue(this.place.url, { queue: this.name, signal });
    notice('SQS purges within 60 seconds and tells no count; messages sent or received meanwhile may be deleted too');
    return { removed: null };
  }

  async deadLetters(signal: AbortSignal): Promise<DeadLetters> {
    const attributes = await this.attributes(signal);
    const policy = redrivePolicy(attributes);
    return {
      keptIn: policy === null ? { place: 'nowhere' } : { place: 'queue', queue: this.#deadLetterName(policy) },
      sources: await sourcesOf({ ...this.place, arn: attributes.QueueArn ?? null }, signal),
      restore: (message) => withoutDeath(message),
    };
  }

  /**
   * A move task takes everything that is in a dead-letter queue and changes nothing on the way, so it is used only when that is what was asked, and
   * only between queues of the same sort in one account and region.
   */
  async nativeMove(request: NativeMoveRequest): Promise<NativeMove | null> {
    if (request.selective || request.limit !== null || request.countReplay) return null;
    const ratePerSec = request.ratePerSec ?? null;
    if (!isTaskRate(ratePerSec)) return null;
    const attributes = await this.attributes(request.signal);
    const source = request.state === 'dead' ? await this.#ownDeadLetterQueue(attributes, request) : this;
    const sourceArn = source?.arn ?? null;
    if (source === null || sourceArn === null) return null;
    const sources = await sourcesIfAllowed({ ...source.place, arn: sourceArn }, request.signal);
    if (sources === null || sources.length === 0) return null;
    // The dead letters of one queue are everything in its dead-letter queue only while it shares that with nobody.
    if (request.state === 'dead' && sources.length !== 1) return null;
    const destinationArn = this.#destinationOf(request.to, sourceArn);
    if (destinationArn === undefined) return null;
    if (!(await this.#hasMoveTasks(source, sourceArn, request.signal))) return null;
    const { api, name, url } = source.place;
    return new MoveTask({ api, name, url, sourceArn, destinationArn, ratePerSec }, request);
  }

  async #deleteReady(notice: Notice, signal: AbortSignal): Promise<void> {
    const startedAt = Date.now();
    notice('others are in flight or delayed, so the ready messages are received and deleted one by one');
    const consumer = await this.consume({
      state: 'ready',
      limit: null,
      window: 500,
      follow: false,
      idleMs: null,
      notice,
      signal,
    });
    const deleted: Promise<void>[] = [];
    try {
      for await (const { message, receipt } of consumer) {
        if (message.enqueuedAt !== null && message.enqueuedAt > startedAt) break;
        const ack = receipt.ack();
        // Awaited below; until then a rejection must not count as unhandled.
        ack.catch(() => {});
        deleted.push(ack);
      }
      await Promise.all(deleted);
    } finally {
      await consumer.close();
    }
    throwIfAborted(signal);
  }

  protected async attributes(signal: AbortSignal): Promise<QueueAttributes> {
    const answer = await this.place.api.getQueueAttributes(this.place.url, { queue: this.name, signal });
    return answer.Attributes ?? {};
  }

  /** Whether the server knows move tasks (some that only speak SQS's protocol do not) and the caller may watch them. */
  async #hasMoveTasks(source: SqsQueue, sourceArn: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.place.api.listMoveTasks({ SourceArn: sourceArn, MaxResults: 1 }, { queue: source.name, signal });
      return true;
    } catch (error) {
      if (isUnknownAction(error) || (error instanceof MqError && error.code === 'PERMISSION_DENIED')) return false;
      throw error;
    }
  }

  /** Null: by origin. Undefined: a move task cannot go there. */
  #destinationOf(to: NativeMoveRequest['to'], sourceArn: string): string | null | undefined {
    if (to === 'origin') return null;
    if (!(to instanceof SqsQueue) || to.kind !== this.kind || to.arn === null || to.arn === sourceArn) return undefined;
    const from = parseArn(sourceArn);
    const target = parseArn(to.arn);
    const near = from !== null && target !== null && from.region === target.region && from.account === target.account;
    return near && to.place.api === this.place.api ? to.arn : undefined;
  }

  async #ownDeadLetterQueue(attributes: QueueAttributes, { signal }: NativeMoveRequest): Promise<SqsQueue | null> {
    const policy = redrivePolicy(attributes);
    if (policy === null) return null;
    const place = await this.#openDeadLetterQueue(policy, signal);
    return place === null ? null : new SqsQueue(place);
  }

  /** Null when it cannot be seen: deleted, or not ours to read. */
  async #openDeadLetterQueue(policy: RedrivePolicy, signal: AbortSignal): Promise<QueuePlace | null> {
    const context = { queue: policy.deadLetterQueue, signal };
    const account = parseArn(policy.deadLetterArn)?.account;
    try {
      const { QueueUrl: url } = await this.place.api.getQueueUrl(
        {
          QueueName: policy.deadLetterQueue,
          ...(this.place.foreign && account !== undefined ? { QueueOwnerAWSAccountId: account } : {}),
        },
        context,
      );
      if (url === undefined) return null;
      const { Attributes: attributes = {} } = await this.place.api.getQueueAttributes(url, context);
      return { ...this.place, name: this.#deadLetterName(policy), url, attributes };
    } catch (error) {
      if (error instanceof MqError && (error.code === 'QUEUE_NOT_FOUND' || error.code === 'PERMISSION_DENIED'))
        return null;
      throw error;
    }
  }

  #deadLetterName(policy: RedrivePolicy): string {
    return this.place.foreign ? policy.deadLetterArn : policy.deadLetterQueue;
  }

  async #deadCount(policy: RedrivePolicy, signal: AbortSignal): Promise<DeadCount> {
    const queue = this.#deadLetterName(policy);
    const place = await this.#openDeadLetterQueue(policy, signal);
    if (place === null) return { queue, depth: null, sharers: null };
    const sources = await sourcesIfAllowed({ ...place, arn: place.attributes?.QueueArn ?? null }, signal);
    return {
      queue,
      depth: place.attributes === null ? null : depthOfAttributes(place.attributes),
      sharers: sources?.filter((source) => source !== this.name) ?? null,
    };
  }

  async #consumerPlace(signal: AbortSignal): Promise<ConsumerPlace> {
    const { api, name, url, foreign, attributes, reception } = this.place;
    const sources = await sourcesIfAllowed({ ...this.place, arn: this.arn }, signal);
    return {
      api,
      name,
      url,
      fifo: this.#fifo,
      reception,
      reading: {
        queue: name,
        foreign,
        sources: sources ?? [],
        retentionMs: attributes === null ? null : retentionMs(attributes),
      },
    };
  }

  /** Null when the caller may not read them, or the server has none. */
  async #tags(signal: AbortSignal): Promise<Readonly<Record<string, JsonValue>> | null> {
    try {
      return (await this.place.api.listTags(this.place.url, { queue: this.name, signal })).Tags ?? {};
    } catch (error) {
      if (error instanceof MqError && (error.code === 'PERMISSION_DENIED' || error.code === 'UNEXPECTED_RESPONSE'))
        return null;
      throw error;
    }
  }

  #requireReady(state: string): void {
    if (state === 'ready') return;
    throw new MqError('NOT_SUPPORTED', `a queue of SQS has no ${state} messages that can be read`, {
      backend: 'sqs',
      queue: this.name,
      hint: 'Dead letters are in the queue that the redrive policy names.',
    });
  }
}

/** SQS puts no mark of death on a message itself; only our own record of where it died goes. */
function withoutDeath(message: Message): Message {
  const { deadLetterSourceArn: _, ...native } = nativeOf(message);
  return { ...message, dead: null, native: { ...message.native, sqs: native } };
}
