import type { Capabilities } from '../../contract/capabilities.ts';
import { MqError } from '../../contract/errors.ts';
import type {
  ConsumeOptions,
  Consumer,
  DeadLetters,
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
import { CAPABILITIES } from './capabilities.ts';
import { RabbitConsumer } from './consumer.ts';
import { describeQueue } from './describe.ts';
import { orAborted } from './link.ts';
import { type LiveFigures, uncounted } from './live-figures.ts';
import { overflowReason, Room, refuseOverflow } from './overflow.ts';
import { openPeek } from './peek.ts';
import { RabbitPublisher } from './publisher.ts';
import {
  hasSingleActiveConsumer,
  limitOfLooks,
  limitSetting,
  type QueueInfo,
  type RabbitKind,
  textSetting,
} from './queue-info.ts';
import { leadsTo, restoreMessage } from './restore.ts';
import type { Lookup, Session } from './session.ts';
import { countsPublished, type DeadFigure, toStats } from './stats.ts';
import { openStreamPeek } from './stream-peek.ts';
import { readTopology } from './topology.ts';

/** Highest prefetch of one consumer. */
const MAX_WINDOW = 65_535;
/** Largest sum of bodies that a window may hold. */
const WINDOW_BYTES = 64 * 1024 * 1024;

/** What every kind of RabbitMQ queue can do. */
class RabbitQueue implements Queue {
  readonly name: string;
  readonly place: string;
  readonly kind: RabbitKind;
  readonly capabilities: Capabilities;
  protected readonly session: Session;

  constructor(session: Session, name: string, kind: RabbitKind) {
    this.session = session;
    this.name = name;
    this.place = `${session.address.label}#${name}`;
    this.kind = kind;
    this.capabilities = CAPABILITIES[kind];
  }

  async stats(signal: AbortSignal): Promise<QueueStats> {
    const [looked, live] = await Promise.all([
      this.session.lookUp(this.name, signal),
      this.session.declared(this.name, signal),
    ]);
    return await this.statsFrom(looked, live, signal);
  }

  /** For whoever has asked both sides just now. */
  async statsFrom(looked: Lookup, live: LiveFigures, signal: AbortSignal): Promise<QueueStats> {
    const info = looked.status === 'found' ? looked.info : null;
    return toStats({
      queue: this.name,
      kind: this.kind,
      info,
      live,
      dead: await this.#dead(info, signal),
      deadLettersFrom: await this.#deadLettersFrom(info, signal),
      reason: looked.status === 'unavailable' ? looked.reason : null,
      now: Date.now(),
    });
  }

  /** Asked only where it matters: when the broker says how many messages were published here. */
  async #deadLettersFrom(info: QueueInfo | null, signal: AbortSignal): Promise<readonly string[]> {
    if (info === null || !countsPublished(info.messageStats)) return [];
    const topology = await readTopology(this.session.management, this.session.address.vhost, signal);
    return topology.sourcesOf(this.name);
  }

  async #dead(info: QueueInfo | null, signal: AbortSignal): Promise<DeadFigure> {
    if (info === null) return { count: null, note: 'needs the management API' };
    if (keepsNoDeadLetters(info)) return NO_DEAD_LETTERS;
    const topology = await readTopology(this.session.management, this.session.address.vhost, signal);
    const known = topology.queues.get(this.name) ?? info;
    if (keepsNoDeadLetters(known)) return NO_DEAD_LETTERS;
    const destination = topology.deadLettersOf(known);
    if (destination.to !== 'queue') return { count: null, note: destination.reason };
    const { ready } = await this.session.declared(destination.queue, signal);
    if (ready === null) return { count: null, note: uncounted(destination.queue, 'stats').message };
    return { count: ready, note: sharedNote(destination.queue, topology.sourcesOf(destination.queue)) };
  }

  describe(signal: AbortSignal): Promise<QueueDescription> {
    return describeQueue(this.session, this.name, this.kind, signal);
  }

  async publisher(options: PublisherOptions): Promise<Publisher> {
    const { signal, notice, lossy, expected } = options;
    const [looked, live] = await Promise.all([
      this.session.lookUp(this.name, signal),
      this.session.counted(this.name, 'publish', signal),
    ]);
    const info = looked.status === 'found' ? looked.info : null;
    const reason =
      info === null
        ? null
        : overflowReason({
            limit: limitSetting(info, 'max-length'),
            ready: live.ready,
            expected,
            overflow: textSetting(info, 'overflow'),
          });
    if (reason !== null && !lossy) throw refuseOverflow(reason, this.name);
    if (reason !== null) notice(reason);
    if (info !== null && !info.durable)
      notice(`queue ${JSON.stringify(this.name)} is not durable: a restart of the broker loses it`);
    const link = await this.session.link(signal);
    return await RabbitPublisher.open({
      link,
      queue: this.name,
      login: this.session.address.user,
      isStream: this.kind === 'rabbit-stream',
      lossy,
      room: info === null ? null : Room.of(info, live.ready),
      notice,
      signal,
    });
  }

  protected async info(signal: AbortSignal): Promise<QueueInfo | null> {
    const looked = await this.session.lookUp(this.name, signal);
    return looked.status === 'found' ? looked.info : null;
  }
}

/** Kinds `classic` and `quorum`. */
export class WorkQueue extends RabbitQueue {
  async consume(options: ConsumeOptions): Promise<Consumer> {
    const { signal, window, limit, notice } = options;
    const [info, live] = await Promise.all([this.info(signal), this.session.counted(this.name, 'consume', signal)]);
    if (info !== null && hasSingleActiveConsumer(info) && live.consumers > 0) {
      throw new MqError(
        'PRECONDITION_FAILED',
        `queue ${JSON.stringify(this.name)} has a single active consumer, and it is not mq: nothing would arrive`,
        { hint: 'stop the consumer first', backend: 'rabbitmq', operation: 'consume', queue: this.name },
      );
    }
    if (info?.autoDelete === true && live.consumers === 0) {
      throw new MqError(
        'PRECONDITION_FAILED',
        `queue ${JSON.stringify(this.name)} deletes itself, with all that is in it, when its last consumer goes away: that would be mq`,
        {
          hint: 'keep another consumer attached, or look at it with mq peek',
          backend: 'rabbitmq',
          operation: 'consume',
          queue: this.name,
        },
      );
    }
    const link = await this.session.link(signal);
    return await RabbitConsumer.open({
      link,
      queue: this.name,
      kind: this.kind,
      limit,
      window: boundedWindow(window, info),
      depth: live.ready,
      follow: options.follow,
      idleMs: options.idleMs,
      priority: null,
      counting: 'consumed',
      deliveryLimit: limitOfLooks(info, this.kind, link.version),
      login: this.session.address.user,
      notice,
      signal,
    });
  }

  async peek(options: PeekOptions): Promise<Peek> {
    const { signal } = options;
    const [info, live, control] = await Promise.all([
      this.info(signal),
      this.session.counted(this.name, 'peek', signal),
      this.session.control(signal),
    ]);
    return await openPeek({
      ...options,
      queue: this.name,
      kind: this.kind,
      info,
      ready: live.ready,
      consumers: live.consumers,
      version: control.version,
      login: this.session.address.user,
      link: () => this.session.link(signal),
    });
  }

  async purge({ signal }: PurgeOptions): Promise<PurgeResult> {
    const link = await this.session.control(signal);
    const ok = await orAborted(
      link.onChannel({ operation: 'purge', queue: this.name }, (channel) => channel.purgeQueue(this.name)),
      signal,
    );
    return { removed: ok.messageCount };
  }

  async deadLetters(signal: AbortSignal): Promise<DeadLetters> {
    const topology = await readTopology(this.session.management, this.session.address.vhost, signal);
    const info = topology.queues.get(this.name);
    const destination = info === undefined ? null : topology.deadLettersOf(info);
    const sources = topology.sourcesOf(this.name);
    if (destination?.to === 'unclear' && sources.length === 0) {
      throw new MqError(
        'PRECONDITION_FAILED',
        `where the dead letters of ${JSON.stringify(this.name)} are is not clear: ${destination.reason}`,
        {
          hint: 'name the dead-letter queue itself, and the target with --to',
          backend: 'rabbitmq',
          operation: 'deadLetters',
          queue: this.name,
        },
      );
    }
    return {
      keptIn: destination?.to === 'queue' ? { place: 'queue', queue: destination.queue } : { place: 'nowhere' },
      sources,
      leadsTo: (message) => leadsTo(message, topology),
      restore: restoreMessage,
    };
  }
}

/** Kind `rabbit-stream`: read by offset, nothing is ever taken out. */
export class StreamQueue extends RabbitQueue {
  async peek(options: PeekOptions): Promise<Peek> {
    return await openStreamPeek({ ...options, queue: this.name, link: () => this.session.link(options.signal) });
  }
}

/** The window in messages, made smaller where messages are large. */
function boundedWindow(window: number | 'unbounded', info: QueueInfo | null): number | 'unbounded' {
  // Above what one consumer may hold, the caller means to hold everything.
  if (window === 'unbounded' || window > MAX_WINDOW) return 'unbounded';
  if (info?.averageBytes == null) return window;
  return Math.max(1, Math.min(window, Math.floor(WINDOW_BYTES / Math.max(1, info.averageBytes))));
}

export const NO_DEAD_LETTERS: DeadFigure = {
  count: 0,
  note: 'none are kept: the queue has no dead-letter exchange',
};

/** False also while that is not known. */
export function keepsNoDeadLetters(info: QueueInfo): boolean {
  return info.isPolicyTold && textSetting(info, 'dead-letter-exchange') === null;
}

export function sharedNote(queue: string, sources: readonly string[]): string {
  const others = sources.length > 1 ? `, which also holds those of others: it is shared by ${sources.join(', ')}` : '';
  return `the depth of ${queue}${others}`;
}
