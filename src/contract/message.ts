import type { ErrorCode } from './errors.ts';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/**
 * Where a message stands in its queue. Every kind has `ready`; which others it has is in its capabilities. `completed`
 * and `waiting-children` exist on BullMQ only.
 */
export const MESSAGE_STATES = ['ready', 'in-flight', 'delayed', 'dead', 'completed', 'waiting-children'] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/**
 * Header values as JSON. A value that JSON cannot hold is shown readably (an integer beyond 2^53 as a decimal string,
 * bytes as `{"base64":"…"}`); its exact form stays in `native`, see `Message.native`.
 */
export type Headers = Readonly<Record<string, JsonValue>>;

/** How and why a message was given up on. */
export interface Death {
  /** The queue that lost it: where a redrive puts it back. Null when nothing on the message says so. */
  readonly from: string | null;
  /** A short word of the broker: `rejected`, `expired`, `maxlen`, `delivery_limit`, `failed` … Null when unknown. */
  readonly reason: string | null;
  /** The text of the consumer's error, where the broker keeps one. */
  readonly error: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number | null;
  /** How many times it has died, as far as the broker counts. */
  readonly count: number | null;
  /** How many times `mq` has redriven it already, as far as it was asked to mark that (see `--max-replays`). */
  readonly replays: number;
}

/** What travels with a message from any queue to any other. */
export interface MessageContent {
  /** The message's own id; null where the broker gives none and the producer set none. */
  readonly id: string | null;
  /**
   * `broker`: no producer set the id, it only names the place where the message was. A kind that holds no ids may drop
   * it in silence. Absent: a producer may mean something by it.
   */
  readonly idFrom?: 'broker';
  /** Bytes until printed. Never null; may be empty. */
  readonly body: Uint8Array;
  readonly headers: Headers;
  readonly contentType: string | null;
  readonly priority: number | null;
  readonly groupId: string | null;
  readonly deduplicationId: string | null;
  /** Time to live, milliseconds. */
  readonly ttlMs: number | null;
  /** BullMQ: the job's name. */
  readonly name: string | null;
  /**
   * What only one broker has, under that broker's name (`{"rabbitmq":{…}}`), enough to send the message back unchanged.
   *
   * The fields above win: a publisher that finds its own record here takes from it the exact encoding of every value
   * that still reads the same, and encodes afresh the values that were changed, added or removed.
   *
   * A record's member `onlyHere` says what of it a producer means something by and another broker would lose, one
   * phrase each: see `onlyElsewhere`.
   */
  readonly native: Readonly<Record<string, JsonValue>>;
}

/** A message as it was read from a queue. */
export interface Message extends MessageContent {
  readonly queue: string;
  readonly state: MessageState;
  /** Milliseconds since the epoch; null when unknown. */
  readonly enqueuedAt: number | null;
  /** When a delayed message becomes ready, milliseconds since the epoch; null when it is not delayed. */
  readonly deliverAt: number | null;
  /** Deliveries so far; null where the broker does not count them. */
  readonly receiveCount: number | null;
  /** Null for a message that is not dead. */
  readonly dead: Death | null;
  /** As `Delivery.stays`, where looking can tell. Absent: it can be taken out. */
  readonly stays?: string;
  /**
   * Why a field (`enqueuedAt`, `deliverAt`, `dead.at`) is not simply what stands on the message; absent when all are.
   * See `contract/instant.ts`.
   */
  readonly notes?: Readonly<Record<string, string>>;
  /**
   * Where in `headers` a whole number stands as its digits, because JSON would round it: the names and indices that
   * lead there. Absent: nowhere. A filter compares it as the number that it is.
   */
  readonly integers?: readonly (readonly (string | number)[])[];
}

/** A message to be sent. */
export interface OutgoingMessage extends MessageContent {
  /** Not deliverable before so many milliseconds from now; null: at once. */
  readonly delayMs: number | null;
  /** BullMQ, SQLite: how many deliveries it gets before it is dead; null: the queue's own rule. */
  readonly attempts: number | null;
  /** BullMQ: the wait between attempts. */
  readonly backoff: { readonly type: 'fixed' | 'exponential'; readonly delayMs: number } | null;
  /** How often `mq` has redriven this message, this time included; null: not to be marked. */
  readonly replays: number | null;
  /**
   * The `Queue.place` that it was read from, so that a store that knows messages by their ids can tell two of one id
   * apart. Absent: it is new.
   */
  readonly from?: string;
}

/**
 * Messages that are their bodies and nothing else, as they lie one behind the other in one piece of memory. Where a
 * broker stores one in a microsecond, objects for each would cost more than the broker.
 */
export interface BareBodies {
  readonly bytes: Uint8Array;
  /**
   * Two offsets for each body: where it begins, and behind its last byte. In their order; what lies between is no part
   * of any.
   */
  readonly bounds: readonly number[];
}

/** The metadata that a kind of queue can or cannot hold. */
export const METADATA_FIELDS = [
  'id',
  'headers',
  'contentType',
  'priority',
  'groupId',
  'deduplicationId',
  'ttlMs',
  'name',
  'delayMs',
  'attempts',
  'backoff',
] as const;
export type MetadataField = (typeof METADATA_FIELDS)[number];

/** The receipt of one delivery. Settled once; a second call is ignored. */
export interface Receipt {
  /**
   * Done: remove the message. Resolves when the broker has taken note in the strongest way it offers (a RabbitMQ ack is
   * not confirmed, so there it resolves when it is written). Rejects when the removal is not certain: the message may
   * come again.
   */
  ack(): Promise<void>;
  /**
   * Give it back now. With `failure`, a consumer tried and failed, which counts as a delivery and may make the message
   * dead; without it, the message is given back as untouched as the broker allows.
   */
  release(options?: { readonly failure?: string }): Promise<void>;
  /**
   * The caller will not settle this delivery. It holds it until it closes the consumer, so the consumer does not wait
   * for it before it calls the queue empty. Where a kind counts no deliveries (`receiveCount` is null), another one
   * gets its place in the window. Absent where the consumer never waits, because a look takes nothing away.
   */
  hold?(): void;
}

/**
 * One handing-over of a message. Its receipt is kept apart so that a caller who holds thousands need not hold their
 * bodies.
 */
export interface Delivery {
  readonly message: Message;
  readonly receipt: Receipt;
  /**
   * Why it cannot be taken out of its queue, and was not: it is here to be looked at and counted, and to be released.
   * Absent: it can.
   */
  readonly stays?: string;
}

/** What became of a message that was sent. */
export type SendOutcome =
  /**
   * What is there is this message, as strongly as the broker confirms it. `id` is the id under which it is stored, if
   * there is one. `already`: it was there before this send; the contents were compared. Another message under its id is
   * `failed`.
   */
  | { readonly status: 'sent'; readonly id: string | null; readonly already?: true }
  /**
   * Certainly not stored. `again`: the same send may succeed a little later (throttled, refused for now, the server has
   * an error). `batch`: the same number for all that failed by one answer of the broker, which is one failure and not
   * many. `code`: the error that it is where nothing else was done.
   */
  | {
      readonly status: 'failed';
      readonly reason: string;
      readonly again?: true;
      readonly batch?: number;
      readonly code?: ErrorCode;
    }
  /** The answer was lost: it may be stored or not. */
  | { readonly status: 'unknown'; readonly reason: string };

/** The metadata that `message` carries, as fields. An id that only the broker gave is none. */
export function metadataOf(message: OutgoingMessage): readonly MetadataField[] {
  return METADATA_FIELDS.filter((field) => {
    const value = message[field];
    if (field === 'id' && message.idFrom === 'broker') return false;
    return field === 'headers' ? Object.keys(message.headers).length > 0 : value !== null;
  });
}

/** What of the message only other brokers than this one can hold, in their own words. */
export function onlyElsewhere({ native }: MessageContent, broker: string): readonly string[] {
  const phrases: string[] = [];
  for (const name of Object.keys(native)) {
    const record = name === broker ? null : native[name];
    if (typeof record !== 'object' || record === null || !('onlyHere' in record)) continue;
    const { onlyHere } = record;
    if (Array.isArray(onlyHere)) phrases.push(...onlyHere.filter((phrase) => typeof phrase === 'string'));
  }
  return phrases;
}
