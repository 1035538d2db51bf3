import type { Call, Notice } from '../../contract/call.ts';
import { type ErrorCode, throwIfAborted } from '../../contract/errors.ts';
import type { BareBodies, OutgoingMessage, SendOutcome } from '../../contract/message.ts';
import type { Publisher } from '../../contract/queue.ts';
import { isBlocked, type Owed } from './connection/answers.ts';
import type { Link, OpenChannel } from './connection/link.ts';
import { brokerError, replyCode, saidBy } from './errors.ts';
import type { RoomWatch } from './limits/room-watch.ts';
import {
  bareOutgoing,
  fitsFrame,
  isAsReceived,
  isShort,
  misfitsOf,
  type Outgoing,
  type OutgoingRules,
  toOutgoing,
} from './message-out.ts';
import { FrameBatch } from './wire/frame-batch.ts';
import {
  bodyOffset,
  type Content,
  METHOD,
  type Publication,
  publicationSize,
  readTag,
  writePublication,
} from './wire/frames.ts';
import { isPersistent, writeText } from './wire/properties.ts';

interface Waiting {
  readonly outgoing: Outgoing;
  readonly body: Uint8Array;
  /** Set if the broker gave the message back: nothing is bound there, or the queue is gone. */
  returned: string | null;
  readonly settle: (outcome: SendOutcome) => void;
  readonly id: string | null;
}

export interface PublisherSetup extends Call {
  readonly link: Link;
  /** Open on the link, with confirmations. Absent: is opened. */
  readonly channel?: OpenChannel;
  readonly queue: string;
  readonly login: string;
  readonly isStream: boolean;
  /** See `OutgoingRules`. */
  readonly maxPriority?: number | null | undefined;
  /** It writes everything to disk, whatever the message says about itself. */
  readonly isAlwaysDurable?: true;
  /** Why it does not sort its messages by priority; null: it does, or that is unknown. */
  readonly unsorted: string | null;
  readonly lossy: boolean;
  /** Null: sending more cannot lose anything there. */
  readonly room: RoomWatch | null;
}

/** Why nothing more can be sent. */
interface Breakdown {
  readonly reason: string;
  readonly code?: ErrorCode;
}

/** No broker is configured to refuse bodies of this size. */
const SAFE_BYTES = 64 * 1024;
/**
 * A broker stores messages, and writes them to disk, together as they come: with fewer in the air, it would wait for us
 * as we wait for it.
 */
const WINDOW = 4_000;
/** At most this many routing keys of an exchange are remembered. Messages with other keys are sent alone. */
const MOST_KEYS = 10_000;
/**
 * The replies by which a broker refuses a message before it stores anything: no permission, no such exchange, too
 * large.
 */
const REFUSALS: ReadonlySet<number | null> = new Set([403, 404, 406]);

/**
 * Publishes to one queue through the default exchange, `mandatory`, each message confirmed by the broker.
 *
 * States of a message: waiting (written, not confirmed) → sent (confirmed, not returned) | failed (returned, or refused
 * by a nack) | unknown (channel or connection closed first). The broker sends a return before the confirmation of the
 * same message.
 *
 * The broker refuses some messages by closing the channel without saying which. Everything else in the air is then
 * uncertain. So a message that may be refused like that goes alone: the first message to an exchange and with a routing
 * key there, a body larger than all before, and messages that brokers refuse by their properties (`maybeRefused`). If
 * the channel closes, it was that message, it is certainly not stored, and the others continue on a new channel.
 *
 * A broker that is short of memory or disk takes no messages. It says so when it has read the head of one, and
 * continues with the rest when there is room again, even for a connection that was given up meanwhile. So the body of
 * the first message follows when a question after its head is answered, and while publishing is blocked nothing more is
 * written.
 */
export class RabbitPublisher implements Publisher {
  readonly #link: Link;
  #channel: OpenChannel;
  readonly #rules: OutgoingRules;
  readonly #lossy: boolean;
  readonly #room: RoomWatch | null;
  readonly #exchange: Buffer = writeText('');
  readonly #routingKey: Buffer;
  readonly #notice: Notice;
  /** By publishing sequence number, which the broker's confirmations use. Insertion order is that of the numbers. */
  readonly #waiting = new Map<number, Waiting>();
  /** The confirmations of waiting messages: each of them, and each return, shows that the broker is working. */
  #owed: Owed | null = null;
  #sequence = 0;
  /** Sends wait here for earlier ones that go alone; null: none does. */
  #line: Promise<void> | null = null;
  /** The one message in the air that may close the channel. */
  #alone: Waiting | null = null;
  /** By exchange: null if it takes messages, else why it does not. */
  readonly #exchanges = new Map<string, string | null>();
  /**
   * The routing keys with which a message was taken, by exchange: a user may be allowed only some keys of a topic
   * exchange.
   */
  readonly #provenKeys = new Map<string, Set<string>>();
  /** The exchanges to which the user may not send. */
  readonly #denied = new Set<string>();
  #provenBytes = SAFE_BYTES;
  /** After it takes messages once, it says when it does not. */
  #isKnownToTake = false;
  /** Its body is not written yet. */
  #headOnly: Waiting | null = null;
  /** What all messages are that have only a body. */
  readonly #bare: Outgoing;
  readonly window = WINDOW;
  readonly #batch: FrameBatch;
  #broken: Breakdown | null = null;
  #idle: (() => void)[] = [];
  #saidTransient = false;
  /** Null: it is said, or there is nothing to say. */
  #unsorted: string | null;
  #closed = false;

  private constructor(setup: PublisherSetup, channel: OpenChannel) {
    this.#link = setup.link;
    this.#channel = channel;
    this.#rules = {
      queue: setup.queue,
      login: setup.login,
      isStream: setup.isStream,
      ...(setup.maxPriority !== undefined && { maxPriority: setup.maxPriority }),
      frameMax: setup.link.tap.frameMax,
    };
    this.#bare = bareOutgoing(this.#rules);
    this.#lossy = setup.lossy;
    this.#room = setup.lossy ? null : setup.room;
    this.#routingKey = writeText(setup.queue);
    this.#notice = setup.notice;
    this.#saidTransient = setup.isAlwaysDurable === true;
    this.#unsorted = setup.unsorted;
    this.#batch = new FrameBatch(
      (bytes) => setup.link.tap.write(bytes),
      () => setup.link.blockedBy !== null,
    );
    setup.link.onBlocked((reason) => {
      if (reason === null) this.#batch.flush();
      this.#notice(
        reason === null
          ? 'the broker takes messages again'
          : `waiting: the broker has blocked publishing (${reason}); sending continues by itself when the alarm is over`,
      );
    });
    this.#listen();
  }

  /** Takes over the link, which is closed with the publisher. */
  static async open(setup: PublisherSetup): Promise<RabbitPublisher> {
    throwIfAborted(setup.signal);
    return new RabbitPublisher(setup, setup.channel ?? (await setup.link.confirmChannel()));
  }

  #listen(): void {
    const channel = this.#channel;
    this.#link.tap.watch(channel.number, {
      content: (content) => this.#returned(content),
      method: (method, payload) => {
        if (method === METHOD.ack || method === METHOD.nack) {
          this.#confirmed(readTag(payload, 4), (payload.readUInt8(12) & 1) !== 0, method === METHOD.ack);
        }
      },
    });
    channel.gone.addEventListener('abort', () => {
      // amqplib closes the channels before it reports that the connection is gone.
      queueMicrotask(() => this.#break(channel.gone.reason));
    });
  }

  misfits(message: OutgoingMessage): readonly string[] {
    return misfitsOf(message, this.#rules);
  }

  send(message: OutgoingMessage): Promise<SendOutcome> {
    const stopped = this.#stopped;
    if (stopped !== null) return Promise.resolve(stopped);
    const outgoing = toOutgoing(message, this.#rules);
    const misfits = this.#lossy ? [] : misfitsOf(message, this.#rules, outgoing);
    if (misfits.length > 0) {
      return Promise.resolve({ status: 'failed', reason: `does not fit into this queue: ${misfits.join(', ')}` });
    }
    if (!fitsFrame(outgoing.properties, this.#rules)) {
      return Promise.resolve({ status: 'failed', reason: 'its headers are too large for the broker' });
    }
    if (!isShort(outgoing.exchange) || !isShort(outgoing.routingKey)) {
      return Promise.resolve({ status: 'failed', reason: 'its exchange or routing key has more than 255 bytes' });
    }
    this.#warnPriority(message, outgoing);
    return new Promise((settle) =>
      this.#submit({ outgoing, body: message.body, returned: null, settle, id: message.id }),
    );
  }

  sendBodies({ bytes, bounds }: BareBodies): Promise<readonly SendOutcome[]> {
    const count = bounds.length / 2;
    if (count === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const outcomes: SendOutcome[] = new Array(count);
      let open = count;
      for (let i = 0; i < count; i++) {
        const settle = (outcome: SendOutcome): void => {
          outcomes[i] = outcome;
          if (--open === 0) resolve(outcomes);
        };
        const body = bytes.subarray(bounds[2 * i], bounds[2 * i + 1]);
        this.#submit({ outgoing: this.#bare, body, returned: null, settle, id: null });
      }
    });
  }

  /** Why nothing can be sent any more; null: it can. */
  get #stopped(): SendOutcome | null {
    if (this.#closed) return { status: 'failed', reason: 'the publisher is closed' };
    return this.#broken === null ? null : { status: 'failed', ...this.#broken };
  }

  #submit(waiting: Waiting): void {
    const { outgoing, body, settle } = waiting;
    const stopped = this.#stopped;
    const overflow = stopped === null ? (this.#room?.refusal(body.length, this.#waiting.size) ?? null) : null;
    if (stopped !== null || overflow !== null) {
      settle(stopped ?? { status: 'failed', reason: overflow ?? '' });
      return;
    }
    this.#warnTransient(outgoing);
    if (this.#line === null && !this.#mayBeRefused(waiting)) this.#write(waiting);
    else this.#standInLine(waiting);
  }

  #mayBeRefused({ outgoing, body }: Waiting): boolean {
    const { exchange, routingKey } = outgoing;
    if (this.#exchanges.get(exchange) !== null || body.length > this.#provenBytes || outgoing.maybeRefused) return true;
    return exchange !== '' && this.#provenKeys.get(exchange)?.has(routingKey) !== true;
  }

  #standInLine(waiting: Waiting): void {
    const line = (this.#line ?? Promise.resolve()).then(() => this.#writeInTurn(waiting));
    this.#line = line;
    line.then(() => {
      if (this.#line === line) this.#line = null;
      this.#notifyIdle();
    });
  }

  async #writeInTurn(waiting: Waiting): Promise<void> {
    const { outgoing, body, settle } = waiting;
    if (this.#broken === null && this.#mayBeRefused(waiting)) await this.#allSettled();
    if (this.#broken !== null) {
      settle({ status: 'failed', ...this.#broken });
      return;
    }
    const refusal = this.#exchanges.get(outgoing.exchange) ?? null;
    if (refusal !== null) {
      const isDenied = this.#denied.has(outgoing.exchange);
      settle({ status: 'failed', reason: refusal, ...(isDenied && { code: 'PERMISSION_DENIED' }) });
      return;
    }
    if (!this.#mayBeRefused(waiting)) {
      this.#write(waiting);
      return;
    }
    const outcome = await new Promise<SendOutcome>((resolve) => {
      this.#alone = { ...waiting, settle: resolve };
      if (this.#isKnownToTake || body.length === 0) this.#write(this.#alone);
      else this.#writeHeadFirst(this.#alone);
    });
    this.#alone = null;
    if (!this.#channel.gone.aborted) {
      this.#exchanges.set(outgoing.exchange, null);
      this.#proveKey(outgoing);
      this.#provenBytes = Math.max(this.#provenBytes, body.length);
    } else if (outcome.status === 'failed') await this.#reopen();
    settle(outcome);
  }

  #proveKey({ exchange, routingKey }: Outgoing): void {
    if (exchange === '') return;
    const keys = this.#provenKeys.get(exchange) ?? new Set();
    this.#provenKeys.set(exchange, keys);
    if (keys.size < MOST_KEYS) keys.add(routingKey);
  }

  async #reopen(): Promise<void> {
    try {
      this.#link.tap.unwatch(this.#channel.number);
      this.#channel = await this.#link.confirmChannel();
      this.#sequence = 0;
      this.#listen();
    } catch (error) {
      const { code, message } = brokerError(error);
      this.#fail(code, message);
    }
  }

  /** The body follows when the broker has read the head and continues to read. */
  #writeHeadFirst(waiting: Waiting): void {
    const publication = this.#publicationOf(waiting);
    const bytes = Buffer.allocUnsafe(publicationSize(publication, this.#rules.frameMax));
    writePublication(bytes, 0, this.#channel.number, publication, this.#rules.frameMax);
    const at = bodyOffset(bytes);
    this.#expect(waiting);
    this.#headOnly = waiting;
    this.#link.tap.write(bytes.subarray(0, at));
    const goOn = (): void => {
      if (this.#headOnly !== waiting || this.#channel.gone.aborted) return;
      this.#headOnly = null;
      this.#isKnownToTake = true;
      this.#link.tap.write(bytes.subarray(at));
    };
    // If no other channel can be opened, that is unknown, and the message is sent anyway.
    this.#link.channel().then((question) => {
      goOn();
      return question.close();
    }, goOn);
  }

  #write(waiting: Waiting): void {
    const { frameMax } = this.#rules;
    const publication = this.#publicationOf(waiting);
    this.#expect(waiting);
    this.#batch.add(publicationSize(publication, frameMax), (into, at) =>
      writePublication(into, at, this.#channel.number, publication, frameMax),
    );
  }

  #expect(waiting: Waiting): void {
    this.#waiting.set(++this.#sequence, waiting);
    this.#owed ??= this.#link.answers.expect();
  }

  #publicationOf({ outgoing, body }: Waiting): Publication {
    const { exchange, routingKey, properties } = outgoing;
    const direct = exchange === '' && routingKey === this.#rules.queue;
    return {
      exchange: direct ? this.#exchange : writeText(exchange),
      routingKey: direct ? this.#routingKey : writeText(routingKey),
      properties,
      body,
    };
  }

  #confirmed(tag: number, multiple: boolean, stored: boolean): void {
    if (!multiple) {
      this.#settle(tag, stored);
      return;
    }
    for (const number of this.#waiting.keys()) {
      if (number > tag) break;
      this.#settle(number, stored);
    }
  }

  #settle(number: number, stored: boolean): void {
    const waiting = this.#waiting.get(number);
    if (waiting === undefined) return;
    this.#waiting.delete(number);
    if (waiting.returned !== null) waiting.settle({ status: 'failed', reason: waiting.returned });
    else if (stored) waiting.settle({ status: 'sent', id: waiting.id });
    else
      waiting.settle({ status: 'failed', reason: 'the broker refused it (the queue is full, or could not store it)' });
    this.#notifyIdle();
  }

  /**
   * A return has no sequence number. It belongs to the oldest waiting message with the same bytes; which of several
   * equal messages came back makes no difference. A return that matches none means that the bookkeeping is wrong: then
   * nothing more counts as sent.
   */
  #returned(content: Content): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.returned === null && this.#isSame(waiting, content)) {
        const why = content.exchange === '' ? 'is the queue gone?' : 'the exchange has no queue for this routing key';
        waiting.returned = `the broker could not route it (${content.reason ?? 'no reason given'}): ${why}`;
        return;
      }
    }
    this.#fail(undefined, 'the broker returned a message that mq did not send');
  }

  #isSame({ outgoing, body }: Waiting, content: Content): boolean {
    return (
      outgoing.exchange === content.exchange &&
      outgoing.routingKey === content.routingKey &&
      content.body.equals(body) &&
      content.properties.equals(outgoing.properties)
    );
  }

  #break(cause: unknown): void {
    if (this.#closed && this.#waiting.size === 0) return;
    const alone = this.#alone;
    if (alone !== null && !this.#link.lost.aborted && REFUSALS.has(replyCode(cause))) {
      const reason = `the broker refused it: ${saidBy(cause)}`;
      // Without the exchange or the permission, the next messages would be refused too; another routing key may be
      // allowed.
      const isForAll = replyCode(cause) !== 406 && !/ access to topic '/.test(saidBy(cause));
      if (isForAll && replyCode(cause) === 403) this.#denied.add(alone.outgoing.exchange);
      if (isForAll) this.#exchanges.set(alone.outgoing.exchange, reason);
      this.#waiting.clear();
      this.#headOnly = null;
      alone.settle({ status: 'failed', reason, ...(replyCode(cause) === 403 && { code: 'PERMISSION_DENIED' }) });
      return;
    }
    const lost = this.#link.lost.aborted ? brokerError(this.#link.lost.reason) : null;
    const said = cause === null && lost !== null ? lost.message : saidBy(cause);
    const isToldWhole = lost !== null && isBlocked(lost);
    this.#fail(lost?.code, isToldWhole ? said : `the channel to the broker was closed: ${said}`);
  }

  #fail(code: ErrorCode | undefined, reason: string): void {
    if (this.#broken !== null) return;
    const broken: Breakdown = { reason, ...(code !== undefined && { code }) };
    this.#broken = broken;
    const lastWritten = this.#sequence - this.#batch.size;
    this.#batch.clear();
    for (const [number, waiting] of this.#waiting) {
      const isWritten = number <= lastWritten && waiting !== this.#headOnly;
      waiting.settle(isWritten ? { status: 'unknown', reason } : { status: 'failed', ...broken });
    }
    this.#waiting.clear();
    this.#headOnly = null;
    this.#notifyIdle();
  }

  #warnTransient({ properties }: Outgoing): void {
    if (this.#saidTransient || isPersistent(properties)) return;
    this.#saidTransient = true;
    this.#notice('some of these messages are transient (delivery mode 1): a restart of the broker loses them');
  }

  /**
   * It is stored and told to consumers, so it is not a misfit. But a producer that gives a message a priority usually
   * means its order.
   */
  #warnPriority(message: OutgoingMessage, { exchange }: Outgoing): void {
    if (this.#unsorted === null || message.priority === null || exchange !== '' || isAsReceived(message)) return;
    const queue = JSON.stringify(this.#rules.queue);
    this.#notice(`queue ${queue} ${this.#unsorted}: a priority changes nothing in the order of its messages`);
    this.#unsorted = null;
  }

  /** Nothing is in the air. */
  #allSettled(): Promise<void> {
    if (this.#waiting.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #notifyIdle(): void {
    if (this.#waiting.size > 0) return;
    this.#owed?.done();
    this.#owed = null;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#line !== null) await this.#line;
    this.#batch.flush();
    await this.#allSettled();
    await this.#room?.end();
    // Its channel ends with it.
    await this.#link.close();
  }
}
