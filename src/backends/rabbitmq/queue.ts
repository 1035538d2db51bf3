import type { Capabilities } from '../../contract/capabilities.ts';
import { isMqError, MqError, throwIfAborted } from '../../contract/errors.ts';
import type {
  ConsumeOptions,
  Consumer,
  DeadLetters,
  LookOptions,
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
import type { Fresh } from '../common/fresh.ts';
import { CAPABILITIES } from './capabilities.ts';
import type { Link, OpenChannel } from './connection/link.ts';
import { RabbitConsumer } from './consumer.ts';
import { deadFigure, deadLettersOf, keepsNoDeadLetters, NO_DEAD_LETTERS } from './dead-letters.ts';
import { describeQueue } from './describe.ts';
import { type LiveFigures, uncounted, whyUncounted } from './figures/live.ts';
import { priceOf } from './limits/look-price.ts';
import { overflowReason, type Room, refuseOverflow } from './limits/overflow.ts';
import { type Known, limitOfLooks, QueueRules } from './limits/queue-rules.ts';
import { type RoomReading, RoomWatch } from './limits/room-watch.ts';
import type { QueueInfo, RabbitKind } from './management/queue-info.ts';
import { MAX_PEEKED, openPeek } from './peek.ts';
import { RabbitPublisher } from './publisher.ts';
import { purgeQueue } from './purge.ts';
import type { Lookup, Session } from './session/session.ts';
import { countsPublished, type DeadFigure, toStats } from './stats.ts';
import { openStreamPeek } from './stream-peek.ts';
import { type DeadLinks, lastLinks, linksIfTold, linksOnward } from './topology/dead-links.ts';

/** Highest prefetch of one consumer. */
const MAX_WINDOW = 65_535;
/** Largest sum of bodies that a window may hold. */
const WINDOW_BYTES = 64 * 1024 * 1024;
/** So many are sent before the limits of their queue are worth a second look. */
const FEW = 100;
const NO_WAYS: ReadonlySet<string> = new Set();

/** The answers at the opening of a queue. */
type Opening = Known & { readonly live: LiveFigures };

export interface OpenedQueue {
  readonly session: Session;
  readonly name: string;
  readonly opening: Fresh<Opening>;
}

/** The abilities of every kind of RabbitMQ queue. */
class RabbitQueue implements Queue {
  readonly name: string;
  readonly place: string;
  readonly kind: RabbitKind;
  readonly capabilities: Capabilities;
  protected readonly session: Session;
  readonly #opening: Fresh<Opening>;

  constructor({ session, name, opening }: OpenedQueue, kind: RabbitKind) {
    this.session = session;
    this.#opening = opening;
    this.name = name;
    this.place = `${session.address.label}#${name}`;
    this.kind = kind;
    this.capabilities = CAPABILITIES[kind];
  }

  async stats(signal: AbortSignal): Promise<QueueStats> {
    const [looked, live] = await Promise.all([this.lookUp(signal), this.declared(signal)]);
    const info = looked.status === 'found' ? looked.info : null;
    const [dead, deadLettersFrom] = await Promise.all([
      this.#dead(info, signal),
      // To tell how many come in, all are asked: no queue says whose dead letters it gets, and the broker counts none.
      countsPublished(info?.messageStats ?? null)
        ? linksIfTold(this.session, null, signal).then((links) => deadLettersInto(links, this.name))
        : [],
    ]);
    return toStats({
      queue: this.name,
      kind: this.kind,
      info,
      live,
      dead,
      deadLettersFrom,
      reason: looked.status === 'unavailable' ? looked.reason : null,
      now: Date.now(),
    });
  }

  /** Of the other queues, only those on the way of its dead letters are asked, however many there are. */
  async #dead(info: QueueInfo | null, signal: AbortSignal): Promise<DeadFigure> {
    if (info === null) return { count: null, note: 'needs the management API' };
    if (keepsNoDeadLetters(info)) return NO_DEAD_LETTERS;
    const links = await linksOnward(this.session, info, signal);
    if (typeof links === 'string') return { count: null, note: links };
    const known = links.topology.queues.get(this.name) ?? info;
    if (keepsNoDeadLetters(known)) return NO_DEAD_LETTERS;
    return deadFigure(links, this.name, async (queue) => {
      try {
        const live = await this.session.declared(queue, signal);
        return live.ready ?? whyUncounted(live);
      } catch (error) {
        throwIfAborted(signal);
        // It may be gone since, or this user may not read it: only this one figure is affected.
        if (isMqError(error)) return error.message;
        throw error;
      }
    });
  }

  async describe(signal: AbortSignal): Promise<QueueDescription> {
    const looked = await this.lookUp(signal);
    return await describeQueue(this.session, { name: this.name, kind: this.kind, looked }, signal);
  }

  async publisher(options: PublisherOptions): Promise<Publisher> {
    const { signal, notice, lossy, expected } = options;
    const read = async (until: AbortSignal) => {
      const [rules, ready] = await Promise.all([this.rules(until), this.#readyBeforeSending(until)]);
      return { rules, ready };
    };
    const reading = read(signal);
    // Limits are read again while many are sent, and a new connection for that would take long.
    const isFew = expected !== null && expected <= FEW;
    const opening = openedWith(isFew ? this.session.link(signal) : this.session.ownLink(signal));
    // What keeps messages from the queue is told before what keeps mq from the broker.
    opening.catch(() => undefined);
    let first: RoomReading;
    let overflow: ReturnType<typeof overflowReason>;
    try {
      first = await reading;
      overflow = overflowReason(first.rules, { ready: first.ready, expected });
      if (overflow !== null && !lossy) throw refuseOverflow(overflow, this.name);
    } catch (error) {
      opening.then(({ link }) => link.close()).catch(() => undefined);
      throw error;
    }
    const { rules } = first;
    if (overflow !== null) notice(overflow.reason);
    if (rules.durable === false)
      notice(`queue ${JSON.stringify(this.name)} is not durable: a restart of the broker loses it`);
    const ttl = rules.limit('message-ttl');
    if (this.kind !== 'rabbit-stream' && ttl.known && ttl.most !== null && ttl.most > 0)
      notice(`queue ${JSON.stringify(this.name)} keeps a message for at most ${ttl.most} ms: its message TTL`);
    const { link, channel } = await opening;
    return await RabbitPublisher.open({
      ...{ link, channel },
      queue: this.name,
      login: this.session.address.user,
      isStream: this.kind === 'rabbit-stream',
      ...(this.kind === 'classic' ? { maxPriority: rules.maxPriority } : { isAlwaysDurable: true as const }),
      unsorted: rules.whyUnsorted(link.version),
      lossy,
      room: new RoomWatch(first, read, {
        changed: (room) => notice(this.#changedLimits(room)),
        unread: (why) => notice(this.#unreadLimits(why)),
      }),
      notice,
      signal,
    });
  }

  #changedLimits({ fate, isOver }: Room): string {
    const name = JSON.stringify(this.name);
    const loss = isOver ? ': some of those that are sent may be gone' : '';
    return `the limits of ${name} were changed meanwhile: ${fate}${loss}`;
  }

  #unreadLimits(why: string): string {
    return `whether the limits of ${JSON.stringify(this.name)} were changed meanwhile is not known: ${why}`;
  }

  /** Null: the queue is exclusive to another connection. That forbids counting it, but not sending to it. */
  async #readyBeforeSending(signal: AbortSignal): Promise<number | null> {
    const { ready, lockedBy } = await this.declared(signal);
    if (ready === null && lockedBy === undefined) throw uncounted(this.name, 'publish');
    return ready;
  }

  /** Read again for each act. */
  protected rules(signal: AbortSignal): Promise<QueueRules> {
    const { name: queue, kind } = this;
    return QueueRules.read(this.session, { queue, kind, known: this.#opening.answer }, signal);
  }

  protected async lookUp(signal: AbortSignal): Promise<Lookup> {
    throwIfAborted(signal);
    return this.#opening.answer?.looked ?? this.session.lookUp(this.name, signal);
  }

  protected async declared(signal: AbortSignal): Promise<LiveFigures> {
    throwIfAborted(signal);
    return this.#opening.answer?.live ?? this.session.declared(this.name, signal);
  }

  /** Like `declared`, for a caller that needs the numbers. Throws `UNAVAILABLE` if the broker does not know them. */
  protected async counted(operation: string, signal: AbortSignal) {
    const { ready, consumers, lockedBy } = await this.declared(signal);
    if (lockedBy !== undefined) throw lockedBy;
    if (ready === null || consumers === null) throw uncounted(this.name, operation);
    return { ready, consumers };
  }

  protected async info(signal: AbortSignal): Promise<QueueInfo | null> {
    const looked = await this.lookUp(signal);
    return looked.status === 'found' ? looked.info : null;
  }
}

/** Kinds `classic` and `quorum`. */
export class WorkQueue extends RabbitQueue {
  async consume(options: ConsumeOptions): Promise<Consumer> {
    const { signal, window, limit, notice } = options;
    const [rules, live] = await Promise.all([this.rules(signal), this.counted('consume', signal)]);
    if (rules.singleActiveConsumer === true && live.consumers > 0) {
      throw new MqError(
        'PRECONDITION_FAILED',
        `queue ${JSON.stringify(this.name)} has a single active consumer, and it is not mq: nothing would arrive`,
        { hint: 'stop the consumer first', backend: 'rabbitmq', operation: 'consume', queue: this.name },
      );
    }
    if (rules.autoDelete !== false && live.consumers === 0) throw this.#wouldDelete(rules);
    const link = await this.session.link(signal);
    return await RabbitConsumer.open({
      link,
      queue: this.name,
      kind: this.kind,
      limit,
      window: boundedWindow(window, rules.averageBytes),
      depth: live.ready,
      follow: options.follow,
      idleMs: options.idleMs,
      priority: null,
      counting: 'consumed',
      deliveryLimit: limitOfLooks(rules, link.version),
      ways: lastLinks(this.session)?.waysInto(this.name) ?? NO_WAYS,
      login: this.session.address.user,
      notice,
      signal,
    });
  }

  #wouldDelete({ autoDelete, refusal }: QueueRules): MqError {
    const isUnknown = autoDelete === null;
    const name = JSON.stringify(this.name);
    const fate = 'deletes itself, with all that is in it, when its last consumer goes away: that would be mq';
    return new MqError(
      isUnknown ? refusal : 'PRECONDITION_FAILED',
      isUnknown ? `whether queue ${name} ${fate}, cannot be read` : `queue ${name} ${fate}`,
      {
        hint: isUnknown
          ? 'let mq read it, by the management API or the permission to configure the queue; or keep another consumer attached'
          : 'keep another consumer attached, or look at it with mq peek',
        backend: 'rabbitmq',
        operation: 'consume',
        queue: this.name,
      },
    );
  }

  async priceOfLook({ looks, force, signal }: LookOptions): Promise<string | null> {
    return (await this.#look(looks, force, signal)).price;
  }

  async #look(looks: number | null, force: boolean, signal: AbortSignal) {
    const [rules, live, version] = await Promise.all([
      this.rules(signal),
      this.counted('peek', signal),
      this.session.ask(signal, async (link) => link.version),
    ]);
    const { ready, consumers } = live;
    const price = priceOf({ queue: this.name, rules, version, ready, consumers, looks }, force);
    return { price, rules, ready, version };
  }

  async peek(options: PeekOptions): Promise<Peek> {
    const { limit, force, signal } = options;
    const { price, rules, ready, version } = await this.#look(Math.min(limit ?? MAX_PEEKED, MAX_PEEKED), force, signal);
    const deliveryLimit = rules.deliveryLimit(version);
    return await openPeek({
      ...options,
      ...{ queue: this.name, kind: this.kind, price, ready },
      deliveryLimit: deliveryLimit.known ? deliveryLimit.most : null,
      limitOfLooks: limitOfLooks(rules, version),
      maybeAutoDelete: rules.autoDelete !== false,
      ways: lastLinks(this.session)?.waysInto(this.name) ?? NO_WAYS,
      login: this.session.address.user,
      link: () => this.session.link(signal),
    });
  }

  purge({ signal }: PurgeOptions): Promise<PurgeResult> {
    return purgeQueue(this.session, this.name, signal);
  }

  deadLetters(signal: AbortSignal): Promise<DeadLetters> {
    return deadLettersOf(this.session, this.name, signal, () => this.info(signal));
  }
}

/** What a publisher needs is opened while the limits are read. */
async function openedWith(link: Promise<Link>): Promise<{ readonly link: Link; readonly channel: OpenChannel }> {
  const opened = await link;
  try {
    return { link: opened, channel: await opened.confirmChannel() };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** A text: why that is unknown. */
function deadLettersInto(links: DeadLinks | string, queue: string): readonly string[] | string {
  if (typeof links === 'string') return links;
  return links.whyUnreadBindings() ?? links.topology.sourcesOf(queue);
}

/** Kind `rabbit-stream`: read by offset, nothing is ever taken out. */
export class StreamQueue extends RabbitQueue {
  async peek(options: PeekOptions): Promise<Peek> {
    return await openStreamPeek({ ...options, queue: this.name, link: () => this.session.link(options.signal) });
  }
}

/** The window in messages, smaller if messages are large. */
function boundedWindow(window: number | 'unbounded', averageBytes: number | null): number | 'unbounded' {
  // Above the number that one consumer may hold, the caller means to hold everything.
  if (window === 'unbounded' || window > MAX_WINDOW) return 'unbounded';
  if (averageBytes === null) return window;
  return Math.max(1, Math.min(window, Math.floor(WINDOW_BYTES / Math.max(1, averageBytes))));
}
