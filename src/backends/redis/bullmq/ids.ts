import { createHash } from 'node:crypto';
import type { JsonValue, OutgoingMessage } from '../../../contract/message.ts';
import type { RedisKind } from '../url.ts';

export type NativeRecord = Readonly<Record<string, JsonValue | undefined>>;

/** What a queue of this backend said of the message, under its kind. Null: it comes from elsewhere. */
export function recordOf(message: OutgoingMessage, kind: RedisKind): NativeRecord | null {
  const { redis } = message.native;
  if (typeof redis !== 'object' || redis === null || !(kind in redis)) return null;
  const record = (redis as NativeRecord)[kind];
  return typeof record === 'object' && record !== null ? (record as NativeRecord) : null;
}

/** The library refuses whole numbers, which are its own counter, and colons, which part its keys. */
function isUsableId(id: string): boolean {
  return id !== '' && !/^\d+$/.test(id) && !id.includes(':');
}

const DERIVED = /^mq-(.*)-[\w-]{22}$/s;

export function isDerived(id: string): boolean {
  return DERIVED.test(id);
}

/**
 * Its id is its place, which no other message of its queue has. Ids that producers chose and such as stand inside an
 * element may be on two.
 */
export function isUniqueByPlace(message: OutgoingMessage): boolean {
  return message.idFrom === 'broker' || recordOf(message, 'bullmq') !== null || recordOf(message, 'stream') !== null;
}

/**
 * The id under which a message that came from a queue of this backend is stored when it may be sent twice (a move that
 * broke off between adding and removing): no other message can have it, because it is made of where the message was and
 * of all that it is. Of the id that it had, a part is kept to be read; of a derived one, what it was derived from.
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
 * `once`: it goes away from where it is, so the same message may come again. Else each send is a message of its own:
 * one that says where it was read is a copy, which has the id of its producer if that is free, and no place's number.
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

/** True where an id that cannot be kept means something to a producer. */
export function losesId(message: OutgoingMessage): boolean {
  const { id, idFrom } = message;
  if (id === null || isUsableId(id) || idFrom === 'broker') return false;
  return (['bullmq', 'stream', 'list'] as const).every((kind) => recordOf(message, kind) === null);
}
