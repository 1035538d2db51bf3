import { MqError } from '../../../contract/errors.ts';
import type { JsonValue, Message } from '../../../contract/message.ts';
import { frameworkDeath } from '../../common/conventions/framework-death.ts';
import type { OriginalProperties } from '../../common/conventions/letter.ts';
import type { Topology } from '../topology/topology.ts';
import { NO_PROPERTIES, writeInstant, writeOctet, writeText } from '../wire/properties.ts';
import { nativeRecord, withoutDeath } from './death.ts';

/**
 * The message as it was before it died: without the broker's marks and its framework's, and out of its envelope if the
 * framework made one. The publisher itself drops delivery counts and defuses `CC` and `user-id`. Throws
 * `PRECONDITION_FAILED` for a message that cannot be restored.
 */
export function restoreMessage(
  message: Message,
  { keepDeathHeaders, to }: { readonly keepDeathHeaders: boolean; readonly to?: string },
): Message {
  if (keepDeathHeaders) return message;
  const { queue, body, headers } = message;
  const alive = {
    ...message,
    state: 'ready',
    dead: null,
    headers: withoutDeath(headers, to !== undefined && to === message.dead?.from ? to : null),
  } as const;
  const restored = frameworkDeath({ queue, body, headers: alive.headers })?.restore();
  if (restored === undefined) return alive;
  if (typeof restored === 'string') throw new MqError('PRECONDITION_FAILED', restored, { backend: 'rabbitmq', queue });
  const { properties } = restored;
  if (properties === undefined) return { ...alive, headers: restored.headers, body: restored.body };
  return {
    ...alive,
    ...restored,
    id: properties.messageId ?? null,
    contentType: properties.contentType ?? null,
    priority: properties.priority ?? null,
    ttlMs: properties.ttlMs ?? null,
    native: { ...message.native, rabbitmq: inside(nativeRecord(message.native) ?? {}, properties) },
  };
}

/** The message names an exchange with which it came. */
export function namesExchange({ queue, body, headers }: Message): boolean {
  return (frameworkDeath({ queue, body, headers })?.route ?? null) !== null;
}

/**
 * Finds the queue of a message whose framework names the exchange and the key with which it came. Publishing it there
 * again would give it to every queue that they lead to, including those that have dealt with it. So there is an answer
 * only if they lead to one queue.
 */
export function leadsTo(
  { queue, body, headers }: Message,
  topology: Topology,
): { readonly queue: string } | { readonly unclear: string } | null {
  const route = frameworkDeath({ queue, body, headers })?.route ?? null;
  if (route === null) return null;
  const way = `it came by exchange ${JSON.stringify(route.exchange)} with the key ${JSON.stringify(route.routingKey)}`;
  const unread = topology.whyUnread(route.exchange);
  if (unread !== null) return { unclear: `${way}, and ${unread}` };
  const queues = topology.queuesOf(route.exchange, route.routingKey).filter((name) => name !== queue);
  const [only, ...others] = queues;
  if (only !== undefined && others.length === 0) return { queue: only };
  return {
    unclear: `${way}, which leads to ${only === undefined ? 'no queue now' : `several queues: ${queues.join(', ')}`}`,
  };
}

/** The same if nothing is known of exchanges and queues. */
export function leadsToUnread({ queue, body, headers }: Message, why: string): { readonly unclear: string } | null {
  const route = frameworkDeath({ queue, body, headers })?.route ?? null;
  return route === null ? null : { unclear: `where the exchange leads that it came by cannot be read: ${why}` };
}

/** The record of the message in an envelope: none of the envelope's own properties. */
function inside(
  { exchange, routingKey }: Readonly<Record<string, JsonValue | undefined>>,
  given: OriginalProperties,
): Record<string, JsonValue> {
  const text = (value: string | undefined): Buffer | undefined =>
    value === undefined || Buffer.byteLength(value, 'utf8') > 255 ? undefined : writeText(value);
  const octet = (value: number | undefined): Buffer | undefined =>
    value === undefined || value < 0 || value > 255 ? undefined : writeOctet(Math.trunc(value));
  const properties = NO_PROPERTIES.with({
    contentType: text(given.contentType),
    contentEncoding: text(given.contentEncoding),
    deliveryMode: octet(given.deliveryMode ?? 2),
    priority: octet(given.priority),
    correlationId: text(given.correlationId),
    replyTo: text(given.replyTo),
    expiration: text(given.ttlMs === undefined ? undefined : String(given.ttlMs)),
    messageId: text(given.messageId),
    timestamp: given.timestamp === undefined ? undefined : writeInstant(given.timestamp),
    type: text(given.type),
    userId: text(given.userId),
    appId: text(given.appId),
    clusterId: text(given.clusterId),
  });
  return { properties: properties.toString('base64'), exchange: exchange ?? '', routingKey: routingKey ?? '' };
}
