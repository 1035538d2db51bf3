import type { Death, Headers, JsonValue, Message, MessageState, OutgoingMessage } from '../../../contract/message.ts';
import { metadataOf } from '../../../contract/message.ts';
import { asBytes, asList, asListOrNone, asText } from '../connection/reply.ts';
import { embeddedId, isBare } from '../list/message.ts';

/** One entry: fields in their order. A field may repeat. */
export interface Entry {
  readonly id: string;
  readonly fields: readonly (readonly [name: Buffer, value: Buffer])[];
}

/** The field that is the body if an entry has it. The others are then headers. */
export const BODY = 'body';
const BODY_FIELD = Buffer.from(BODY);
const CONTENT_TYPE = 'content-type';
/** Written only by `mq`: the id of the entry that this one was moved from, and how often it was redriven. */
export const ORIGIN = 'mq-origin-id';
export const REPLAYS = 'mq-replays';

/** `[id, [field, value …]]`. Entries that were deleted while pending come without fields and are left out. */
export function readEntries(reply: unknown): readonly Entry[] {
  return asListOrNone(reply).flatMap((item) => {
    const [id, flat] = asList(item);
    if (flat === null || flat === undefined) return [];
    const values = asList(flat).map(asBytes);
    const fields: (readonly [Buffer, Buffer])[] = [];
    for (let i = 0; i + 1 < values.length; i += 2) fields.push([values[i] ?? EMPTY, values[i + 1] ?? EMPTY]);
    return [{ id: asText(id), fields }];
  });
}

const EMPTY = Buffer.alloc(0);

export interface EntryState {
  readonly state: MessageState;
  readonly receiveCount: number | null;
  readonly dead: Death | null;
}

/**
 * An entry with a field `body` has that body, and its other fields are headers. Any other entry is a JSON object of its
 * fields. In both cases the fields themselves are in `native`, so that the entry can be written again exactly.
 */
export function entryMessage(queue: string, entry: Entry, { state, receiveCount, dead }: EntryState): Message {
  const replays = Number(fieldText(entry, REPLAYS) ?? 0);
  const { body, headers, contentType } = contentOf(entry);
  return {
    queue,
    id: entry.id,
    idFrom: 'broker',
    body,
    headers,
    contentType,
    priority: null,
    groupId: null,
    deduplicationId: null,
    ttlMs: null,
    name: null,
    native: {
      redis: {
        stream: { queue, id: entry.id, fields: entry.fields.map(([name, value]) => [toJson(name), toJson(value)]) },
      },
    },
    state,
    // The first part of an id is the server's time when it was added, unless the producer chose its own ids.
    enqueuedAt: timeOf(entry.id),
    deliverAt: null,
    receiveCount,
    dead: dead === null ? null : { ...dead, replays: Number.isInteger(replays) ? replays : 0 },
  };
}

/** Milliseconds since the epoch; null: the id is not a plausible time. */
export function timeOf(id: string): number | null {
  const ms = Number(id.split('-')[0]);
  return ms > 1e12 && ms < 1e14 ? ms : null;
}

function fieldText(entry: Entry, name: string): string | null {
  return entry.fields.find(([field]) => field.toString('utf8') === name)?.[1].toString('utf8') ?? null;
}

interface Content {
  readonly body: Buffer;
  readonly headers: Headers;
  readonly contentType: string | null;
}

function contentOf(entry: Entry): Content {
  const own = entry.fields.filter(([name]) => ![ORIGIN, REPLAYS].includes(name.toString('utf8')));
  const body = own.find(([name]) => name.toString('utf8') === BODY);
  if (body === undefined) {
    const object = Object.fromEntries(own.map(([name, value]) => [readable(name), toJson(value)]));
    return { body: Buffer.from(JSON.stringify(object), 'utf8'), headers: {}, contentType: null };
  }
  const type = own.find(([name]) => name.toString('utf8') === CONTENT_TYPE);
  const headers = own.filter((field) => field !== body && field !== type);
  return {
    body: body[1],
    headers: Object.fromEntries(headers.map(([name, value]) => [readable(name), toJson(value)])),
    contentType: type === undefined ? null : type[1].toString('utf8'),
  };
}

function readable(bytes: Buffer): string {
  return bytes.toString('utf8');
}

/** Text as it is; bytes that are not text as `{"base64": …}`. */
function toJson(bytes: Buffer): JsonValue {
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : { base64: bytes.toString('base64') };
}

function fromJson(value: JsonValue | undefined): Buffer | null {
  if (typeof value === 'string') return Buffer.from(value, 'utf8');
  if (typeof value === 'object' && value !== null && 'base64' in value && typeof value.base64 === 'string') {
    return Buffer.from(value.base64, 'base64');
  }
  return null;
}

function isBodyAlone(message: OutgoingMessage): boolean {
  return message.native.redis === undefined && isBare(message);
}

/**
 * The fields to write: those of its own old entry as far as they still say the same, else body, content type and
 * headers.
 */
export function fieldsOf(message: OutgoingMessage): readonly Buffer[] {
  if (isBodyAlone(message))
    return [BODY_FIELD, Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength)];
  const old = oldFields(message);
  const marks = [
    ...(message.replays === null ? [] : [Buffer.from(REPLAYS), Buffer.from(String(message.replays))]),
    ...(message.id === null || embeddedId(message.native) !== message.id || old === null
      ? []
      : [Buffer.from(ORIGIN), Buffer.from(message.id)]),
  ];
  const base = old !== null && saysTheSame(message, old) ? withoutMarks(old) : freshFields(message);
  return [...base, ...marks];
}

function oldFields(message: OutgoingMessage): Entry | null {
  const redis = message.native.redis;
  const stream = typeof redis === 'object' && redis !== null && 'stream' in redis ? redis.stream : null;
  const fields = typeof stream === 'object' && stream !== null && 'fields' in stream ? stream.fields : null;
  if (!Array.isArray(fields)) return null;
  const pairs: (readonly [Buffer, Buffer])[] = [];
  for (const field of fields as readonly JsonValue[]) {
    const [name, value] = Array.isArray(field) ? (field as readonly JsonValue[]).map(fromJson) : [];
    if (name === null || name === undefined || value === null || value === undefined) return null;
    pairs.push([name, value]);
  }
  return { id: '', fields: pairs };
}

function saysTheSame(message: OutgoingMessage, old: Entry): boolean {
  const was = contentOf(old);
  return (
    was.body.equals(message.body) &&
    was.contentType === message.contentType &&
    JSON.stringify(Object.entries(was.headers).sort()) === JSON.stringify(Object.entries(message.headers).sort())
  );
}

/**
 * The fields of a moved entry: its own, and its earlier place. With `countReplay` also that it was redriven once more.
 * They are the same as the script for a move writes.
 */
export function markedFields(entry: Entry, countReplay: boolean): readonly Buffer[] {
  const replays = Number(fieldText(entry, REPLAYS) ?? 0);
  const own = entry.fields.filter(([name]) => {
    const text = name.toString('utf8');
    return text !== ORIGIN && (text !== REPLAYS || !countReplay);
  });
  const count = String((Number.isFinite(replays) ? replays : 0) + 1);
  return [
    ...own.flat(),
    Buffer.from(ORIGIN),
    Buffer.from(entry.id),
    ...(countReplay ? [Buffer.from(REPLAYS), Buffer.from(count)] : []),
  ];
}

function withoutMarks(entry: Entry): readonly Buffer[] {
  return entry.fields.filter(([name]) => ![ORIGIN, REPLAYS].includes(name.toString('utf8'))).flat();
}

function freshFields(message: OutgoingMessage): readonly Buffer[] {
  const { body, contentType, headers } = message;
  return [
    Buffer.from(BODY),
    Buffer.from(body.buffer, body.byteOffset, body.byteLength),
    ...(contentType === null ? [] : [Buffer.from(CONTENT_TYPE), Buffer.from(contentType, 'utf8')]),
    ...Object.entries(headers).flatMap(([name, value]) => [
      Buffer.from(name, 'utf8'),
      fromJson(value) ?? Buffer.from(JSON.stringify(value), 'utf8'),
    ]),
  ];
}

const NOTHING: readonly string[] = [];

export function streamMisfits(message: OutgoingMessage): readonly string[] {
  if (isBare(message)) return NOTHING;
  const held = new Set(['headers', 'contentType']);
  const own = embeddedId(message.native);
  const misfits: string[] = metadataOf(message).filter(
    (field) => !held.has(field) && !(field === 'id' && own === message.id),
  );
  for (const [name, value] of Object.entries(message.headers)) {
    if ([BODY, CONTENT_TYPE, ORIGIN, REPLAYS].includes(name)) misfits.push(`a header named ${name}`);
    else if (fromJson(value) === null) misfits.push(`the header ${name}, which is not text`);
  }
  return misfits;
}
