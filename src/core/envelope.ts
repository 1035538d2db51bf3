import { MqError } from '../contract/errors.ts';
import { formatInstant } from '../contract/instant.ts';
import type { JsonValue, Message, MessageState, OutgoingMessage } from '../contract/message.ts';

/**
 * The public form of a message, one JSON object (`peek -o ndjson`, `drain`, `enqueue --ndjson`). It round-trips byte
 * for byte: a body that is not valid UTF-8 travels as base64, and `native` holds what only its broker has.
 */
export interface Envelope {
  readonly queue: string;
  readonly id: string | null;
  readonly state: MessageState;
  readonly body: string;
  readonly encoding: 'utf8' | 'base64';
  readonly headers: Readonly<Record<string, JsonValue>>;
  readonly contentType: string | null;
  /** RFC 3339, UTC. */
  readonly enqueuedAt: string | null;
  readonly deliverAt: string | null;
  readonly receiveCount: number | null;
  readonly priority: number | null;
  readonly groupId: string | null;
  readonly deduplicationId: string | null;
  readonly ttlMs: number | null;
  readonly name: string | null;
  readonly dead: {
    readonly from: string | null;
    readonly reason: string | null;
    readonly error: string | null;
    readonly at: string | null;
    readonly count: number | null;
    readonly replays: number;
  } | null;
  readonly native: Readonly<Record<string, JsonValue>>;
  /** Why a field above differs from what is on the message; absent if none does. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** Made at its first use: a decoder costs a millisecond, and a command that sends does not need one. */
let strictUtf8: InstanceType<typeof TextDecoder> | null = null;

/** The body as text when it is valid UTF-8, else null. A byte-order mark stays. */
export function utf8Text(body: Uint8Array): string | null {
  strictUtf8 ??= new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  try {
    return strictUtf8.decode(body);
  } catch {
    return null;
  }
}

export function toEnvelope(message: Message): Envelope {
  const text = utf8Text(message.body);
  return {
    queue: message.queue,
    id: message.id,
    state: message.state,
    body: text ?? Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength).toString('base64'),
    encoding: text === null ? 'base64' : 'utf8',
    headers: message.headers,
    contentType: message.contentType,
    enqueuedAt: formatInstant(message.enqueuedAt),
    deliverAt: formatInstant(message.deliverAt),
    receiveCount: message.receiveCount,
    priority: message.priority,
    groupId: message.groupId,
    deduplicationId: message.deduplicationId,
    ttlMs: message.ttlMs,
    name: message.name,
    dead: message.dead === null ? null : { ...message.dead, at: formatInstant(message.dead.at) },
    native: message.native,
    ...(message.notes === undefined ? {} : { notes: message.notes }),
  };
}

/**
 * Reads one envelope back into a message to send. Only `body` is required. Fields that describe its past (`state`,
 * `enqueuedAt`, `receiveCount`, `dead`) are not sent again. A `deliverAt` in the future becomes a delay. An unknown
 * field, or a field of the wrong type, throws `USAGE`: a mistyped `priorty` must not be dropped in silence.
 */
export function fromEnvelope(value: unknown, now: number = Date.now()): OutgoingMessage {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong('expected a JSON object');
  const record = value as Readonly<Record<string, JsonValue | undefined>>;
  for (const key of Object.keys(record)) if (!KNOWN.has(key)) throw wrong(`unknown field "${key}"`);
  const body = record.body;
  if (typeof body !== 'string') throw wrong('"body" must be a string');
  const deliverAt = optional(record, 'deliverAt', 'string');
  const deliverAtMs = deliverAt === null ? null : Date.parse(deliverAt);
  if (deliverAtMs !== null && Number.isNaN(deliverAtMs)) throw wrong('"deliverAt" must be an RFC 3339 instant');
  const delayMs = deliverAtMs === null ? optional(record, 'delayMs', 'number') : Math.max(0, deliverAtMs - now) || null;
  return {
    id: optional(record, 'id', 'string'),
    body: decodeBody(body, record.encoding),
    headers: mapping(record, 'headers') as OutgoingMessage['headers'],
    contentType: optional(record, 'contentType', 'string'),
    priority: optional(record, 'priority', 'number'),
    groupId: optional(record, 'groupId', 'string'),
    deduplicationId: optional(record, 'deduplicationId', 'string'),
    ttlMs: optional(record, 'ttlMs', 'number'),
    name: optional(record, 'name', 'string'),
    delayMs,
    attempts: optional(record, 'attempts', 'number'),
    backoff: null,
    replays: null,
    native: mapping(record, 'native') as OutgoingMessage['native'],
  };
}

const KNOWN: ReadonlySet<string> = new Set([
  ...['queue', 'id', 'state', 'body', 'encoding', 'headers', 'contentType', 'enqueuedAt', 'deliverAt', 'receiveCount'],
  ...['priority', 'groupId', 'deduplicationId', 'ttlMs', 'name', 'dead', 'native', 'notes', 'delayMs', 'attempts'],
]);

function decodeBody(body: string, encoding: JsonValue | undefined): Uint8Array {
  if (encoding === undefined || encoding === null || encoding === 'utf8') {
    if (!body.isWellFormed()) throw wrong('"body" contains half of a surrogate pair, which is not text; use "base64"');
    return Buffer.from(body, 'utf8');
  }
  if (encoding !== 'base64') throw wrong('"encoding" must be "utf8" or "base64"');
  const bytes = Buffer.from(body, 'base64');
  // Buffer silently stops at the first bad character, which would send a shortened body.
  const padded = bytes.toString('base64');
  if (body !== padded && body !== padded.replace(/=+$/, '')) throw wrong('"body" is not valid base64');
  return bytes;
}

interface Types {
  string: string;
  number: number;
}

function optional<T extends keyof Types>(
  record: Readonly<Record<string, JsonValue | undefined>>,
  key: string,
  type: T,
): Types[T] | null {
  const value = record[key];
  if (value === undefined || value === null) return null;
  if (typeof value !== type) throw wrong(`"${key}" must be a ${type}`);
  return value as Types[T];
}

function mapping(record: Readonly<Record<string, JsonValue | undefined>>, key: string): object {
  const value = record[key];
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value)) throw wrong(`"${key}" must be an object`);
  return value;
}

function wrong(what: string): MqError {
  return new MqError('USAGE', `not a message envelope: ${what}`, {
    hint: 'one JSON object per line, as `mq peek -o ndjson` prints them; only "body" is required',
  });
}
