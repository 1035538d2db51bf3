import { instantNotes, type ReadInstant, readInstant } from '../../contract/instant.ts';
import type { JsonValue, Message } from '../../contract/message.ts';
import { isDeliveryHeader } from './deaths/death.ts';
import { messageDeath } from './deaths/message-death.ts';
import type { Content } from './wire/frames.ts';
import {
  decodeProperties,
  type Properties,
  readOctet,
  readText,
  readTimestamp,
  tableContent,
} from './wire/properties.ts';
import { decodeTable, setOwn, type TableEntry, type TablePath } from './wire/table.ts';

/** The properties that the contract's fields show. */
export interface PropertyView {
  readonly id: string | null;
  readonly contentType: string | null;
  readonly priority: number | null;
  readonly ttlMs: number | null;
  readonly headers: Record<string, JsonValue>;
}

/**
 * How to read the quorum queue's own count at this point: a consumed delivery is one more than the failed ones before
 * it.
 */
export type Counting = 'consumed' | 'peeked';

/** The properties of a message; none if they are not a property list: the body can still be shown. */
export function readProperties(bytes: Buffer): Properties {
  try {
    return decodeProperties(bytes);
  } catch (error) {
    if (error instanceof RangeError) return {};
    throw error;
  }
}

/** `integers`: see `Message.integers`. */
export function readEntries(properties: Properties, integers: TablePath[] = []): TableEntry[] {
  if (properties.headers === undefined) return [];
  try {
    return decodeTable(tableContent(properties.headers), integers);
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

export function viewOf(properties: Properties, entries: readonly TableEntry[]): PropertyView {
  const headers: Record<string, JsonValue> = {};
  for (const { name, value } of entries) {
    if (!isDeliveryHeader(name)) setOwn(headers, name, value);
  }
  return {
    id: readText(properties.messageId),
    contentType: readText(properties.contentType),
    priority: readOctet(properties.priority),
    ttlMs: readTtl(readText(properties.expiration)),
    headers,
  };
}

/** `expiration` is a decimal number of milliseconds as text. */
function readTtl(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** The message as the contract shows it, with `native.rabbitmq` for an exact way back. */
export function toMessage(content: Content, queue: string, quorum: boolean, counting: Counting): Message {
  const properties = readProperties(content.properties);
  const integers: TablePath[] = [];
  const entries = readEntries(properties, integers);
  const view = viewOf(properties, entries);
  const dead = messageDeath({ queue, headers: view.headers, body: content.body }, content);
  // Its unit is seconds (AMQP 0-9-1, 4.2.5.4), but many publishers write milliseconds.
  const sent = readInstant(readTimestamp(properties.timestamp), 'seconds');
  return {
    queue,
    id: view.id,
    state: dead === null ? 'ready' : 'dead',
    body: content.body,
    headers: view.headers,
    contentType: view.contentType,
    priority: view.priority,
    groupId: null,
    deduplicationId: null,
    ttlMs: view.ttlMs,
    name: null,
    enqueuedAt: sent.at,
    deliverAt: null,
    receiveCount: quorum ? deliveries(entries) + (counting === 'consumed' ? 1 : 0) : null,
    dead,
    native: { rabbitmq: record(content, properties) },
    ...(integers.length === 0 ? {} : { integers }),
    ...notesOf(properties, entries, content, sent),
  };
}

/** An unreadable part is mentioned: "no headers" would be a different message. */
function notesOf(
  properties: Properties,
  entries: readonly TableEntry[],
  content: Content,
  sent: ReadInstant,
): Pick<Message, 'notes'> {
  const { notes } = instantNotes({ enqueuedAt: sent });
  const isPropertyList = content.properties.length <= 2 || Object.keys(properties).length > 0;
  const isTable = entries.length > 0 || tableContent(properties.headers).length === 0;
  if (isPropertyList && isTable) return notes === undefined ? {} : { notes };
  const what = isPropertyList ? 'the header table' : 'the property list';
  return {
    notes: { ...notes, headers: `${what} of the message cannot be read: its bytes are in native.rabbitmq.properties` },
  };
}

/** It has failed as often as the queue's delivery limit allows: if it is given back once more, it is dead. */
export function isLastDelivery({ redelivered, properties }: Content, deliveryLimit: number | null): boolean {
  // Only a message that was delivered before has a count of this queue. A count on another message is an old one of
  // another queue.
  if (deliveryLimit === null || (deliveryLimit > 0 && !redelivered)) return false;
  return (redelivered ? deliveries(readEntries(readProperties(properties))) : 0) >= deliveryLimit;
}

/** Failed deliveries so far, as a quorum queue counts them; absent before the first. */
function deliveries(entries: readonly TableEntry[]): number {
  const value = entries.find(({ name }) => name === 'x-delivery-count')?.value;
  return typeof value === 'number' ? value : 0;
}

/**
 * `properties`: flags and property list as they were sent, in base64. The readable members beside it are there if the
 * message has the property. A sender that changes one of them changes the message.
 */
function record(content: Content, properties: Properties): Record<string, JsonValue> {
  const all: Record<string, JsonValue> = {
    properties: content.properties.toString('base64'),
    exchange: content.exchange,
    routingKey: content.routingKey,
    redelivered: content.redelivered,
  };
  for (const name of READABLE_TEXTS) {
    const text = readText(properties[name]);
    if (text !== null) all[name] = text;
  }
  const mode = readOctet(properties.deliveryMode);
  if (mode !== null) all.deliveryMode = mode;
  const onlyHere = READABLE_TEXTS.filter((name) => all[name] !== undefined).map((name) => ONLY_HERE[name]);
  if (onlyHere.length > 0) all.onlyHere = onlyHere;
  return all;
}

/** Properties without a field in the contract, which can be read and set by name in `native.rabbitmq`. */
export const READABLE_TEXTS = [
  'contentEncoding',
  'correlationId',
  'replyTo',
  'type',
  'userId',
  'appId',
  'clusterId',
] as const;

/** The names under which another broker is told that it loses them (`onlyElsewhere`). */
const ONLY_HERE: Readonly<Record<(typeof READABLE_TEXTS)[number], string>> = {
  contentEncoding: 'the content encoding',
  correlationId: 'the correlation id',
  replyTo: 'the address for replies',
  type: 'the type',
  userId: 'the user id',
  appId: 'the application id',
  clusterId: 'the cluster id',
};
