import { MqError } from '../../contract/errors.ts';
import { type JsonValue, metadataOf, type OutgoingMessage } from '../../contract/message.ts';
import { parseDurationMs } from '../../core/duration.ts';
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
  readonly exchange?: string;
  readonly routingKey?: string;
  readonly rate?: number;
  readonly lossy?: boolean;
}

/** What the flags say of every message that is sent. */
export interface MessageTemplate {
  /** Published to an exchange, which only RabbitMQ has. */
  readonly usesExchange: boolean;
  /** A bare body stays one: the flags say nothing of it. */
  readonly addsNothing: boolean;
  /** The message to send: from an envelope, whose fields the flags override, or from a bare body. */
  apply(envelope: OutgoingMessage | null, body: Uint8Array): OutgoingMessage;
}

/** Throws `USAGE`. */
export function templateFrom(flags: EnqueueFlags): MessageTemplate {
  const headers = pairsToRecord(flags.header ?? [], '--header');
  const backoff = flags.backoff === undefined ? null : parseBackoff(flags.backoff);
  const route = routeFrom(flags);
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
    native: withRoute(envelope?.native ?? {}, route),
    delayMs: flags.delay ?? envelope?.delayMs ?? null,
    attempts: flags.attempts ?? envelope?.attempts ?? null,
    backoff: backoff ?? envelope?.backoff ?? null,
    replays: null,
  });
  const bare = made(null, new Uint8Array());
  return {
    usesExchange: route !== null,
    addsNothing: route === null && metadataOf(bare).length === 0,
    // Bulk input is nothing but bodies: what the flags say of them is worked out once.
    apply: (envelope, body) => (envelope === null ? { ...bare, body } : made(envelope, body)),
  };
}

interface Route {
  readonly exchange: string;
  readonly routingKey: string | undefined;
}

/** RabbitMQ: where it is published instead of to the queue itself, under that broker's name in `native`. */
function routeFrom({ exchange, routingKey }: EnqueueFlags): Route | null {
  if (exchange === undefined && routingKey === undefined) return null;
  if (exchange === undefined) throw new MqError('USAGE', '--routing-key needs --exchange');
  return { exchange, routingKey };
}

function withRoute(
  native: Readonly<Record<string, JsonValue>>,
  route: Route | null,
): Readonly<Record<string, JsonValue>> {
  if (route === null) return native;
  const own = native.rabbitmq;
  const record = typeof own === 'object' && own !== null && !Array.isArray(own) ? own : {};
  const { exchange, routingKey = '' } = route;
  return { ...native, rabbitmq: { ...record, via: 'exchange', exchange, routingKey } };
}

function parseBackoff(text: string): NonNullable<OutgoingMessage['backoff']> {
  const match = /^(fixed|exponential):(.+)$/.exec(text);
  const type = match?.[1];
  if (match?.[2] === undefined || (type !== 'fixed' && type !== 'exponential')) {
    throw new MqError('USAGE', `not a backoff: ${text}`, { hint: 'write fixed:5s or exponential:1s' });
  }
  return { type, delayMs: parseDurationMs(match[2]) };
}
