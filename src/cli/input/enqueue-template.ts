import { MqError } from '../../contract/errors.ts';
import { type JsonValue, metadataOf, type OutgoingMessage } from '../../contract/message.ts';
import { parseDurationMs } from '../../core/duration.ts';
import { type NativeFlags, nativeFlags } from '../line/broker-flags.ts';
import { pairsToRecord } from '../line/pairs.ts';

export interface EnqueueFlags {
  readonly file?: string;
  readonly lines?: boolean;
  readonly null?: boolean;
  readonly ndjson?: boolean;
  readonly allowEmpty?: boolean;
  readonly header?: readonly string[];
  readonly id?: string;
  readonly delay?: number;
  readonly priority?: number;
  readonly ttl?: number;
  readonly group?: string;
  readonly dedup?: string;
  readonly name?: string;
  readonly attempts?: number;
  readonly backoff?: string;
  readonly contentType?: string;
  readonly rate?: number;
  readonly lossy?: boolean;
}

/** The properties that the flags give to every message. */
export interface MessageTemplate {
  /** The properties from the flags of one broker alone. */
  readonly native: NativeFlags;
  /** A bare body stays one: the flags set nothing. */
  readonly addsNothing: boolean;
  /** The message to send: from an envelope, whose fields the flags override, or from a bare body. */
  apply(envelope: OutgoingMessage | null, body: Uint8Array): OutgoingMessage;
}

/** Throws `USAGE`. */
export function templateFrom(flags: EnqueueFlags): MessageTemplate {
  const headers = pairsToRecord(flags.header ?? [], '--header');
  const backoff = flags.backoff === undefined ? null : parseBackoff(flags.backoff);
  const native = nativeFlags('enqueue', flags);
  const made = (envelope: OutgoingMessage | null, body: Uint8Array): OutgoingMessage => ({
    id: flags.id ?? envelope?.id ?? null,
    body: envelope?.body ?? body,
    headers: { ...envelope?.headers, ...headers },
    contentType: flags.contentType ?? envelope?.contentType ?? null,
    priority: flags.priority ?? envelope?.priority ?? null,
    groupId: flags.group ?? envelope?.groupId ?? null,
    deduplicationId: flags.dedup ?? envelope?.deduplicationId ?? null,
    ttlMs: flags.ttl ?? envelope?.ttlMs ?? null,
    name: flags.name ?? envelope?.name ?? null,
    native: withRecords(envelope?.native ?? {}, native),
    delayMs: flags.delay ?? envelope?.delayMs ?? null,
    attempts: flags.attempts ?? envelope?.attempts ?? null,
    backoff: backoff ?? envelope?.backoff ?? null,
    replays: null,
  });
  const bare = made(null, new Uint8Array());
  return {
    native,
    addsNothing: Object.keys(native.records).length === 0 && metadataOf(bare).length === 0,
    // Bulk input contains only bodies, so the properties from the flags are computed once.
    apply: (envelope, body) => (envelope === null ? { ...bare, body } : made(envelope, body)),
  };
}

/** An envelope keeps its properties of a broker, except those that the flags set. */
function withRecords(
  native: Readonly<Record<string, JsonValue>>,
  { records }: NativeFlags,
): Readonly<Record<string, JsonValue>> {
  const changed: Record<string, JsonValue> = { ...native };
  for (const [broker, record] of Object.entries(records)) {
    const own = native[broker];
    changed[broker] = { ...(typeof own === 'object' && own !== null && !Array.isArray(own) ? own : {}), ...record };
  }
  return changed;
}

function parseBackoff(text: string): NonNullable<OutgoingMessage['backoff']> {
  const match = /^(fixed|exponential):(.+)$/.exec(text);
  const type = match?.[1];
  if (match?.[2] === undefined || (type !== 'fixed' && type !== 'exponential')) {
    throw new MqError('USAGE', `not a backoff: ${text}`, { hint: 'write fixed:5s or exponential:1s' });
  }
  return { type, delayMs: parseDurationMs(match[2]) };
}
