import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import { instantNotes, readInstant } from '../../contract/instant.ts';
import type { Death, Headers, JsonValue, Message, MessageContent } from '../../contract/message.ts';
import { frameworkDeath } from '../common/conventions/framework-death.ts';
import type { Letter } from '../common/conventions/letter.ts';
import {
  type AttributeRecord,
  decodeAttribute,
  isCustomType,
  isLargeInteger,
  recordOf,
  setOwn,
} from './message-attributes/values.ts';
import { parseArn } from './queues/names.ts';

/** Counts how often `mq` has redriven a message. It is a Number attribute, so it takes one of the ten places. */
export const REPLAYS_ATTRIBUTE = 'mq-replays';

/** The facts about its queue that are needed to read a message. */
export interface ReadingContext {
  readonly queue: string;
  /** The queue belongs to another account, where a bare name would not be found: its origins are named by ARN. */
  readonly foreign: boolean;
  /** How long the queue keeps a message, in milliseconds; null: unknown. */
  readonly retentionMs: number | null;
}

/** Our own record under `Message.native.sqs`. */
export interface NativeRecord {
  readonly messageId: string | null;
  /** The attributes whose exact form JSON cannot hold. */
  readonly attributes?: Readonly<Record<string, AttributeRecord>>;
  /**
   * The attributes' custom types, and the trace header. The digits of a number do not count: they are its text, and
   * stay.
   */
  readonly onlyHere?: readonly string[];
  readonly deduplicationId?: string;
  readonly sequenceNumber?: string;
  /**
   * From AWS X-Ray: it joins the work of a consumer to that of the producer. It is the only system attribute that a
   * sender may set.
   */
  readonly traceHeader?: string;
  readonly deadLetterSourceArn?: string;
  readonly firstReceivedAt?: number;
  /**
   * When SQS will delete it, in milliseconds since the epoch: its enqueue time plus the queue's retention. A dead
   * letter of a standard queue keeps the enqueue time of its first send, so it may expire soon after it died.
   */
  readonly expiresAt?: number;
  readonly [key: string]: JsonValue | undefined;
}

export function readMessage(message: SqsMessage, context: ReadingContext): Message {
  const { queue } = context;
  const body = Buffer.from(message.Body ?? '', 'utf8');
  const system: Partial<Record<string, string>> = message.Attributes ?? {};
  const headers: Record<string, JsonValue> = {};
  const records: Record<string, AttributeRecord> = {};
  const onlyHere: string[] = [];
  const integers: (readonly [string])[] = [];
  for (const [name, attribute] of Object.entries(message.MessageAttributes ?? {})) {
    setOwn(headers, name, decodeAttribute(attribute));
    if (isLargeInteger(attribute)) integers.push([name]);
    const record = recordOf(attribute);
    if (record !== null) setOwn(records, name, record);
    if (record !== null && isCustomType(attribute))
      onlyHere.push(`the type ${record.type} of the header ${JSON.stringify(name)}`);
  }
  if (system.AWSTraceHeader !== undefined) onlyHere.push('the AWS X-Ray trace header');
  const sent = readInstant(system.SentTimestamp, 'milliseconds');
  const enqueuedAt = sent.at;
  const firstReceivedAt = integer(system.ApproximateFirstReceiveTimestamp);
  const native: NativeRecord = {
    messageId: message.MessageId ?? null,
    ...(Object.keys(records).length === 0 ? {} : { attributes: records }),
    ...(onlyHere.length === 0 ? {} : { onlyHere }),
    ...optional('deduplicationId', system.MessageDeduplicationId),
    ...optional('sequenceNumber', system.SequenceNumber),
    ...optional('traceHeader', system.AWSTraceHeader),
    ...optional('deadLetterSourceArn', system.DeadLetterQueueSourceArn),
    ...(firstReceivedAt === null ? {} : { firstReceivedAt }),
    ...(enqueuedAt === null || context.retentionMs === null ? {} : { expiresAt: enqueuedAt + context.retentionMs }),
  };
  return {
    id: message.MessageId ?? null,
    idFrom: 'broker',
    body,
    headers,
    contentType: null,
    priority: null,
    groupId: system.MessageGroupId ?? null,
    deduplicationId: system.MessageDeduplicationId ?? null,
    ttlMs: null,
    name: null,
    native: { sqs: native },
    queue,
    state: 'ready',
    enqueuedAt,
    deliverAt: null,
    receiveCount: integer(system.ApproximateReceiveCount),
    dead: withFramework(deathOf(system.DeadLetterQueueSourceArn, headers, context), { queue, headers, body }, context),
    ...(integers.length === 0 ? {} : { integers }),
    ...instantNotes({ enqueuedAt: sent }),
  };
}

/** Our record on a message, whoever wrote it. Each member is checked when it is used. */
export function nativeOf(message: MessageContent): Partial<NativeRecord> {
  const record = message.native.sqs;
  return typeof record === 'object' && record !== null && !Array.isArray(record)
    ? (record as Partial<NativeRecord>)
    : {};
}

/**
 * SQS says of a dead letter only where it died. A message without that mark may have been put there by an application:
 * then the links decide, not we.
 */
function deathOf(
  sourceArn: string | undefined,
  headers: Readonly<Record<string, JsonValue>>,
  context: ReadingContext,
): Death | null {
  const marked = sourceArn === undefined ? null : parseArn(sourceArn);
  const replays = replaysOf(headers);
  if (marked === null && replays === 0) return null;
  return {
    from: marked === null || sourceArn === undefined ? null : context.foreign ? sourceArn : marked.name,
    reason: marked === null ? null : 'maxReceiveCount',
    error: null,
    at: null,
    count: null,
    replays,
  };
}

function replaysOf(headers: Headers): number {
  const replays = headers[REPLAYS_ATTRIBUTE];
  return typeof replays === 'number' && Number.isSafeInteger(replays) && replays > 0 ? replays : 0;
}

/**
 * Adds what an application's framework says on the message. If SQS itself names the queue that lost it, that counts,
 * with the framework's error; what only the queue's links say does not count.
 */
function withFramework(broker: Death | null, letter: Letter, { foreign }: ReadingContext): Death | null {
  const framework = frameworkDeath(letter);
  if (framework === null) return broker;
  const { reason, error, at } = framework;
  if (broker !== null && broker.reason !== null) return { ...broker, error };
  // A bare name would be looked up in our own account.
  const from = foreign ? null : framework.from;
  return { from, reason, error, at, count: null, replays: replaysOf(letter.headers) };
}

function integer(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function optional<K extends string>(key: K, value: string | undefined): { readonly [key in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [key in K]?: string });
}
