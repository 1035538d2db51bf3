import { instantNotes, type ReadInstant, readInstant } from '../../contract/instant.ts';
import type { JsonValue, Message } from '../../contract/message.ts';
import { messageDeath } from './deaths/message-death.ts';
import { deliveries, keepReading, type Reading, readingOf } from './reading.ts';
import type { Content } from './wire/frames.ts';

/**
 * How to read the quorum queue's own count at this point: a consumed delivery is one more than the failed ones before
 * it.
 */
export type Counting = 'consumed' | 'peeked';

/** The message as the contract shows it, with `native.rabbitmq` for an exact way back. */
export function toMessage(content: Content, queue: string, quorum: boolean, counting: Counting): Message {
  const reading = readingOf(content.properties);
  const { properties, entries, view, integers } = reading;
  const dead = messageDeath({ queue, headers: view.headers, body: content.body }, content);
  // Its unit is seconds (AMQP 0-9-1, 4.2.5.4), but many publishers write milliseconds.
  const sent = readInstant(properties.instant('timestamp'), 'seconds');
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
    native: { rabbitmq: record(content, reading) },
    ...(integers.length === 0 ? {} : { integers }),
    ...notesOf(reading, sent),
  };
}

/** An unreadable part is mentioned: "no headers" would be a different message. */
function notesOf({ isPropertyList, isTable }: Reading, sent: ReadInstant): Pick<Message, 'notes'> {
  const { notes } = instantNotes({ enqueuedAt: sent });
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
  return (redelivered ? deliveries(readingOf(properties).entries) : 0) >= deliveryLimit;
}

/**
 * `properties`: flags and property list as they were sent, in base64. The readable members beside it are there if the
 * message has the property. A sender that changes one of them changes the message.
 */
function record(content: Content, reading: Reading): Record<string, JsonValue> {
  const { properties } = reading;
  const all: Record<string, JsonValue> = {
    properties: content.properties.toString('base64'),
    exchange: content.exchange,
    routingKey: content.routingKey,
    redelivered: content.redelivered,
  };
  const onlyHere: string[] = [];
  for (const name of READABLE_TEXTS) {
    const text = properties.text(name);
    if (text === null) continue;
    all[name] = text;
    onlyHere.push(ONLY_HERE[name]);
  }
  const mode = properties.octet('deliveryMode');
  if (mode !== null) all.deliveryMode = mode;
  if (onlyHere.length > 0) all.onlyHere = onlyHere;
  keepReading(all, reading);
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
