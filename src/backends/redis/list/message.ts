import { instantNotes, type ReadInstant, readInstant } from '../../../contract/instant.ts';
import type { Death, JsonValue, Message, MessageState, OutgoingMessage } from '../../../contract/message.ts';
import { metadataOf } from '../../../contract/message.ts';
import { parseObject } from '../../common/conventions/json-text.ts';
import type { Framework } from '../framework.ts';

/** A dead letter of which only its place is known. */
export function plainDeath(from: string | null): Death {
  return { from, reason: null, error: null, at: null, count: null, replays: 0 };
}

/** A list element is only a body. A framework's data in it is read but stays in the body. */
export function elementMessage(
  queue: string,
  body: Buffer,
  framework: Framework | null,
  state: MessageState = 'ready',
  dead: Death | null = null,
): Message {
  const inside = framework === null ? EMPTY : insideOf(body, framework);
  return {
    queue,
    id: inside.id,
    body,
    headers: {},
    contentType: null,
    priority: null,
    groupId: null,
    deduplicationId: null,
    ttlMs: null,
    name: null,
    native:
      framework === null
        ? {}
        : { redis: { list: { framework, ...(inside.id === null ? {} : { queue, id: inside.id }) } } },
    state,
    enqueuedAt: inside.enqueued.at,
    deliverAt: null,
    receiveCount: inside.receiveCount,
    dead,
    ...instantNotes({ enqueuedAt: inside.enqueued }),
  };
}

interface Inside {
  readonly id: string | null;
  readonly enqueued: ReadInstant;
  readonly receiveCount: number | null;
}

const EMPTY: Inside = { id: null, enqueued: { at: null }, receiveCount: null };

function insideOf(body: Buffer, framework: Framework): Inside {
  if (framework === 'rq' || framework === 'dramatiq') return { ...EMPTY, id: body.toString('utf8') };
  const value = parseObject(body.toString('utf8'));
  if (value === null) return EMPTY;
  if (framework === 'celery') {
    const headers = value.headers;
    const id = typeof headers === 'object' && headers !== null && 'id' in headers ? headers.id : null;
    return { ...EMPTY, id: typeof id === 'string' ? id : null };
  }
  const retries = value.retry_count;
  return {
    id: typeof value.jid === 'string' ? value.jid : null,
    enqueued: sidekiqInstant(value.enqueued_at ?? value.created_at),
    // Sidekiq counts retries from 0, and writes none before the first failure.
    receiveCount: typeof retries === 'number' ? retries + 1 : null,
  };
}

/**
 * Up to version 7, Sidekiq writes seconds with a fraction; from 8 on, whole milliseconds. Both are right, and no other
 * unit is.
 */
export function sidekiqInstant(value: unknown): ReadInstant {
  return readInstant(value, typeof value === 'number' && value >= 1e11 ? 'milliseconds' : 'seconds');
}

/**
 * The properties of the message that a list cannot hold: everything but the body. An id inside the body is not lost.
 */
export function listMisfits(message: OutgoingMessage): readonly string[] {
  if (isBare(message)) return NOTHING;
  const embedded = embeddedId(message.native);
  const fields = metadataOf(message).filter(
    (field) => !(field === 'id' && embedded !== null && embedded === message.id),
  );
  return [
    ...fields.map((field) => PHRASES[field] ?? field),
    ...(message.replays === null ? [] : ['a mark of how often it was redriven']),
  ];
}

const NOTHING: readonly string[] = [];

/** The usual case, recognised quickly: bulk input contains only bodies. */
export function isBare(message: OutgoingMessage): boolean {
  const { id, contentType, priority, groupId, deduplicationId, ttlMs, name, delayMs, attempts, backoff, replays } =
    message;
  if ((id ?? contentType ?? priority ?? groupId ?? deduplicationId ?? ttlMs ?? name) !== null) return false;
  if ((delayMs ?? attempts ?? backoff ?? replays) !== null) return false;
  for (const _ in message.headers) return false;
  return true;
}

const PHRASES: Readonly<Record<string, string>> = {
  id: 'an id',
  headers: 'headers',
  contentType: 'a content type',
  priority: 'a priority',
  groupId: 'a group',
  deduplicationId: 'a deduplication id',
  ttlMs: 'a time to live',
  name: 'a name',
  delayMs: 'a delay',
  attempts: 'a number of attempts',
  backoff: 'a backoff',
};

/** An id that is not the message's own but its place: an entry of a stream gets a new one wherever it goes. */
export function embeddedId(native: Readonly<Record<string, JsonValue>>): string | null {
  const own = native.redis;
  if (typeof own !== 'object' || own === null || Array.isArray(own)) return null;
  for (const kind of ['list', 'stream'] as const) {
    const record = (own as Readonly<Record<string, JsonValue>>)[kind];
    if (typeof record !== 'object' || record === null || Array.isArray(record)) continue;
    const { id } = record as Readonly<Record<string, JsonValue>>;
    if (typeof id === 'string') return id;
  }
  return null;
}
