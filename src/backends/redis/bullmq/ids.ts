import { createHash } from 'node:crypto';
import type { JsonValue, OutgoingMessage } from '../../../contract/message.ts';
import type { RedisKind } from '../url.ts';

export type NativeRecord = Readonly<Record<string, JsonValue | undefined>>;

/** What a queue of this backend said of the message, under its kind. Null: the message comes from elsewhere. */
export function recordOf(message: OutgoingMessage, kind: RedisKind): NativeRecord | null {
  const { redis } = message.native;
  if (typeof redis !== 'object' || redis === null || !(kind in redis)) return null;
  const record = (redis as NativeRecord)[kind];
  return typeof record === 'object' && record !== null ? (record as NativeRecord) : null;
}

/**
 * The library refuses whole numbers, because they are its own counter, and colons, because they separate parts of its
 * keys.
 */
function isUsableId(id: string): boolean {
  return id !== '' && !/^\d+$/.test(id) && !id.includes(':');
}

const DERIVED = /^mq-(.*)-[\w-]{22}$/s;

export function isDerived(id: string): boolean {
  return DERIVED.test(id);
}

/**
 * Its id is its place, which no other message of its queue has. Ids that producers chose, and ids inside an element,
 * may occur twice.
 */
export function isUniqueByPlace(message: OutgoingMessage): boolean {
  return message.idFrom === 'broker' || recordOf(message, 'bullmq') !== null || recordOf(message, 'stream') !== null;
}

/**
 * The id for a message from a queue of this backend that may be sent twice (a move that broke off between adding and
 * removing). No other message can have it, because it is made from the message's place and its whole content. It keeps
 * a readable part of the old id; for a derived id, of the id that it was derived from.
 */
function derivedId(id: string, from: string, content: string): string {
  const readable = (DERIVED.exec(id)?.[1] ?? id).replaceAll('%', '%25').replaceAll(':', '%3A');
  return `mq-${readable}-${createHash('sha256')
    .update(JSON.stringify([from, id, content]))
    .digest('base64url')
    .slice(0, 22)}`;
}

/**
 * The id of the job that a message becomes; null: the library's next number.
 *
 * `once`: the message leaves its source, so the same message may come again. Otherwise each send is a new message. One
 * that says where it was read is a copy: it gets the id of its producer if that is free, and never the number of a
 * place.
 */
export function jobId(message: OutgoingMessage, once: boolean, content: string): string | null {
  const { id } = message;
  if (id === null) return null;
  const kind = (['bullmq', 'stream', 'list'] as const).find((one) => recordOf(message, one) !== null);
  if (kind === undefined) return isUsableId(id) ? id : null;
  if (once) {
    const queue = recordOf(message, kind)?.queue;
    return derivedId(id, message.from ?? String(queue), content);
  }
  return kind === 'bullmq' && isUsableId(id) && !DERIVED.test(id) ? id : null;
}

/** True if an id that cannot be kept means something to a producer. */
export function losesId(message: OutgoingMessage): boolean {
  const { id, idFrom } = message;
  if (id === null || isUsableId(id) || idFrom === 'broker') return false;
  return (['bullmq', 'stream', 'list'] as const).every((kind) => recordOf(message, kind) === null);
}
