import { isDeepStrictEqual } from 'node:util';
import type { JsonValue, OutgoingMessage } from '../../contract/message.ts';
import { isDeliveryHeader, nativeRecord, REPLAYS_HEADER } from './deaths/death.ts';
import { type JsonObject, textAt } from './management/client.ts';
import { READABLE_TEXTS, readEntries, readProperties, viewOf } from './message-in.ts';
import {
  encodeProperties,
  type Properties,
  type PropertyName,
  readOctet,
  readText,
  writeOctet,
  writeTable,
  writeText,
} from './wire/properties.ts';
import { encodeChanged, encodeEntry, type TableEntry } from './wire/table.ts';

/** A message ready to be sent. */
export interface Outgoing {
  readonly exchange: string;
  readonly routingKey: string;
  /** Flags and property list. */
  readonly properties: Buffer;
  /** It has properties that brokers of some versions refuse by closing the channel. */
  readonly maybeRefused: boolean;
}

export interface OutgoingRules {
  /** The queue that the message is for, through the default exchange. */
  readonly queue: string;
  /** The broker takes a `user-id` only from the user of that name. */
  readonly login: string;
  /**
   * A stream stores messages as AMQP 1.0, whose application properties cannot hold lists and tables: the broker drops
   * such headers.
   */
  readonly isStream: boolean;
  /**
   * The highest priority that the queue distinguishes; null: it distinguishes none. Absent: unknown, or not a number.
   */
  readonly maxPriority?: number | null | undefined;
  /** The largest frame of the connection, in bytes: a content header must fit into one. */
  readonly frameMax: number;
}

const NOT_HELD = {
  groupId: 'a group',
  deduplicationId: 'a deduplication id',
  name: 'a job name',
  delayMs: 'a delay',
  attempts: 'a number of attempts',
  backoff: 'a wait between attempts',
} as const;

/** The parts of a message that a RabbitMQ queue cannot hold, one phrase each. */
export function misfitsOf(message: OutgoingMessage, rules: OutgoingRules): string[] {
  const misfits: string[] = [];
  for (const field of Object.keys(NOT_HELD) as (keyof typeof NOT_HELD)[]) {
    if (message[field] !== null) misfits.push(NOT_HELD[field]);
  }
  if (message.priority !== null && !isOctet(message.priority))
    misfits.push(`the priority ${message.priority} (0 to 255 fit)`);
  if (message.ttlMs !== null && !isTtl(message.ttlMs))
    misfits.push(`the time to live ${message.ttlMs} ms (0 to 4294967295 fit)`);
  if (!isAsReceived(message)) misfits.push(...withoutEffect(message, rules));
  for (const [what, text] of [
    ['the id', message.id],
    ['the content type', message.contentType],
  ] as const) {
    if (text !== null && !isShort(text)) misfits.push(`${what} of more than 255 bytes`);
  }
  if (Object.keys(message.headers).some((name) => !isShort(name))) misfits.push('a header name of more than 255 bytes');
  if (rules.isStream) {
    for (const [name, value] of Object.entries(message.headers)) {
      if (isNested(value)) misfits.push(`the header ${JSON.stringify(name)}, which is a list or a table`);
    }
  }
  const { properties } = toOutgoing(message, rules);
  if (!fitsFrame(properties, rules))
    misfits.push(`headers of ${properties.length} bytes (the broker takes ${rules.frameMax - 20})`);
  return misfits;
}

/** It came from a queue of RabbitMQ, and is sent unchanged, whatever it means there. */
export function isAsReceived({ native }: OutgoingMessage): boolean {
  const record = nativeRecord(native);
  return record !== null && textAt(record, 'properties') !== null;
}

/** Properties that the broker would store, and never act on. */
function withoutEffect({ priority, ttlMs }: OutgoingMessage, { isStream, maxPriority }: OutgoingRules): string[] {
  const phrases: string[] = [];
  if (isStream && ttlMs !== null) phrases.push('a time to live (a stream keeps messages by its own retention)');
  if (priority === null || !isOctet(priority)) return phrases;
  if (isStream) phrases.push('a priority (a stream gives messages in the order in which they came)');
  else if (typeof maxPriority === 'number' && priority > maxPriority)
    phrases.push(`the priority ${priority} (x-max-priority of the queue is ${maxPriority})`);
  return phrases;
}

/** Header frames carry 12 bytes before the properties. */
export function fitsFrame(properties: Buffer, { frameMax }: OutgoingRules): boolean {
  return frameMax === 0 || properties.length + 20 <= frameMax;
}

/**
 * The message as bytes, without its misfits (see `misfitsOf`). Every property and header that still reads as it did
 * when the message was received keeps its bytes.
 *
 * Always changed, because the broker would act on it: delivery counts are dropped; `CC` and `BCC`, which would route
 * again, become `x-mq-cc` and `x-mq-bcc`; a foreign `user-id` becomes the header `x-mq-user-id`. With
 * `native.rabbitmq.via === "exchange"` the message goes to `native.rabbitmq.exchange` with `routingKey` instead of to
 * the queue, and `CC`, `BCC` stay.
 */
export function toOutgoing(message: OutgoingMessage, rules: OutgoingRules): Outgoing {
  const record = nativeRecord(message.native);
  const properties = givenProperties(record);
  const entries = readEntries(properties);
  const view = viewOf(properties, entries);
  const viaExchange = record !== null && textAt(record, 'via') === 'exchange';

  if (message.id !== view.id) setText(properties, 'messageId', message.id);
  if (message.contentType !== view.contentType) setText(properties, 'contentType', message.contentType);
  if (message.ttlMs !== view.ttlMs) {
    setText(properties, 'expiration', message.ttlMs !== null && isTtl(message.ttlMs) ? String(message.ttlMs) : null);
  }
  if (message.priority !== view.priority) {
    properties.priority =
      message.priority !== null && isOctet(message.priority) ? writeOctet(message.priority) : undefined;
  }

  const wanted: Record<string, JsonValue | undefined> = { ...message.headers };
  if (message.replays !== null) wanted[REPLAYS_HEADER] = message.replays;
  const user = readText(properties.userId);
  if (user !== null && user !== rules.login) {
    properties.userId = undefined;
    wanted['x-mq-user-id'] = user;
  }
  const spliced = splice(entries, wanted, view.headers, viaExchange);
  if (spliced !== null) {
    const present = spliced.length > 0 || properties.headers !== undefined;
    properties.headers = present ? writeTable(spliced) : undefined;
  }
  return {
    exchange: (viaExchange ? textAt(record, 'exchange') : null) ?? '',
    routingKey: (viaExchange ? textAt(record, 'routingKey') : null) ?? (viaExchange ? '' : rules.queue),
    properties: encodeProperties(properties),
    maybeRefused: maybeRefused(properties, viaExchange ? message.headers : {}),
  };
}

/** Replies to it go to a consumer of the same channel that publishes. Without one, the broker closes the channel. */
const DIRECT_REPLY = 'amq.rabbitmq.reply-to';

/**
 * An invalid direct reply address, delivery mode or expiration (4.0 takes what 3.10 refuses), or copies that are not a
 * list of names.
 */
function maybeRefused(properties: Properties, routed: OutgoingMessage['headers']): boolean {
  const mode = readOctet(properties.deliveryMode);
  const expiration = readText(properties.expiration);
  return (
    readText(properties.replyTo) === DIRECT_REPLY ||
    (mode !== null && mode !== 1 && mode !== 2) ||
    (expiration !== null && !(/^\d{1,10}$/.test(expiration) && isTtl(Number(expiration)))) ||
    Object.keys(RENAMED).some((name) => Object.hasOwn(routed, name))
  );
}

/** From the raw bytes of a received message, else persistent and empty; then the properties that were set by name. */
function givenProperties(record: JsonObject | null): Properties {
  const raw = record === null ? null : textAt(record, 'properties');
  const properties = raw === null ? { deliveryMode: writeOctet(2) } : readProperties(Buffer.from(raw, 'base64'));
  if (record === null) return properties;
  for (const name of READABLE_TEXTS) {
    const text = textAt(record, name);
    if (text !== null && text !== readText(properties[name])) setText(properties, name, text);
  }
  const mode = record.deliveryMode;
  if ((mode === 1 || mode === 2) && mode !== readOctet(properties.deliveryMode))
    properties.deliveryMode = writeOctet(mode);
  return properties;
}

function setText(properties: Properties, name: PropertyName, text: string | null): void {
  properties[name] = text !== null && isShort(text) ? writeText(text) : undefined;
}

/** The entries of the new table in order; null: nothing changes. */
function splice(
  entries: readonly TableEntry[],
  wanted: Readonly<Record<string, JsonValue | undefined>>,
  before: Readonly<Record<string, JsonValue>>,
  keepCopies: boolean,
): Uint8Array[] | null {
  let changed = false;
  const result: Uint8Array[] = [];
  const written = new Set<string>();
  for (const entry of entries) {
    const { name } = entry;
    const value = isDeliveryHeader(name) ? undefined : own(wanted, name);
    const renamed = keepCopies ? undefined : RENAMED[name];
    if (value === undefined || (renamed !== undefined && isDeepStrictEqual(value, before[name]))) {
      changed = true;
      if (value !== undefined && renamed !== undefined) {
        result.push(renameEntry(entry, renamed));
        written.add(renamed);
        written.add(name);
      }
    } else if (isDeepStrictEqual(value, own(before, name))) {
      result.push(entry.raw);
      written.add(name);
    } else {
      changed = true;
      if (!written.has(name)) result.push(encodeChanged(entry, value));
      written.add(name);
    }
  }
  for (const [name, value] of Object.entries(wanted)) {
    if (value === undefined || written.has(name) || isDeliveryHeader(name) || !isShort(name)) continue;
    changed = true;
    result.push(encodeEntry((keepCopies ? undefined : RENAMED[name]) ?? name, value));
  }
  return changed ? result : null;
}

const RENAMED: Readonly<Record<string, string | undefined>> = Object.assign(Object.create(null), {
  CC: 'x-mq-cc',
  BCC: 'x-mq-bcc',
});

/** The same value, with its type, under another name. */
function renameEntry(entry: TableEntry, name: string): Uint8Array {
  const value = entry.raw.subarray(1 + (entry.raw[0] ?? 0));
  return Buffer.concat([writeText(name), value]);
}

function own(record: Readonly<Record<string, JsonValue | undefined>>, name: string): JsonValue | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

/** Short strings have at most 255 bytes in the protocol. */
export function isShort(text: string): boolean {
  return Buffer.byteLength(text, 'utf8') <= 255;
}

function isOctet(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 255;
}

/** The broker takes at most 2^32 − 1. */
function isTtl(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;
}

/** Bytes are shown as an object too, and they fit. */
function isNested(value: JsonValue): boolean {
  return typeof value === 'object' && value !== null && !('base64' in value);
}
