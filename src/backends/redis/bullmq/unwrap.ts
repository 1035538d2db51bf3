import { MqError } from '../../../contract/errors.ts';
import { readInstant } from '../../../contract/instant.ts';
import type { Death, JsonValue, Message } from '../../../contract/message.ts';
import { parseObject } from '../../common/conventions/json-text.ts';

/**
 * A widespread pattern: a worker puts jobs that failed for good into a queue `<name>-dlq`, each as a job whose data is
 * `{originalJob: {name, data, opts?, id?}, reason?, …}`. `?unwrap=` gives the name of the field.
 */
interface Wrapped {
  readonly name: string | null;
  /** The data as JSON text. */
  readonly data: string;
  readonly opts: Readonly<Record<string, JsonValue>> | null;
  readonly reason: string | null;
  readonly failedAt: number | null;
}

function wrapped(message: Message, field: string): Wrapped | null {
  const outer = parseExactly(Buffer.from(message.body).toString('utf8'));
  const original = outer?.[field];
  if (outer === null || typeof original !== 'object' || original === null || !('data' in original)) return null;
  const { name, data, opts } = original as Readonly<Record<string, unknown>>;
  const reason = outer.reason ?? outer.error ?? outer.failedReason;
  const failedAt: unknown = JSON.parse(JSON.stringify(outer.failedAt ?? outer.timestamp ?? null));
  return {
    name: typeof name === 'string' ? name : null,
    data: JSON.stringify(data) ?? 'null',
    opts:
      typeof opts === 'object' && opts !== null
        ? (parseObject(JSON.stringify(opts)) as Record<string, JsonValue> | null)
        : null,
    reason: typeof reason === 'string' ? reason : null,
    failedAt: readInstant(failedAt, 'milliseconds').at || null,
  };
}

/** How the wrapped job died, for a queue of wrapped jobs; null: this job wraps none. */
export function wrappedDeath(message: Message, field: string, from: string | null): Death | null {
  const found = wrapped(message, field);
  if (found === null) return null;
  return {
    from,
    reason: 'failed',
    error: found.reason,
    at: found.failedAt ?? message.enqueuedAt,
    count: null,
    replays: 0,
  };
}

/**
 * The job as it was before it was wrapped: its name, data and options. Throws `PRECONDITION_FAILED` if it wraps none.
 */
export function unwrapped(message: Message, field: string): Message {
  const found = wrapped(message, field);
  if (found === null)
    throw new MqError('PRECONDITION_FAILED', `the job wraps none in ${field}, and would go back as it is`, {
      hint: 'without --unwrap, mq move sends it as it is',
      backend: 'redis',
      queue: message.queue,
    });
  const own = message.native.redis;
  const record = typeof own === 'object' && own !== null && 'bullmq' in own ? (own.bullmq as object) : {};
  const priority = found.opts?.priority;
  return {
    ...message,
    name: found.name ?? message.name,
    body: Buffer.from(found.data, 'utf8'),
    priority: typeof priority === 'number' && priority > 0 ? priority : null,
    deduplicationId: null,
    native: { redis: { bullmq: { ...record, opts: found.opts } } },
  };
}

/**
 * Like JSON.parse, but numbers keep their spelling when they are written again: 12345678901234567 and 1.0 stay the
 * same.
 */
function parseExactly(text: string): Readonly<Record<string, unknown>> | null {
  const rawJson = (JSON as unknown as { rawJSON?: (source: string) => unknown }).rawJSON;
  try {
    const value: unknown = JSON.parse(text, (_key: string, item: unknown, context?: { readonly source?: string }) =>
      typeof item === 'number' && context?.source !== undefined && rawJson !== undefined
        ? rawJson(context.source)
        : item,
    );
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
