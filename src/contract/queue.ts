import type { Guarantee } from './abilities.ts';
import type { Capabilities, Kind } from './capabilities.ts';
import type { ErrorCode } from './errors.ts';
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

/**
 * A sentence for the operator: a price, a warning, "waiting: the broker is low on memory". Broker text in it is not yet
 * made safe.
 */
export type Notice = (text: string) => void;

export interface PublisherOptions {
  /**
   * How many messages will be sent, if known: a target with a length limit that cannot take them is refused before the
   * first.
   */
  readonly expected: number | null;
  /** Send although something may be lost that the publisher can tell beforehand (overflowing target, header types). */
  readonly lossy: boolean;
  /**
   * The source goes after the send: a run that broke off will send the same message again, and a kind that can tell
   * stores it once. Absent: each send is a new message, also when another of the same content is there.
   */
  readonly once?: true;
  readonly notice: Notice;
  readonly signal: AbortSignal;
}

/**
 * Sends with confirmation. Batching and pipelining happen inside: call `send` without awaiting the last, with a bounded
 * number in the air.
 */
export interface Publisher {
  /**
   * What of this message the queue cannot hold, one phrase each; empty: it fits. Pure and cheap. `send` never drops a
   * property in silence: without `lossy` it answers `failed` for a message with misfits; with it, it sends the rest.
   */
  misfits(message: OutgoingMessage): readonly string[];
  /**
   * Never rejects for what befalls one message: that is in the outcome. Aborting does not unsend; the outcome is then
   * still told.
   */
  send(message: OutgoingMessage): Promise<SendOutcome>;
  /**
   * As `send` for each, in their order, with one outcome each. Present where waiting for each message would cost more
   * than storing it.
   */
  sendAll?(messages: readonly OutgoingMessage[]): Promise<readonly SendOutcome[]>;
  /**
   * As `sendAll` for messages that are bodies and nothing else. Present where any body fits and an object for each
   * would cost more than storing it.
   */
  sendBodies?(bodies: BareBodies): Promise<readonly SendOutcome[]>;
  /**
   * Other brokers' records in `native` are stored with the message; absent: they are dropped, and core reports what is
   * lost by that.
   */
  readonly keepsNative?: true;
  /** How many messages in the air it can make use of; absent: what the caller thinks right. */
  readonly window?: number;
  /** Waits for what is in the air, then closes. Idempotent. */
  close(): Promise<void>;
}

export type GivesBack = 'some' | 'all';

export interface ConsumeOptions {
  readonly state: 'ready' | 'dead';
  /** Never take more than this many from the broker, in all; null: until the queue is empty. */
  readonly limit: number | null;
  /** How many may be unsettled at once; `unbounded` when the caller will hold what does not match until the end. */
  readonly window: number | 'unbounded';
  /**
   * What the caller gives back of what it takes: `some` (a filter leaves the rest), `all` (a copy). Absent: nothing, it
   * removes all. But for `all`, the right to remove may be asked for before the first delivery. Whether giving back is
   * harmless was asked before: see `Queue.priceOfLook`.
   */
  readonly givesBack?: GivesBack;
  /** Give back also what is near its delivery limit, which a kind may notice only when it has the message in hand. */
  readonly force?: true;
  /** Wait for more when the queue is empty. */
  readonly follow: boolean;
  /** With `follow`: end after so many milliseconds without a message; null: never. */
  readonly idleMs: number | null;
  /**
   * Take also while the queue is paused, where a pause would stop this consumer too: what an operator moves or purges
   * is no delivery.
   */
  readonly evenPaused?: boolean;
  /**
   * The caller settles or holds every delivery, and says which (`Receipt.hold`), also when the window is unbounded.
   * A delivery may hide others behind it (a FIFO group): then the queue is not called empty before the caller has said.
   */
  readonly tellsHeld?: boolean;
  /** The caller holds messages of this queue by another consumer, which may hide others (a FIFO group). */
  readonly besideHeld?: true;
  readonly notice: Notice;
  readonly signal: AbortSignal;
}

/**
 * Takes messages out of a queue. Iterating once yields deliveries until the limit is reached, the queue is empty, or
 * the signal aborts (which ends the iteration without an error: what was delivered can still be settled). A broken
 * connection rejects.
 *
 * While the window is bounded and a delivery is neither settled nor held, the queue is not called empty, nor idle: that
 * one may be given back and come again, and a full window lets nothing else come.
 *
 * Receipts stay valid until `close`, which releases what was not settled, as far as possible in the order of delivery,
 * and only then resolves. The lease of what is held is extended inside.
 */
export interface Consumer extends AsyncIterable<Delivery> {
  /**
   * When the iteration has ended: about how many messages were there from the start and could not come, because they
   * wait behind messages that are held (a FIFO group), or because another `mq` was taking them. Absent where that
   * cannot happen.
   */
  readonly unseen?: number;
  close(): Promise<void>;
}

export interface PeekOptions {
  readonly state: MessageState;
  /** At most so many; null: all of them. */
  readonly limit: number | null;
  /** Look even where looking may make a message dead or be seen by consumers in a harmful way. */
  readonly force: boolean;
  readonly notice: Notice;
  readonly signal: AbortSignal;
}

/**
 * Messages in delivery order. Where peeking is free, the iteration copes with the removal of messages that it has
 * already yielded: a native move looks and moves page by page. Everything that was held is back in the queue when the
 * iteration ends, also when it is left early.
 */
export interface Peek extends AsyncIterable<Message> {
  /** What this look costs, in one sentence; null when it is free. */
  readonly price: string | null;
  /** As `Consumer.unseen`. */
  readonly unseen?: number;
}

export interface LookOptions {
  readonly state: MessageState;
  /** How many messages will be looked at, at most; null: unknown. */
  readonly looks: number | null;
  readonly givesBack: GivesBack;
  /** Look even where looking may do harm. */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

export interface SurveyOptions {
  readonly state: MessageState;
  /** `native`: by this queue's own `nativeMove` to the origin. `removes`: each is taken out. */
  readonly by: 'native' | 'removes';
  /** Take no more than this many. */
  readonly limit: number | null;
  readonly signal: AbortSignal;
}

export interface PurgeOptions {
  readonly states: readonly MessageState[];
  readonly notice: Notice;
  readonly signal: AbortSignal;
}

export interface PurgeResult {
  /** Null: the broker does not say. */
  readonly removed: number | null;
  /** What was asked for and is still there, and why (`Delivery.stays`). Absent: nothing. */
  readonly stays?: readonly ItemOutcome[];
  /** False: not everything that was there at the start has been looked at. Absent: it has. */
  readonly complete?: false;
}

/** Where dead letters are, seen from one queue. */
export interface DeadLetters {
  /**
   * `state`: in the queue itself. `queue`: in that other queue. `nowhere`: they are dropped, or the queue makes none;
   * `why`: a sentence about that, where the broker's links might look otherwise (`orders.wait only expires into
   * orders`).
   */
  readonly keptIn:
    | { readonly place: 'state' }
    | { readonly place: 'queue'; readonly queue: string }
    | { readonly place: 'nowhere'; readonly why?: string };
  /**
   * Present where `keptIn` is a queue and the broker has told at the same time what that one would say of itself; else
   * it has to be asked. Throws as `deadLetters` does.
   */
  ofHolder?(): DeadLetters;
  /**
   * The queues whose dead letters arrive in this one: not empty when it is a dead-letter queue. Null: it could not be
   * read.
   */
  readonly sources: readonly string[] | null;
  /**
   * Messages of this kind never say which queue lost them, so that the links alone decide. Absent: they may say it in
   * `Message.dead.from`.
   */
  readonly messagesAreSilent?: true;
  /**
   * A native move to `origin` takes each message to the queue that lost it, as the broker itself remembers. Absent:
   * there is none, or it does not.
   */
  readonly movesEachHome?: true;
  /**
   * Where a message belongs that names no queue but something that leads to queues (an exchange and a key): the queue,
   * where that is exactly one, else why none can be named; null: it names nothing. Absent: messages name queues or
   * nothing.
   */
  leadsTo?(message: Message): { readonly queue: string } | { readonly unclear: string } | null;
  /** Its messages wrap those that failed, and `restore` takes each out of its wrapping. Absent: they do not. */
  readonly unwraps?: true;
  /**
   * `restore` refuses some, which a dry run has to find out. Absent: it takes all, or one can tell only at the time.
   */
  readonly mayNotRestore?: true;
  /**
   * The message as it was before it died: the marks of death of the broker and of the application's framework taken
   * off, everything else as it was. Throws `PRECONDITION_FAILED`, with the reason, for one that cannot be restored.
   * `to`: the queue that it goes to. Back in the queue that lost it, it keeps the marks of what befell it in others
   * before.
   */
  restore(message: Message, options: { readonly keepDeathHeaders: boolean; readonly to?: string }): Message;
}

export interface NativeMoveRequest {
  readonly state: 'ready' | 'dead';
  /** `origin`: each dead letter back to the queue that lost it. */
  readonly to: Queue | 'origin';
  /** The caller will name the messages, instead of "the next so many". */
  readonly selective: boolean;
  /** At most so many; null: all that were there at the start. */
  readonly limit: number | null;
  /**
   * No more than so many per second; null or absent: as fast as it goes. The caller paces the pages, so a move that
   * keeps to `upTo` may ignore it.
   */
  readonly ratePerSec?: number | null;
  /** Mark each moved message as redriven once more. */
  readonly countReplay: boolean;
  readonly notice: Notice;
  readonly signal: AbortSignal;
}

/** A message that was not moved, and why. */
export interface ItemOutcome {
  readonly id: string | null;
  readonly reason: string;
}

export interface NativeProgress {
  readonly moved: number;
  /** Not there any more, or in another state: nothing was done. */
  readonly skipped: readonly ItemOutcome[];
  /** `code`: as in `SendOutcome`. */
  readonly failed: readonly (ItemOutcome & { readonly code?: ErrorCode })[];
  /**
   * The answer was lost: moved or not, which only a look can tell. After such a page the move is over. Absent: none.
   */
  readonly unknown?: readonly ItemOutcome[];
  /** Nothing is left to move, or the broker has ended. */
  readonly exhausted: boolean;
  /**
   * With `exhausted`: about so many were there from the start, and the broker has ended without moving them. Absent:
   * none.
   */
  readonly remaining?: number;
}

/** A move that the broker does itself, or that is atomic, page by page. */
export interface NativeMove {
  readonly guarantee: Guarantee;
  /**
   * One page: either the next `upTo` messages or exactly these. A page is done whole or not at all when the guarantee
   * is `atomic`. Rejects with `NOT_SUPPORTED`, before anything was moved, when it turns out that the broker will not do
   * it: then it can be done by hand.
   */
  next(selection: { readonly upTo: number } | { readonly messages: readonly Message[] }): Promise<NativeProgress>;
  /**
   * Present where the broker goes on moving between two pages: stops it, and tells what it has moved since the last
   * page. Called once, after the last page, also when a page was rejected or the signal has aborted.
   */
  stop?(): Promise<NativeProgress>;
  close(): Promise<void>;
}

/** All that is known of a queue, for `inspect`. */
export interface QueueDescription {
  readonly configuration: Readonly<Record<string, JsonValue>>;
  /** Policies, arguments, groups, schedulers …: what the broker has, under its own names. */
  readonly details: Readonly<Record<string, JsonValue>>;
  readonly consumers: readonly Readonly<Record<string, JsonValue>>[] | null;
}

/**
 * A handle of one queue. Opening it and calling `stats`, `describe`, `deadLetters` or `get` never creates or changes
 * anything on the server.
 *
 * Optional members are there exactly when `capabilities` says so: by an ability (`contract/ask.ts`) or by a trait of
 * the same name (`contract/traits.ts`). A member that throws "not implemented" is forbidden.
 */
export interface Queue {
  readonly name: string;
  /**
   * Where it is: the broker's address and the name. The same for the same queue, different for any two; no credentials.
   */
  readonly place: string;
  readonly kind: Kind;
  readonly capabilities: Capabilities;
  stats(signal: AbortSignal): Promise<QueueStats>;
  /**
   * Present where messages may be taken by who may not read `stats`. What the broker's clock said in its last answer,
   * milliseconds since the epoch; the latest that it can have been. Asks nothing.
   */
  latestBrokerTime?(): number;
  describe(signal: AbortSignal): Promise<QueueDescription>;
  publisher?(options: PublisherOptions): Promise<Publisher>;
  consume?(options: ConsumeOptions): Promise<Consumer>;
  /** Throws `PRECONDITION_FAILED` when looking would harm and `force` is not set. */
  peek?(options: PeekOptions): Promise<Peek>;
  /**
   * Present exactly where looking disturbs (`peek.effect`): the one gate before any look at messages that stay.
   * Resolves to what the look costs, in one sentence; null: nothing. Throws `PRECONDITION_FAILED` when it would do
   * harm, or when what would tell that cannot be read, and `force` is not set. It receives nothing itself.
   */
  priceOfLook?(options: LookOptions): Promise<string | null>;
  /**
   * Present where a run over everything may do less than the count of a state promises: some of what is counted stays,
   * or is a name without a message. What such a run would do now, for a dry run. Reads only.
   */
  survey?(options: SurveyOptions): Promise<Pick<NativeProgress, 'moved' | 'skipped' | 'failed'>>;
  /** One message by its id, in whatever state; null when there is none. Never disturbs. */
  get?(id: string, signal: AbortSignal): Promise<Message | null>;
  purge?(options: PurgeOptions): Promise<PurgeResult>;
  /**
   * Present where a purge may be refused for what is in the queue just now: throws as it would, and changes nothing.
   * Asked before anything is shown, so that a dry run promises nothing that the run refuses.
   */
  mayPurge?(states: readonly MessageState[], signal: AbortSignal): Promise<void>;
  /** As `mayPurge`, for a run that takes messages of this state out of the queue. */
  mayTake?(state: MessageState, signal: AbortSignal): Promise<void>;
  /** Stops delivery to consumers; pausing a paused queue is no error. */
  pause?(options: { readonly reason: string | null; readonly signal: AbortSignal }): Promise<void>;
  resume?(options: { readonly signal: AbortSignal }): Promise<void>;
  deadLetters?(signal: AbortSignal): Promise<DeadLetters>;
  /** The fast path, or null when it cannot do exactly what is asked. Decided before anything is touched. */
  nativeMove?(request: NativeMoveRequest): Promise<NativeMove | null>;
}
