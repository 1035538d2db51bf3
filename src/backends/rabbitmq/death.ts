import { readInstant } from '../../contract/instant.ts';
import type { Death, Headers, JsonValue } from '../../contract/message.ts';
import { isObject, type JsonObject, listOf, numberAt, textAt } from './management.ts';

export const REPLAYS_HEADER = 'x-mq-replays';

const DEATH_HEADER = /^x-(death|(first|last)-death-.*)$/;

/** The broker's marks of a death, as on 3.10 (`x-death`, `x-first-death-*`) and from 4.0 (`x-last-death-*` too). */
function isDeathHeader(name: string): boolean {
  return DEATH_HEADER.test(name);
}

/** Marks of deliveries (the offset is a stream's), not of the message: stale on a copy that is published again. */
export function isDeliveryHeader(name: string): boolean {
  return name === 'x-delivery-count' || name === 'x-acquired-count' || name === 'x-stream-offset';
}

/**
 * How a message that stands in `queue` died. `x-death` is newest first; the origin is its newest entry that is not an expiry (in a retry
 * topology the newest is the retry queue, where the message only waited), else `x-first-death-queue`.
 * Null when it has no such marks, or when its origin is `queue` itself: then it is back where it was, and the marks are history.
 */
export function deathOf(headers: Headers, queue: string): Death | null {
  const deaths = listOf(headers['x-death']);
  const first = textAt(headers, 'x-first-death-queue');
  if (deaths.length === 0 && first === null) return null;
  const failure = deaths.find((death) => textAt(death, 'reason') !== 'expired');
  const from = failure === undefined ? first : textAt(failure, 'queue');
  const origin = failure ?? deaths.find((death) => textAt(death, 'queue') === first) ?? deaths[0] ?? {};
  if (from === queue) return null;
  return {
    from,
    reason: textAt(origin, 'reason') ?? textAt(headers, 'x-first-death-reason'),
    error: null,
    at: instant(origin),
    count: numberAt(origin, 'count'),
    replays: replaysOf(headers),
  };
}

/** Whether the broker says of a consumer that it failed: an expiry alone may be nothing but a wait. */
export function hasFailed(headers: Headers): boolean {
  return listOf(headers['x-death']).some((death) => textAt(death, 'reason') !== 'expired');
}

function instant(death: JsonObject): number | null {
  return readInstant(textAt(death, 'time'), 'seconds').at;
}

export function replaysOf(headers: Headers): number {
  const value = headers[REPLAYS_HEADER];
  return typeof value === 'number' && Number.isInteger(value) && value > 0 ? value : 0;
}

/** The headers without the broker's marks of death. */
export function withoutDeath(headers: Headers): Record<string, JsonValue> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isDeathHeader(name)));
}

/** Whether `value` is the record that this backend puts into `Message.native`. */
export function nativeRecord(native: Readonly<Record<string, JsonValue>>): JsonObject | null {
  const record = native.rabbitmq;
  return isObject(record) ? record : null;
}
