import type { ErrorCode } from './errors.ts';

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/**
 * The state of a message in its queue. Every kind has `ready`; its capabilities say which others it has. `completed`
 * and `waiting-children` exist only on BullMQ.
 */
export const MESSAGE_STATES = ['ready', 'in-flight', 'delayed', 'dead', 'completed', 'waiting-children'] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/**
 * Header values as JSON. A value that JSON cannot hold is shown in a readable form: an integer beyond 2^53 as a decimal
 * string, bytes as `{"base64":"…"}`. Its exact form stays in `native`, see `Message.native`.
 */
export type Headers = Readonly<Record<string, JsonValue>>;

/** How and why a message was given up on. */
export interface Death {
  /** The queue that lost the message: a redrive puts it back there. Null if nothing on the message says which. */
  readonly from: string | null;
  /** A short word of the broker: `rejected`, `expired`, `maxlen`, `delivery_limit`, `failed` … Null: unknown. */
  readonly reason: string | null;
  /** The text of the consumer's error, if the broker keeps one. */
  readonly error: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number | null;
  /** How many times it has died, as far as the broker counts. */
  readonly count: number | null;
  /**
   * How many times `mq` has redriven it already. Counted only if `mq` was asked to mark redrives (see `--max-replays`).
   */
  readonly replays: number;
}

/** Everything that travels with a message from any queue to any other. */
export interface MessageContent {
  /** The message's own id; null if the broker gives none and the producer set none. */
  readonly id: string | null;
  /**
   * `broker`: no producer set the id, and it only says where the message was. A kind without ids may drop it in
   * silence. Absent: the id may mean something to a producer.
   */
  readonly idFrom?: 'broker';
  /** Bytes until they are printed. Never null; may be empty. */
  readonly body: Uint8Array;
  readonly headers: Headers;
  readonly contentType: string | null;
  readonly priority: number | null;
  readonly groupId: string | null;
  readonly deduplicationId: string | null;
  /** Time to live, in milliseconds. */
  readonly ttlMs: number | null;
  /** BullMQ: the job's name. */
  readonly name: string | null;
  /**
   * The properties that only one broker has, under that broker's name (`{"rabbitmq":{…}}`): enough to send the message
   * back unchanged.
   *
   * The fields above win. A publisher that finds its own record here takes from it the exact encoding of every value
   * that still reads the same. It encodes again the values that were changed, added or removed.
   *
   * A record's member `onlyHere` lists what a producer means something by and another broker would lose, one phrase
   * each: see `onlyElsewhere`.
   */
  readonly native: Readonly<Record<string, JsonValue>>;
}

/** A message as it was read from a queue. */
export interface Message extends MessageContent {
  readonly queue: string;
  readonly state: MessageState;
  /** Milliseconds since the epoch; null: unknown. */
  readonly enqueuedAt: number | null;
  /** When a delayed message becomes ready, in milliseconds since the epoch; null: it is not delayed. */
  readonly deliverAt: number | null;
  /** Deliveries so far; null if the broker does not count them. */
  readonly receiveCount: number | null;
  /** Null for a message that is not dead. */
  readonly dead: Death | null;
  /** The same as `Delivery.stays`, if looking can tell. Absent: the message can be taken out. */
  readonly stays?: string;
  /**
   * Why a field (`enqueuedAt`, `deliverAt`, `dead.at`) differs from what is on the message; absent if none does. See
   * `contract/instant.ts`.
   */
  readonly notes?: Readonly<Record<string, string>>;
  /**
   * The positions in `headers` of whole numbers that are given as text, because JSON would round them: the names and
   * indices that lead there. Absent: there are none. A filter compares each as a number.
   */
  readonly integers?: readonly (readonly (string | number)[])[];
}

/** A message to be sent. */
export interface OutgoingMessage extends MessageContent {
  /** Not deliverable for this many milliseconds from now; null: deliverable at once. */
  readonly delayMs: number | null;
  /** BullMQ, SQLite: how many deliveries it gets before it is dead; null: the queue's own rule. */
  readonly attempts: number | null;
  /** BullMQ: the wait between attempts. */
  readonly backoff: { readonly type: 'fixed' | 'exponential'; readonly delayMs: number } | null;
  /** How often `mq` has redriven this message, including this time; null: do not mark it. */
  readonly replays: number | null;
  /**
   * The `Queue.place` that it was read from. With it, a store that knows messages by their ids can tell two of the same
   * id apart. Absent: the message is new.
   */
  readonly from?: string;
}

/**
 * Messages that consist only of their bodies, one after the other in one piece of memory. If a broker stores a message
 * in a microsecond, an object for each would cost more than the broker.
 */
export interface BareBodies {
  readonly bytes: Uint8Array;
  /**
   * Two offsets for each body: its first byte, and the byte after its last. They are in order. Bytes between two bodies
   * belong to neither.
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

/** The receipt of one delivery. It is settled once; a second call is ignored. */
export interface Receipt {
  /**
   * Done: remove the message. Resolves when the broker has taken note in the strongest way that it offers. (RabbitMQ
   * does not confirm an ack, so there it resolves when the ack is written.) Rejects if the removal is not certain: the
   * message may come again.
   */
  ack(): Promise<void>;
  /**
   * Give it back now. With `failure`, a consumer tried and failed: that counts as a delivery and may make the message
   * dead. Without it, the message is given back as untouched as the broker allows.
   */
  release(options?: { readonly failure?: string }): Promise<void>;
  /**
   * The caller will not settle this delivery. It holds it until it closes the consumer, so the consumer does not wait
   * for it before it calls the queue empty. If a kind counts no deliveries (`receiveCount` is null), another delivery
   * takes its place in the window. Absent if the consumer never waits, because its looks take nothing away.
   */
  hold?(): void;
}

/**
 * One handing-over of a message. Its receipt is separate, so that a caller with thousands of them need not keep their
 * bodies.
 */
export interface Delivery {
  readonly message: Message;
  readonly receipt: Receipt;
  /**
   * Why the message was not, and cannot be, taken out of its queue: it is delivered only to be looked at and counted,
   * and then released. Absent: it can be taken out.
   */
  readonly stays?: string;
}

/** The outcome of sending one message. */
export type SendOutcome =
  /**
   * The message is stored, as strongly as the broker confirms it. `id` is the id under which it is stored, if there is
   * one. `already`: it was there before this send, and its contents were compared. Another message under its id is
   * `failed`.
   */
  | { readonly status: 'sent'; readonly id: string | null; readonly already?: true }
  /**
   * Certainly not stored. `again`: the same send may succeed a little later (throttled, refused for now, an error of
   * the server). `batch`: the same number for all messages that failed by one answer of the broker: they are one
   * failure. `code`: the error code, if nothing else was done.
   */
  | {
      readonly status: 'failed';
      readonly reason: string;
      readonly again?: true;
      readonly batch?: number;
      readonly code?: ErrorCode;
    }
  /** The answer was lost: the message may be stored or not. */
  | { readonly status: 'unknown'; readonly reason: string };

/** The metadata that `message` carries, as fields. An id that only the broker gave does not count. */
export function metadataOf(message: OutgoingMessage): readonly MetadataField[] {
  return METADATA_FIELDS.filter((field) => {
    const value = message[field];
    if (field === 'id' && message.idFrom === 'broker') return false;
    return field === 'headers' ? Object.keys(message.headers).length > 0 : value !== null;
  });
}

/** The properties of the message that only other brokers can hold, in their own words. */
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
