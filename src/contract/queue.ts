import type { Guarantee } from './abilities.ts';
import type { Call } from './call.ts';
import type { Capabilities, Kind } from './capabilities.ts';
import type { ErrorCode, MqError } from './errors.ts';
import type {
  BareBodies,
  Delivery,
  JsonValue,
  Message,
  MessageState,
  OutgoingMessage,
  SendOutcome,
} from './message.ts';
import type { QueueStats } from './stats.ts';

export interface PublisherOptions extends Call {
  /**
   * How many messages will be sent, if known. A target with a length limit that is too small is refused before the
   * first.
   */
  readonly expected: number | null;
  /**
   * Send even if something may be lost that the publisher can tell beforehand (a target that overflows, header types,
   * replicas that cannot be asked).
   */
  readonly lossy: boolean;
  /**
   * The source is removed after the send, and a run that broke off will send the same message again. A kind that can
   * recognise it stores it once. Absent: each send is a new message, even if another with the same content is there.
   */
  readonly once?: true;
}

/**
 * Sends with confirmation. Batching and pipelining happen inside: call `send` without awaiting the last one, with a
 * bounded number in the air.
 */
export interface Publisher {
  /**
   * The properties of this message that the queue cannot hold, one phrase each; empty: it fits. Pure and cheap. `send`
   * never drops a property in silence: without `lossy` it answers `failed` for a message with misfits; with it, it
   * sends the rest.
   */
  misfits(message: OutgoingMessage): readonly string[];
  /**
   * Never rejects because of one message: that is in the outcome. Aborting does not unsend; the outcome is still told.
   */
  send(message: OutgoingMessage): Promise<SendOutcome>;
  /**
   * Like `send` for each, in their order, with one outcome each. Present if waiting for each message would cost more
   * than storing it.
   */
  sendAll?(messages: readonly OutgoingMessage[]): Promise<readonly SendOutcome[]>;
  /**
   * Like `sendAll`, for messages that are only bodies. Present if any body fits and an object for each would cost more
   * than storing it.
   */
  sendBodies?(bodies: BareBodies): Promise<readonly SendOutcome[]>;
  /**
   * Other brokers' records in `native` are stored with the message. Absent: they are dropped, and core reports the
   * loss.
   */
  readonly keepsNative?: true;
  /** How many messages in the air it can use; absent: the caller decides. */
  readonly window?: number;
  /** Waits for what is in the air, then closes. Idempotent. */
  close(): Promise<void>;
}

export type GivesBack = 'some' | 'all';

export interface ConsumeOptions extends Call {
  readonly state: 'ready' | 'dead';
  /** Never take more than this many from the broker in total; null: until the queue is empty. */
  readonly limit: number | null;
  /**
   * How many may be unsettled at once. `unbounded` if the caller will hold messages that do not match until the end.
   */
  readonly window: number | 'unbounded';
  /**
   * How much the caller gives back: `some` (a filter leaves the rest), `all` (a copy). Absent: nothing, because it
   * removes all. Except with `all`, the right to remove may be checked before the first delivery. Whether giving back
   * is harmless was asked before: see `Queue.priceOfLook`.
   */
  readonly givesBack?: GivesBack;
  /**
   * Give back even messages that are near their delivery limit. Some kinds notice this only when they have the message
   * in hand.
   */
  readonly force?: true;
  /** Wait for more when the queue is empty. */
  readonly follow: boolean;
  /** With `follow`: end after this many milliseconds without a message; null: never. */
  readonly idleMs: number | null;
  /**
   * Take even while the queue is paused, if a pause would stop this consumer too: a move or purge by an operator is not
   * a delivery.
   */
  readonly evenPaused?: boolean;
  /** The caller holds messages of this queue through another consumer. They may hide others (a FIFO group). */
  readonly besideHeld?: true;
}

/**
 * Takes messages out of a queue. Iterating once yields deliveries until the limit is reached, the queue is empty, or
 * the signal aborts. An abort ends the iteration without an error, and delivered messages can still be settled. A
 * broken connection rejects.
 *
 * The caller settles or holds (`Receipt.hold`) every delivery. While the window is bounded and a delivery is neither
 * settled nor held, the queue is not called empty or idle: that delivery may be given back and come again, and a full
 * window lets nothing else come. Without a bound, a kind may wait for it too, because a delivery may hide others behind
 * it (a FIFO group).
 *
 * Receipts stay valid until `close`. It releases unsettled messages, as far as possible in the order of delivery, and
 * then resolves. The lease of a held message is extended inside.
 */
export interface Consumer extends AsyncIterable<Delivery> {
  /**
   * After the iteration has ended: about how many messages were there from the start and could not come, because they
   * wait behind held messages (a FIFO group), or because another `mq` was taking them. Absent if that cannot happen.
   */
  readonly unseen?: number;
  /**
   * The same deliveries, page by page, in place of the iteration. Present if a page costs much less to settle than each
   * of its messages.
   */
  pages?(): AsyncIterable<DeliveryPage>;
  close(): Promise<void>;
}

/** Deliveries that came together. Each can be settled by its own receipt, or many by one call. */
export interface DeliveryPage {
  readonly deliveries: readonly Delivery[];
  /**
   * Like the `ack` of each of these, which are of this page. One answer for each, in their order: null, or why its
   * removal is not certain. Never rejects.
   */
  ackAll(deliveries: readonly Delivery[]): Promise<readonly (MqError | null)[]>;
}

export interface PeekOptions extends Call {
  readonly state: MessageState;
  /** At most this many; null: all. */
  readonly limit: number | null;
  /** Look even if looking may make a message dead, or if consumers may see it in a harmful way. */
  readonly force: boolean;
}

/**
 * Messages in delivery order. If peeking is free, the iteration copes with the removal of messages that it has already
 * yielded: a native move looks and moves page by page. Everything that was held is back in the queue when the iteration
 * ends, even if the caller leaves it early.
 */
export interface Peek extends AsyncIterable<Message> {
  /** What this look costs, in one sentence; null: it is free. */
  readonly price: string | null;
  /** The same as `Consumer.unseen`. */
  readonly unseen?: number;
}

export interface LookOptions {
  readonly state: MessageState;
  /** The largest number of messages to look at; null: unknown. */
  readonly looks: number | null;
  readonly givesBack: GivesBack;
  /** Look even if looking may do harm. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

export interface SurveyOptions {
  readonly state: MessageState;
  /** `native`: by this queue's own `nativeMove` to the origin. `removes`: each message is taken out. */
  readonly by: 'native' | 'removes';
  /** Take no more than this many. */
  readonly limit: number | null;
  readonly signal: AbortSignal;
}

export interface PurgeOptions extends Call {
  readonly states: readonly MessageState[];
}

export interface PurgeResult {
  /** Null: the broker does not say. */
  readonly removed: number | null;
  /** Messages that were asked for and are still there, with the reason (`Delivery.stays`). Absent: none. */
  readonly stays?: readonly ItemOutcome[];
  /** False: not everything that was there at the start has been looked at. Absent: it has. */
  readonly complete?: false;
}

/** Where a message leads that does not name a queue. */
export type Led = { readonly queue: string } | { readonly unclear: string } | null;

/** The place of dead letters, seen from one queue. */
export interface DeadLetters {
  /**
   * `state`: in the queue itself. `queue`: in that other queue. `nowhere`: they are dropped, or the queue makes none.
   * `why`: a sentence about that, if the broker's links suggest something else (`orders.wait only expires into
   * orders`).
   */
  readonly keptIn:
    | { readonly place: 'state' }
    | { readonly place: 'queue'; readonly queue: string }
    | { readonly place: 'nowhere'; readonly why?: string };
  /**
   * Present if `keptIn` is a queue and the broker has already told what that queue would say of itself; otherwise that
   * queue has to be asked. Throws as `deadLetters` does.
   */
  ofHolder?(): DeadLetters;
  /**
   * The queues whose dead letters arrive in this one. A dead-letter queue has at least one. Null: they could not be
   * read, or `readSources` reads them.
   */
  readonly sources: readonly string[] | null;
  /**
   * Reads `sources`, which takes long, and does so once: who asks again gets the same answer. Null: they could not be
   * read. Rejects as `deadLetters` does. Absent: `sources` says it.
   */
  readSources?(): Promise<readonly string[] | null>;
  /**
   * Messages of this kind never say which queue lost them, so only the links decide. Absent: they may say it in
   * `Message.dead.from`.
   */
  readonly messagesAreSilent?: true;
  /**
   * A native move to `origin` takes each message to the queue that lost it, because the broker remembers that. Absent:
   * there is no such move, or it does not.
   */
  readonly movesEachHome?: true;
  /**
   * Finds the queue for a message that does not name a queue but something that leads to queues (an exchange and a
   * key). It is the queue if exactly one is found, else the reason why none can be named; null: the message names
   * nothing. It may have to ask the broker first, and then rejects as `deadLetters` does. Absent: messages name queues
   * or nothing.
   */
  leadsTo?(message: Message): Led | Promise<Led>;
  /** Its messages wrap those that failed, and `restore` unwraps each. Absent: they do not. */
  readonly unwraps?: true;
  /**
   * `restore` refuses some messages, and a dry run has to find out which. Absent: it takes all, or the answer is known
   * only at the time.
   */
  readonly mayNotRestore?: true;
  /**
   * The message as it was before it died, without the marks of death of the broker and of the application's framework;
   * everything else stays. Throws `PRECONDITION_FAILED`, with the reason, for a message that cannot be restored. `to`:
   * the queue that it goes to. Back in the queue that lost it, it keeps the earlier marks from other queues.
   */
  restore(message: Message, options: { readonly keepDeathHeaders: boolean; readonly to?: string }): Message;
}

export interface NativeMoveRequest extends Call {
  readonly state: 'ready' | 'dead';
  /** `origin`: each dead letter goes back to the queue that lost it. */
  readonly to: Queue | 'origin';
  /** The caller will name the messages, instead of moving the next ones up to a number. */
  readonly selective: boolean;
  /** At most this many; null: all that were there at the start. */
  readonly limit: number | null;
  /**
   * At most this many per second; null or absent: as fast as possible. The caller paces the pages, so a move that keeps
   * to `upTo` may ignore it.
   */
  readonly ratePerSec?: number | null;
  /** Mark each moved message as redriven once more. */
  readonly countReplay: boolean;
}

/** A message that was not moved, and why. */
export interface ItemOutcome {
  readonly id: string | null;
  readonly reason: string;
}

export interface NativeProgress {
  readonly moved: number;
  /** No longer there, or in another state: nothing was done. */
  readonly skipped: readonly ItemOutcome[];
  /** `code`: the same as in `SendOutcome`. */
  readonly failed: readonly (ItemOutcome & { readonly code?: ErrorCode })[];
  /**
   * The answer was lost: the messages may be moved or not, which only a look can tell. If there are any, the move ends
   * after this page.
   */
  readonly unknown: readonly ItemOutcome[];
  /**
   * The broker refused the rest of the page: nothing was done to the messages that are in none of the counts. The
   * move ends after such a page. Absent: it refused none.
   */
  readonly refused?: MqError;
  /** Nothing is left to move, or the broker has ended the move. */
  readonly exhausted: boolean;
  /**
   * With `exhausted`: about this many were there from the start, and the broker ended without moving them. Absent:
   * none.
   */
  readonly remaining?: number;
}

/** A move that the broker does itself, or that is atomic, page by page. */
export interface NativeMove {
  readonly guarantee: Guarantee;
  /**
   * One page: either the next `upTo` messages or exactly these. With the guarantee `atomic`, a page is done completely
   * or not at all. Rejects with `NOT_SUPPORTED`, before anything was moved, if it turns out that the broker will not do
   * it: then the move can be done by hand.
   */
  next(selection: { readonly upTo: number } | { readonly messages: readonly Message[] }): Promise<NativeProgress>;
  /**
   * Present if the broker goes on moving between two pages. It stops the move, and tells what was moved since the last
   * page. Called once, after the last page, even if a page was rejected or the signal has aborted.
   */
  stop?(): Promise<NativeProgress>;
  close(): Promise<void>;
}

/** Everything known of a queue, for `inspect`. */
export interface QueueDescription {
  readonly configuration: Readonly<Record<string, JsonValue>>;
  /** Policies, arguments, groups, schedulers …: the broker's facts under its own names. */
  readonly details: Readonly<Record<string, JsonValue>>;
  readonly consumers: readonly Readonly<Record<string, JsonValue>>[] | null;
}

/**
 * A handle of one queue. Opening it and calling `stats`, `describe`, `deadLetters` or `get` never creates or changes
 * anything on the server.
 *
 * Optional members are there exactly if `capabilities` says so: by an ability (`contract/ask.ts`) or by a trait of the
 * same name (`contract/traits.ts`). A member that throws "not implemented" is forbidden.
 */
export interface Queue {
  readonly name: string;
  /**
   * Identifies the queue by the broker's address and the name: the same for the same queue, and different for any two.
   * It contains no credentials.
   */
  readonly place: string;
  readonly kind: Kind;
  readonly capabilities: Capabilities;
  stats(signal: AbortSignal): Promise<QueueStats>;
  /**
   * Present if a user may take messages without the right to read `stats`. The broker's time in its last answer, in
   * milliseconds since the epoch: the latest that it can have been. It asks nothing.
   */
  latestBrokerTime?(): number;
  describe(signal: AbortSignal): Promise<QueueDescription>;
  publisher?(options: PublisherOptions): Promise<Publisher>;
  consume?(options: ConsumeOptions): Promise<Consumer>;
  /** Throws `PRECONDITION_FAILED` if looking would do harm and `force` is not set. */
  peek?(options: PeekOptions): Promise<Peek>;
  /**
   * Present exactly if looking disturbs (`peek.effect`). It is the one gate before any look at messages that stay.
   * Resolves to the price of the look in one sentence; null: it is free. Throws `PRECONDITION_FAILED` if the look would
   * do harm, or if that cannot be found out, and `force` is not set. It receives nothing itself.
   */
  priceOfLook?(options: LookOptions): Promise<string | null>;
  /**
   * Present if a run over everything may do less than the count of a state promises: some of what is counted stays, or
   * is a name without a message. It tells, for a dry run, what such a run would do now. It only reads.
   */
  survey?(options: SurveyOptions): Promise<Pick<NativeProgress, 'moved' | 'skipped' | 'failed'>>;
  /** One message by its id, in whatever state; null: there is none. Never disturbs. */
  get?(id: string, signal: AbortSignal): Promise<Message | null>;
  purge?(options: PurgeOptions): Promise<PurgeResult>;
  /**
   * Present if the current content of the queue may make it refuse a purge. It throws as the purge would, and changes
   * nothing. It is asked before anything is shown, so that a dry run promises nothing that the run refuses.
   */
  mayPurge?(states: readonly MessageState[], signal: AbortSignal): Promise<void>;
  /** Like `mayPurge`, for a run that takes messages of this state out of the queue. */
  mayTake?(state: MessageState, signal: AbortSignal): Promise<void>;
  /** Stops delivery to consumers. Pausing a paused queue is not an error. */
  pause?(options: { readonly reason: string | null; readonly signal: AbortSignal }): Promise<void>;
  resume?(options: { readonly signal: AbortSignal }): Promise<void>;
  deadLetters?(signal: AbortSignal): Promise<DeadLetters>;
  /** The fast path, or null if it cannot do exactly what is asked. This is decided before anything is touched. */
  nativeMove?(request: NativeMoveRequest): Promise<NativeMove | null>;
}
