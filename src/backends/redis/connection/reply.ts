import { MqError } from '../../../contract/errors.ts';

export function asList(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw unexpected('a list');
}

export function asListOrNone(reply: unknown): readonly unknown[] {
  return reply === null || reply === undefined ? [] : asList(reply);
}

export function asText(reply: unknown): string {
  if (typeof reply === 'string') return reply;
  if (Buffer.isBuffer(reply)) return reply.toString('utf8');
  if (typeof reply === 'number') return String(reply);
  throw unexpected('text');
}

/** For values that are always ASCII, such as the id of an entry: half the work of `asText`. */
export function asAscii(reply: unknown): string {
  return Buffer.isBuffer(reply) ? reply.toString('latin1') : asText(reply);
}

export function asTextOrNull(reply: unknown): string | null {
  return reply === null || reply === undefined ? null : asText(reply);
}

export function asBytes(reply: unknown): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  if (typeof reply === 'string') return Buffer.from(reply, 'utf8');
  throw unexpected('bytes');
}

export function asInteger(reply: unknown): number {
  const value = typeof reply === 'number' ? reply : Number(asText(reply));
  if (Number.isFinite(value)) return value;
  throw unexpected('a number');
}

/** Null for a missing value and for one that is not a number. */
export function asNumberOrNull(reply: unknown): number | null {
  if (reply === null || reply === undefined) return null;
  const text = asText(reply);
  const value = text === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

/** `[key, value, key, value …]`, as XINFO, HGETALL and CONFIG GET answer under RESP2. */
export function asPairs(reply: unknown): ReadonlyMap<string, unknown> {
  const list = asList(reply);
  const pairs = new Map<string, unknown>();
  for (let i = 0; i + 1 < list.length; i += 2) pairs.set(asText(list[i]), list[i + 1]);
  return pairs;
}

function unexpected(wanted: string): MqError {
  return new MqError('UNEXPECTED_RESPONSE', `the server answered something that is not ${wanted}`, {
    backend: 'redis',
  });
}

/** The name of a key; null if it is not text, because as a text it would be another key. */
export function asName(key: unknown, onNameless: (name: string) => void): readonly string[] {
  const name = asText(key);
  if (!name.includes('\ufffd') || Buffer.from(name, 'utf8').equals(asBytes(key))) return [name];
  onNameless(name);
  return [];
}
