import { readInstant } from '../../../contract/instant.ts';
import type { Headers } from '../../../contract/message.ts';
import { isRecord } from './json-text.ts';

/** Reads a field of a death from the headers of a framework. */
export type Reading = (headers: Headers, queue: string) => string | null;
export type InstantReading = (headers: Headers) => number | null;

/** The text of a header, or a number as digits. Null: the header is missing, empty or not text. */
export function headerText(headers: Headers, name: string): string | null {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value : null;
}

/** The first of the headers that is there. */
export function text(...names: readonly string[]): Reading {
  return (headers) => {
    for (const name of names) {
      const found = headerText(headers, name);
      if (found !== null) return found;
    }
    return null;
  };
}

export function always(word: string): Reading {
  return () => word;
}

/** `type: message`, or the part of it that is there. */
export function typed(type: string, message: string): Reading {
  return (headers) => joined(headerText(headers, type), headerText(headers, message));
}

export function joined(type: string | null, message: string | null): string | null {
  if (type === null || message === null) return type ?? message;
  return `${type}: ${message}`;
}

/** The first reading that finds something. */
export function first(...readings: readonly Reading[]): Reading {
  return (headers, queue) => {
    for (const reading of readings) {
      const found = reading(headers, queue);
      if (found !== null) return found;
    }
    return null;
  };
}

/** The queue at the end of an address: `rabbitmq://host/vhost/orders?durable=true` is `orders`. */
export function endOfAddress(name: string): Reading {
  return (headers) => queueOfAddress(headerText(headers, name));
}

function queueOfAddress(address: string | null): string | null {
  const path = address?.split(/[?#]/)[0]?.replace(/\/+$/, '') ?? '';
  const end = path.slice(path.lastIndexOf('/') + 1);
  if (!path.includes('/')) return end === '' ? null : end;
  try {
    return decodeURIComponent(end) || null;
  } catch {
    return end;
  }
}

/** The queue's own name, without the suffix that its framework gives to queues of dead letters. */
export function queueWithout(...endings: readonly string[]): Reading {
  return (_headers, queue) => {
    const ending = endings.find((one) => queue.endsWith(one) && queue.length > one.length);
    return ending === undefined ? null : queue.slice(0, -ending.length);
  };
}

/** The name of the queue in an ARN of SQS; null for any other ARN. */
export function queueOfArn(name: string): Reading {
  return (headers) => /^arn:[^:]+:sqs:[^:]*:[^:]*:([^:]+)$/.exec(headerText(headers, name) ?? '')?.[1] ?? null;
}

/** Seconds or milliseconds as digits, or RFC 3339. */
export function instantOf(name: string): InstantReading {
  return (headers) => readInstant(headerText(headers, name), 'milliseconds').at;
}

/** A member of the last of the stamps, which are JSON in a header. */
export function lastStamp(headers: Headers, name: string, member: string): string | null {
  const json = headerText(headers, name);
  if (json === null) return null;
  try {
    const stamps: unknown = JSON.parse(json);
    const last: unknown = Array.isArray(stamps) ? stamps.at(-1) : stamps;
    const value = isRecord(last) ? last[member] : undefined;
    return typeof value === 'string' && value !== '' ? value : null;
  } catch {
    return null;
  }
}
