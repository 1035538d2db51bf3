import { isDeepStrictEqual } from 'node:util';
import type { JsonValue, OutgoingMessage } from '../../contract/message.ts';
import { isDeliveryHeader, nativeRecord, REPLAYS_HEADER } from './deaths/death.ts';
import { type JsonObject, textAt } from './management/client.ts';
import { READABLE_TEXTS } from './message-in.ts';
import { keptReading, type Reading, readingOf } from './reading.ts';
import {
  type Changes,
  NO_PROPERTIES,
  type PropertyList,
  type PropertyName,
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

const NOT_HELD = [
  ['groupId', 'a group'],
  ['deduplicationId', 'a deduplication id'],
  ['name', 'a job name'],
  ['delayMs', 'a delay'],
  ['attempts', 'a number of attempts'],
  ['backoff', 'a wait between attempts'],
] as const;

/**
 * The parts of a message that a RabbitMQ queue cannot hold, one phrase each. `outgoing`: the same message, for a caller
 * that has it already.
 */
export function misfitsOf(
  message: OutgoingMessage,
  rules: OutgoingRules,
  outgoing: Outgoing = toOutgoing(message, rules),
): string[] {
  const misfits: string[] = [];
  for (const [field, phrase] of NOT_HELD) if (message[field] !== null) misfits.push(phrase);
  if (message.priority !== null && !isOctet(message.priority))
    misfits.push(`the priority ${message.priority} (0 to 255 fit)`);
  if (message.ttlMs !== null && !isTtl(message.ttlMs))
    misfits.push(`the time to live ${message.ttlMs} ms (0 to 4294967295 fit)`);
  if (!isAsReceived(message)) misfits.push(...withoutEffect(message, rules));
  if (message.id !== null && !isShort(message.id)) misfits.push('the id of more than 255 bytes');
  if (message.contentType !== null && !isShort(message.contentType))
    misfits.push('the content type of more than 255 bytes');
  for (const name in message.headers) {
    if (isShort(name)) continue;
    misfits.push('a header name of more than 255 bytes');
    break;
  }
  if (rules.isStream) {
    for (const [name, value] of Object.entries(message.headers)) {
      if (isNested(value)) misfits.push(`the header ${JSON.stringify(name)}, which is a list or a table`);
    }
  }
  const { properties } = outgoing;
  if (!fitsFrame(properties, rules))
    misfits.push(`headers of ${properties.length} bytes (the broker takes ${rules.frameMax - 20})`);
  return misfits;
}

/** It came from a queue of RabbitMQ, and is sent unchanged, whatever it means there. */
export function isAsReceived({ native }: OutgoingMessage): boolean {
  const record = nativeRecord(native);
  return record !== null && (keptReading(record) !== null || textAt(record, 'properties') !== null);
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
  const { reading, changes } = given(record);
  const { properties, entries, view } = reading;
  const viaExchange = record !== null && textAt(record, 'via') === 'exchange';

  if (message.id !== view.id) setText(changes, 'messageId', message.id);
  if (message.contentType !== view.contentType) setText(changes, 'contentType', message.contentType);
  if (message.ttlMs !== view.ttlMs) {
    setText(changes, 'expiration', message.ttlMs !== null && isTtl(message.ttlMs) ? String(message.ttlMs) : null);
  }
  if (message.priority !== view.priority) {
    changes.priority = message.priority !== null && isOctet(message.priority) ? writeOctet(message.priority) : null;
  }

  const added: Record<string, JsonValue> = {};
  if (message.replays !== null) added[REPLAYS_HEADER] = message.replays;
  const user = textOf(properties, changes, 'userId');
  if (user !== null && user !== rules.login) {
    changes.userId = null;
    added['x-mq-user-id'] = user;
  }
  const isUnchanged = message.headers === view.headers && isEmpty(added) && !entries.some(isNeverSent);
  const wanted = isEmpty(added) ? message.headers : { ...message.headers, ...added };
  const spliced = isUnchanged ? null : splice(entries, wanted, view.headers, viaExchange);
  if (spliced !== null) {
    const present = spliced.length > 0 || properties.has('headers');
    changes.headers = present ? writeTable(spliced) : null;
  }
  return {
    exchange: (viaExchange ? textAt(record, 'exchange') : null) ?? '',
    routingKey: (viaExchange ? textAt(record, 'routingKey') : null) ?? (viaExchange ? '' : rules.queue),
    properties: isEmpty(changes) ? properties.bytes : properties.with(changes),
    maybeRefused: maybeRefused(properties, changes, viaExchange ? message.headers : null),
  };
}

/** Any message that has nothing but its body. */
export function bareOutgoing({ queue }: OutgoingRules): Outgoing {
  return { exchange: '', routingKey: queue, properties: NEW.properties.bytes, maybeRefused: false };
}

function isEmpty(record: object): boolean {
  for (const _ in record) return false;
  return true;
}

/** The text of a property after the changes. */
function textOf(properties: PropertyList, changes: Changes, name: PropertyName): string | null {
  const changed = changes[name];
  if (changed === undefined) return properties.text(name);
  return changed === null ? null : readText(changed);
}

/** Replies to it go to a consumer of the same channel that publishes. Without one, the broker closes the channel. */
const DIRECT_REPLY = 'amq.rabbitmq.reply-to';

/**
 * An invalid direct reply address, delivery mode or expiration (4.0 takes what 3.10 refuses), or copies that are not a
 * list of names.
 */
function maybeRefused(properties: PropertyList, changes: Changes, routed: OutgoingMessage['headers'] | null): boolean {
  const mode = (changes.deliveryMode ?? null)?.readUInt8(0) ?? properties.octet('deliveryMode');
  const expiration = textOf(properties, changes, 'expiration');
  return (
    (mode !== null && mode !== 1 && mode !== 2) ||
    (expiration !== null && !(/^\d{1,10}$/.test(expiration) && isTtl(Number(expiration)))) ||
    textOf(properties, changes, 'replyTo') === DIRECT_REPLY ||
    (routed !== null && Object.keys(RENAMED).some((name) => Object.hasOwn(routed, name)))
  );
}

/** Persistent and empty. */
const NEW = readingOf(NO_PROPERTIES.with({ deliveryMode: writeOctet(2) }));

/**
 * What was read of a message, else a new message's properties; and the changes to that which were set by name in the
 * record. A record that was made of a reading repeats it.
 */
function given(record: JsonObject | null): { readonly reading: Reading; readonly changes: Changes } {
  const known = record === null ? NEW : keptReading(record);
  if (record === null || known !== null) return { reading: known ?? NEW, changes: {} };
  const raw = textAt(record, 'properties');
  const reading = raw === null ? NEW : readingOf(Buffer.from(raw, 'base64'));
  const { properties } = reading;
  const changes: Changes = {};
  for (const name of READABLE_TEXTS) {
    const text = textAt(record, name);
    if (text !== null && text !== properties.text(name)) setText(changes, name, text);
  }
  const mode = record.deliveryMode;
  if ((mode === 1 || mode === 2) && mode !== properties.octet('deliveryMode')) changes.deliveryMode = writeOctet(mode);
  return { reading, changes };
}

function setText(changes: Changes, name: PropertyName, text: string | null): void {
  changes[name] = text !== null && isShort(text) ? writeText(text) : null;
}

/** Even if nobody changes it. */
function isNeverSent({ name }: TableEntry): boolean {
  return isDeliveryHeader(name) || RENAMED[name] !== undefined;
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
    if (value === undefined || (renamed !== undefined && isSame(value, before[name]))) {
      changed = true;
      if (value !== undefined && renamed !== undefined) {
        result.push(renameEntry(entry, renamed));
        written.add(renamed);
        written.add(name);
      }
    } else if (isSame(value, own(before, name))) {
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

/** Mostly it is the very value that was received. */
function isSame(value: JsonValue, before: JsonValue | undefined): boolean {
  return value === before || isDeepStrictEqual(value, before);
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
  // A character takes at most three bytes (one outside the basic plane is two).
  return text.length <= 85 || Buffer.byteLength(text, 'utf8') <= 255;
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
