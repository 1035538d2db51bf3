import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import type { Delivery, Receipt } from '../../contract/message.ts';
import type { ConsumeOptions, Consumer } from '../../contract/queue.ts';
import { Bell } from '../common/bell.ts';
import { SettleOnce } from '../common/settle-once.ts';
import { BATCH_ENTRIES } from './api/batcher.ts';
import { type DeliveryLimit, isNearItsEnd, nearsEnd } from './leases/delivery-limit.ts';
import { type Hold, Holds } from './leases/holds.ts';
import { Receiver, type ReceiverPlace } from './leases/receiver.ts';
import { type ReadingContext, readMessage } from './message-in.ts';

export interface ConsumerPlace extends ReceiverPlace {
  readonly fifo: boolean;
  readonly reading: ReadingContext;
}

export interface ConsumerSettings extends ConsumeOptions {
  /** Receives in the air at once; FIFO: one. */
  readonly parallel: number;
  readonly leaseSeconds: number;
  /** Ready messages when it was opened, by SQS's own count; null: unknown, or not asked. */
  readonly readyAtStart: number | null;
  /** How near to its end a message may be that will be given back; null: no limit. */
  readonly deliveryLimit: DeliveryLimit;
}

/** How many are fetched ahead of the caller, beyond the receives in the air. */
const MAX_BUFFERED = 100;
/**
 * After empty answers to short polls, while SQS still counts ready messages: it tries this often, each time after a
 * longer pause.
 */
const LOOKS_AGAIN = 5;
const FIRST_PAUSE_MS = 50;

/**
 * Receives by long polling, with several calls at once if order does not matter. It begins with one call, and doubles
 * while answers come back full, so that a look at a small queue does not cost eight polls.
 *
 * A receive in the air is never cut off, because the messages in an unread answer would stay hidden. Ending takes up to
 * one poll.
 */
export class SqsConsumer implements Consumer {
  readonly #place: ConsumerPlace;
  readonly #options: ConsumerSettings;
  readonly #holds: Holds;
  readonly #receiver: Receiver;
  readonly #buffer: Delivery[] = [];
  readonly #receives = new Set<Promise<void>>();
  /** Received so far, plus those requested by receives in the air. */
  #taken = 0;
  #asked = 0;
  #parallel = 1;
  #emptyAnswers = 0;
  #looksAgain = 0;
  /** How often something was settled that may let others come: an earlier answer says nothing about them. */
  #reopenings = 0;
  /** The last answer had fewer than were requested: the end may be near. */
  #wasShort = false;
  #unseen = 0;
  /** Deliveries that the caller has said it will hold until the end. */
  readonly #kept = new Set<Hold>();
  #lastMessageAt = Date.now();
  #failure: unknown = null;
  readonly #stop = new AbortController();
  readonly #forgetCloser: () => void;
  #closing: Promise<void> | null = null;
  readonly #bell = new Bell();

  constructor(place: ConsumerPlace, options: ConsumerSettings) {
    this.#place = place;
    this.#options = options;
    this.#holds = new Holds(place, options.leaseSeconds);
    const { follow, idleMs, leaseSeconds, notice, signal } = options;
    this.#receiver = new Receiver(place, {
      ...{ follow, idleMs, leaseSeconds, notice },
      over: AbortSignal.any([signal, this.#stop.signal]),
    });
    this.#forgetCloser = place.api.beforeClose(() => this.close());
  }

  get unseen(): number {
    return this.#unseen;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delivery, void, undefined> {
    const { signal } = this.#options;
    const wake = () => this.#bell.ring();
    signal.addEventListener('abort', wake);
    this.#lastMessageAt = Date.now();
    try {
      while (!signal.aborted && !this.#stop.signal.aborted) {
        this.#fill();
        const delivery = this.#buffer.shift();
        if (delivery !== undefined) {
          yield delivery;
        } else if (this.#failure !== null) {
          throw this.#failure;
        } else if (this.#isFinished()) {
          if (await this.#mayHoldMore()) continue;
          await this.#tellBlockedGroups();
          await this.#tellLost();
          return;
        } else {
          await this.#bell.rest();
        }
      }
    } finally {
      this.#stop.abort();
      signal.removeEventListener('abort', wake);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    this.#bell.ring();
    this.#buffer.length = 0;
    // Held messages need not wait for the last answers: a server that has fallen silent lets both wait.
    const [early] = await Promise.all([this.#holds.giveBackAll(), ...this.#receives]);
    this.#buffer.length = 0;
    const failed = early + (await this.#holds.giveBackAll());
    this.#forgetCloser();
    if (failed > 0) {
      this.#options.notice(
        `${failed === 1 ? '1 message' : `${failed} messages`} of ${this.#place.name} could not be given back at once; visible again within ${this.#options.leaseSeconds} s`,
      );
    }
  }

  /** Starts as many receives as the limit, the window and the number in the air allow. */
  #fill(): void {
    while (!this.#stop.signal.aborted && this.#failure === null && this.#receives.size < this.#allowed()) {
      const ask = this.#nextAsk();
      if (ask <= 0) return;
      this.#asked += ask;
      const receive = this.#receive(ask).finally(() => {
        this.#receives.delete(receive);
        this.#asked -= ask;
        this.#bell.ring();
      });
      this.#receives.add(receive);
    }
  }

  #allowed(): number {
    if (this.#waitsForSettlement() || this.#hasRunDry()) return 0;
    // Near the end, the empty answers that prove emptiness are collected at the same time.
    const proving = (this.#wasShort || this.#emptyAnswers > 0) && !this.#options.follow;
    return proving ? Math.max(this.#parallel, this.#place.reception.emptyPolls) - this.#emptyAnswers : this.#parallel;
  }

  #nextAsk(): number {
    const { limit, window } = this.#options;
    const remaining = limit === null ? Number.POSITIVE_INFINITY : limit - this.#taken - this.#asked;
    const share = this.#wasShort ? Math.ceil(remaining / this.#place.reception.emptyPolls) : remaining;
    const room =
      window === 'unbounded'
        ? MAX_BUFFERED - this.#buffer.length - this.#asked
        : window - this.#holds.size - this.#asked;
    // Small receives cost as much as full ones: while others are in the air, wait until there is room for a full batch.
    if (room < BATCH_ENTRIES && room < remaining && this.#receives.size > 0) return 0;
    return Math.min(BATCH_ENTRIES, share, room);
  }

  /** Never rejects: a failure ends the iteration once the received messages are delivered. */
  async #receive(ask: number): Promise<void> {
    try {
      const startedAt = Date.now();
      const reopenings = this.#reopenings;
      const messages = await this.#receiver.receive(ask);
      for (const message of messages) this.#accept(message, startedAt);
      this.#wasShort = messages.length < ask;
      if (messages.length === 0) {
        if (reopenings === this.#reopenings) this.#emptyAnswers += 1;
        return;
      }
      this.#emptyAnswers = 0;
      this.#looksAgain = 0;
      this.#lastMessageAt = Date.now();
      if (messages.length === BATCH_ENTRIES) this.#parallel = Math.min(this.#parallel * 2, this.#options.parallel);
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #accept(message: SqsMessage, startedAt: number): void {
    const hold = this.#holds.add(message.MessageId ?? '', message.ReceiptHandle ?? '', startedAt);
    if (hold === null) return;
    this.#taken += 1;
    const delivery = readMessage(message, this.#place.reading);
    this.#buffer.push({ message: delivery, receipt: this.#receipt(hold, delivery.receiveCount) });
  }

  #receipt(hold: Hold, receiveCount: number | null): Receipt {
    const once = new SettleOnce();
    const settled = (action: Promise<void>, isReturn: boolean): Promise<void> =>
      action.finally(() => {
        // A message that could not be deleted is held until the end.
        if (this.#holds.has(hold)) this.#kept.add(hold);
        else this.#kept.delete(hold);
        // Settling one message of a FIFO group lets the next one of the group come; a message that was given back comes
        // again itself.
        if (this.#place.fifo || isReturn) {
          this.#emptyAnswers = 0;
          this.#reopenings += 1;
        }
        this.#lastMessageAt = Date.now();
        this.#bell.ring();
      });
    return {
      ack: () => once.by(() => settled(this.#holds.remove(hold), false)),
      release: () => once.by(() => settled(this.#holds.giveBack(hold), true)),
      hold: () => {
        if (once.isSettled) return;
        const { deliveryLimit } = this.#options;
        // Its delivery is used up by now; those of the next ones need not be.
        if (isNearItsEnd(receiveCount, deliveryLimit))
          this.#failure ??= nearsEnd(this.#place.name, 'a message', deliveryLimit);
        this.#kept.add(hold);
        this.#bell.ring();
      },
    };
  }

  #isFinished(): boolean {
    const { limit } = this.#options;
    if (this.#receives.size > 0) return false;
    return (limit !== null && this.#taken >= limit) || (this.#hasRunDry() && !this.#isInHand());
  }

  #hasRunDry(): boolean {
    const { follow, idleMs } = this.#options;
    if (follow) return idleMs !== null && !this.#isInHand() && Date.now() - this.#lastMessageAt >= idleMs;
    return this.#emptyAnswers >= this.#place.reception.emptyPolls;
  }

  /**
   * Whether to go on after short polls have found nothing. They ask only some of the servers. So an end that
   * contradicts SQS's own count, or that no count confirms, is not believed at once. The count lags, too, so it is not
   * believed for ever. Long polls ask all servers, and FIFO counts messages that held ones keep back.
   */
  async #mayHoldMore(): Promise<boolean> {
    const { signal, limit, follow } = this.#options;
    const isShort = this.#place.reception.waitSeconds === 0 && !follow;
    if (!isShort || (limit !== null && this.#taken >= limit) || this.#looksAgain >= LOOKS_AGAIN) return false;
    if (this.#place.fifo && this.#holds.size > 0) return false;
    const ready = await this.#receiver.readyNow();
    if (ready === 0 || signal.aborted || this.#stop.signal.aborted) return false;
    await this.#receiver.pause(FIRST_PAUSE_MS * 2 ** this.#looksAgain);
    this.#looksAgain += 1;
    this.#emptyAnswers = 0;
    return true;
  }

  /** Something may be given back and come again. Messages that the caller holds until the end are not waited for. */
  #isInHand(): boolean {
    return this.#holds.size > this.#kept.size;
  }

  /** On FIFO, a message in flight blocks the rest of its group: an empty answer proves nothing until it is settled. */
  #waitsForSettlement(): boolean {
    return this.#place.fifo && this.#emptyAnswers > 0 && this.#isInHand();
  }

  /**
   * A receive with a lost answer may have taken messages, which are hidden until their lease ends: then there are more
   * than were seen. SQS's own count tells, as far as it can be read.
   */
  async #tellLost(): Promise<void> {
    const { lost } = this.#receiver;
    if (lost === 0) return;
    const hidden = await this.#receiver.inFlightNow();
    const missing = hidden === null ? lost : Math.min(lost, Math.max(0, hidden - this.#holds.size));
    if (missing === 0) return;
    this.#unseen += missing;
    this.#options.notice(
      `the answer of SQS to a receive was lost: up to ${missing === 1 ? '1 message' : `${missing} messages`} of ${this.#place.name} may be hidden for ${this.#options.leaseSeconds} s more`,
    );
  }

  /**
   * SQS also counts as ready the messages that a message in flight of the same group keeps back, whoever holds that
   * one. Its count lags by up to a minute, so at most as many can be missing as there were at the start.
   */
  async #tellBlockedGroups(): Promise<void> {
    const { limit, notice, readyAtStart, besideHeld } = this.#options;
    const isHolding = this.#holds.size > 0 || besideHeld === true;
    if (!this.#place.fifo || !isHolding || (limit !== null && this.#taken >= limit)) return;
    const waiting = await this.#receiver.readyNow();
    const atMost = readyAtStart === null ? null : Math.max(0, readyAtStart - this.#taken);
    const known = waiting === null ? atMost : Math.min(waiting, atMost ?? waiting);
    if (known === 0) return;
    // If they may not be counted there may be one, and that is all that can be said.
    this.#unseen = known ?? 1;
    const some =
      known === null || waiting === null
        ? `messages of ${this.#place.name} may not have been looked at (how many are left cannot be read)`
        : `about ${known === 1 ? '1 message' : `${known} messages`} of ${this.#place.name} ${known === 1 ? 'was' : 'were'} not looked at`;
    notice(
      `${some}: SQS shows no more of a FIFO group while its first ones are held; take those first, or work without a filter`,
    );
  }
}
