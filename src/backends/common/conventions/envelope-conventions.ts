import { readInstant } from '../../../contract/instant.ts';
import type { JsonValue } from '../../../contract/message.ts';
import { isRecord, memberText, parseObject, withoutMembers } from './json-text.ts';
import type { FrameworkDeath, Letter, OriginalProperties, Restored } from './letter.ts';
import { joined, queueWithout } from './readings.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The envelope that a framework makes of a message that it has given up on: a body of its own, with the message inside.
 */
export interface EnvelopeConvention {
  readonly framework: string;
  /** Only in queues with such names; absent: in any queue. */
  readonly queues?: (queue: string) => boolean;
  /** How the body begins, apart from spaces. This must be cheap to find, because every message is checked. */
  readonly beginsWith: RegExp;
  open(fields: Fields, body: string, letter: Letter): Omit<FrameworkDeath, 'framework'> | null;
}

/**
 * EasyNetQ publishes an `Error` to `EasyNetQ_Default_Error_Queue`: `DefaultConsumeErrorStrategy`, `Error` and
 * `MessagePropertiesConverter` of its source. Its own tool (Hosepipe, `ErrorRetry`) sends `Message` with
 * `BasicProperties` to `Queue`. Versions before 3 did not write `Queue`.
 */
const EASYNETQ: EnvelopeConvention = {
  framework: 'EasyNetQ',
  beginsWith: /^\{\s*"RoutingKey"/,
  open(fields) {
    const { RoutingKey, Exchange, Queue, Exception, Message, DateTime, BasicProperties } = fields;
    if (typeof RoutingKey !== 'string' || typeof Exchange !== 'string') return null;
    if (typeof Exception !== 'string' || typeof Message !== 'string' || typeof DateTime !== 'string') return null;
    const from = typeof Queue === 'string' && Queue !== '' ? Queue : Exchange === '' ? RoutingKey : null;
    return {
      from,
      route: from === null ? { exchange: Exchange, routingKey: RoutingKey } : null,
      reason: 'failed',
      error: firstLineOf(Exception),
      at: readInstant(DateTime, 'milliseconds').at,
      restore: () => ({
        body: messageOf(Message),
        headers: isRecord(BasicProperties) ? headersOf(BasicProperties.Headers) : {},
        properties: isRecord(BasicProperties) ? propertiesOf(BasicProperties) : {},
      }),
    };
  },
};

/**
 * Text, or base64 if `Base64ErrorMessageSerializer` is configured. EasyNetQ serialises to JSON, and base64 never looks
 * like JSON.
 */
function messageOf(text: string): Uint8Array {
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]{8,}={0,2}$/.test(text)) {
    const bytes = Buffer.from(text, 'base64');
    if (parseObject(bytes.toString('utf8')) !== null) return bytes;
  }
  return Buffer.from(text, 'utf8');
}

const TEXTS = {
  ContentType: 'contentType',
  ContentEncoding: 'contentEncoding',
  CorrelationId: 'correlationId',
  ReplyTo: 'replyTo',
  MessageId: 'messageId',
  Type: 'type',
  UserId: 'userId',
  AppId: 'appId',
  ClusterId: 'clusterId',
} as const;
/** 0 stands for "not set". */
const NUMBERS = { DeliveryMode: 'deliveryMode', Priority: 'priority', Timestamp: 'timestamp' } as const;

function propertiesOf(given: Fields): OriginalProperties {
  const properties: Record<string, string | number> = {};
  for (const [theirs, ours] of Object.entries(TEXTS)) {
    const value = given[theirs];
    if (typeof value === 'string' && value !== '') properties[ours] = value;
  }
  for (const [theirs, ours] of Object.entries(NUMBERS)) {
    const value = given[theirs];
    if (typeof value === 'number' && value > 0) properties[ours] = value;
  }
  const ttlMs = milliseconds(given.Expiration);
  if (ttlMs !== null) properties.ttlMs = ttlMs;
  return properties;
}

/** Older versions write milliseconds as digits, later ones a time span: `1.02:03:04.5` is a day, two hours, … */
function milliseconds(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  if (/^\d{1,15}$/.test(value)) return Number(value);
  const span = /^(?:(\d+)\.)?(\d\d):(\d\d):(\d\d(?:\.\d+)?)$/.exec(value);
  if (span === null) return null;
  const [, days = '0', hours, minutes, seconds] = span;
  return Math.round((((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000);
}

function headersOf(given: unknown): Readonly<Record<string, JsonValue>> {
  if (!isRecord(given)) return {};
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, headerValue(value)]));
}

/**
 * To .NET, AMQP's texts are bytes: `{Type: 14, Value: base64}`, or `{$type, $value}` of Newtonsoft. Other values have a
 * type beside them, too.
 */
const BYTES = 14;
function headerValue(value: unknown): JsonValue {
  if (!isRecord(value)) return Array.isArray(value) ? value.map(headerValue) : (value as JsonValue);
  if ('$value' in value) return typeof value.$value === 'string' ? fromBase64(value.$value) : headerValue(value.$value);
  if (!('Type' in value && 'Value' in value)) return headersOf(value);
  return value.Type === BYTES && typeof value.Value === 'string' ? fromBase64(value.Value) : headerValue(value.Value);
}

function fromBase64(base64: string): JsonValue {
  const bytes = Buffer.from(base64, 'base64');
  const decoded = bytes.toString('utf8');
  return Buffer.from(decoded, 'utf8').equals(bytes) ? decoded : { base64 };
}

/**
 * Dramatiq keeps the last traceback and the number of retries in the message's own options
 * (`Retries.after_process_message`), and its dead letters in `<queue>.XQ`. After that number of retries a message fails
 * for good, so the number is removed together with the traceback.
 */
const DRAMATIQ: EnvelopeConvention = {
  framework: 'Dramatiq',
  queues: (queue) => queue.endsWith('.XQ'),
  beginsWith: /^\{/,
  open(fields, body, letter) {
    const { queue_name: queue, actor_name: actor, options } = fields;
    if (typeof queue !== 'string' || typeof actor !== 'string' || !isRecord(options)) return null;
    const { traceback, requeue_timestamp: at } = options;
    return {
      from: queue.replace(/\.DQ$/, ''),
      route: null,
      reason: 'failed',
      error: typeof traceback === 'string' ? lastLineOf(traceback) : null,
      at: typeof at === 'number' ? readInstant(at, 'milliseconds').at : null,
      restore: () => ({
        headers: letter.headers,
        body: Buffer.from(
          withoutMembers(body, ['options'], (name) => DRAMATIQ_MARKS.includes(name)),
          'utf8',
        ),
      }),
    };
  },
};
const DRAMATIQ_MARKS = ['retries', 'traceback', 'requeue_timestamp'];

/**
 * Sneakers and its successor Kicks, `Handlers::Maxretry`: a JSON object with the message in base64, in `<queue>-error`,
 * without its headers.
 */
const SNEAKERS: EnvelopeConvention = {
  framework: 'Sneakers',
  beginsWith: /^\{\s*"error"/,
  open(fields, _body, letter) {
    const { error, error_class: type, error_message: message, failed_at: at, num_attempts: attempts, payload } = fields;
    if (typeof attempts !== 'number' || typeof at !== 'string' || typeof payload !== 'string') return null;
    return {
      from: queueWithout('-error')({}, letter.queue),
      route: null,
      reason: 'failed',
      error: joined(textOrNull(type), textOrNull(message)) ?? textOrNull(error),
      at: readInstant(at, 'seconds').at,
      restore: () => ({ headers: {}, body: Buffer.from(payload, 'base64'), properties: {} }),
    };
  },
};

/**
 * The record that Lambda sends to a destination for failures of asynchronous invocations, with the event inside.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
const LAMBDA_DESTINATION: EnvelopeConvention = {
  framework: 'AWS Lambda',
  beginsWith: /^\{\s*"(version|timestamp|requestContext)"/,
  open(fields, body, letter) {
    const { requestContext: context, responsePayload: response, timestamp } = fields;
    if (!isRecord(context) || typeof context.functionArn !== 'string' || typeof context.condition !== 'string')
      return null;
    if (context.condition === 'Success' || !('requestPayload' in fields)) return null;
    const { errorType: type, errorMessage: message } = isRecord(response) ? response : {};
    return {
      from: null,
      route: null,
      reason: context.condition,
      error: joined(textOrNull(type), textOrNull(message)),
      at: readInstant(textOrNull(timestamp), 'milliseconds').at,
      restore(): Restored | string {
        const event = memberText(body, 'requestPayload');
        return event === null
          ? 'its record holds no event'
          : { headers: letter.headers, body: Buffer.from(event, 'utf8') };
      },
    };
  },
};

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function firstLineOf(trace: string): string | null {
  return /[^\r\n]+/.exec(trace)?.[0] ?? null;
}

/** The last line of a Python traceback says what happened. */
function lastLineOf(trace: string): string | null {
  return trace.trimEnd().split(/\r?\n/).at(-1)?.trim() || null;
}

export const ENVELOPE_CONVENTIONS: readonly EnvelopeConvention[] = [EASYNETQ, DRAMATIQ, SNEAKERS, LAMBDA_DESTINATION];
