import { readInstant } from '../../../contract/instant.ts';
import type { Death, Headers, JsonValue } from '../../../contract/message.ts';
import { isObject, type JsonObject, listOf, numberAt, textAt } from '../management/client.ts';
import { setOwn } from '../wire/table.ts';

export const REPLAYS_HEADER = 'x-mq-replays';

const DEATH_HEADER = /^x-(death|(first|last)-death-.*)$/;

/** The broker's marks of a death, as on 3.10 (`x-death`, `x-first-death-*`) and from 4.0 (`x-last-death-*` too). */
function isDeathHeader(name: string): boolean {
  return name.startsWith('x-') && DEATH_HEADER.test(name);
}

/**
 * Marks of deliveries (the offset is a stream's), not of the message: they are out of date on a copy that is published
 * again.
 */
export function isDeliveryHeader(name: string): boolean {
  return name === 'x-delivery-count' || name === 'x-acquired-count' || name === 'x-stream-offset';
}

/**
 * The deaths, newest first. From 3.13 on, whose mark is `x-last-death-queue`, they are written in that order. Before
 * that, the broker puts the latest first and reverses the others each time (`group_by_queue_and_reason` of
 * rabbit_dead_letter.erl). Those are ordered by their times, and of two in one second the one behind is later.
 */
function deathsOf(headers: Headers): readonly JsonObject[] {
  const deaths = listOf(headers['x-death']);
  const [latest, ...others] = deaths;
  if (latest === undefined || others.length === 0 || textAt(headers, 'x-last-death-queue') !== null) return deaths;
  const time = (death: JsonObject): number => instant(death) ?? 0;
  return [latest, ...others.reverse().sort((a, b) => time(b) - time(a))];
}

/**
 * How a message in `queue` died. The origin is its newest entry that is not an expiry (in a retry topology the newest
 * is the retry queue, where the message only waited), else `x-first-death-queue`. Null if it has no such marks, or if
 * its origin is `queue` itself: then it is back, and the marks are history.
 */
export function deathOf(headers: Headers, queue: string): Death | null {
  const deaths = deathsOf(headers);
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

/** Whether the broker says that a consumer failed: an expiry alone may be only a wait. */
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

/**
 * The headers as they were before the message died in `back`, the queue that it goes back to; null: it goes elsewhere,
 * and all marks of death are removed. Marks of another queue are its history and stay: without them, it would be
 * unknown where the message came from. Earlier marks of `back`, and of waiting there for another try, are removed, so
 * that a count of tries begins again.
 */
export function withoutDeath(headers: Headers, back: string | null): Record<string, JsonValue> {
  const alive: Record<string, JsonValue> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !isDeathHeader(name)) setOwn(alive, name, value);
  }
  const older = back === null ? [] : beforeDeathIn(deathsOf(headers), back);
  const [latest] = older;
  if (latest === undefined) return alive;
  const first = Object.entries(headers).filter(([name]) => name.startsWith('x-first-death-'));
  const last = LAST_DEATH.flatMap(([name, member]) => {
    const value = textAt(latest, member);
    return headers[name] === undefined || value === null ? [] : [[name, value] as const];
  });
  return { ...alive, ...Object.fromEntries(first), ...Object.fromEntries(last), 'x-death': older };
}

/** Headers that repeat the newest entry of `x-death`, with the member that they repeat. */
const LAST_DEATH = [
  ['x-last-death-queue', 'queue'],
  ['x-last-death-reason', 'reason'],
  ['x-last-death-exchange', 'exchange'],
] as const;

/** Newest first. */
function beforeDeathIn(deaths: readonly JsonObject[], queue: string): JsonObject[] {
  const died = deaths.findIndex((death) => textAt(death, 'queue') === queue && textAt(death, 'reason') !== 'expired');
  const elsewhere = deaths.findIndex(
    (death, at) => at > died && textAt(death, 'queue') !== queue && textAt(death, 'reason') !== 'expired',
  );
  return died === -1 || elsewhere === -1 ? [] : deaths.slice(elsewhere);
}

/** Whether `value` is the record that this backend puts into `Message.native`. */
export function nativeRecord(native: Readonly<Record<string, JsonValue>>): JsonObject | null {
  const record = native.rabbitmq;
  return isObject(record) ? record : null;
}
