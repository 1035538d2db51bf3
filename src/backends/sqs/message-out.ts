import { createHash, randomUUID } from 'node:crypto';
import type { MessageAttributeValue, SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import type { JsonValue, OutgoingMessage } from '../../contract/message.ts';
import { isAttributeName, isId, isText, MAX_ATTRIBUTES, MAX_DELAY_SECONDS } from './message-attributes/limits.ts';
import { attributeBytes, attributeFault, encodeAttribute, fromRecord, setOwn } from './message-attributes/values.ts';
import { nativeOf, REPLAYS_ATTRIBUTE } from './message-in.ts';

/** The properties of the target that decide how a message is written. */
export interface Target {
  readonly fifo: boolean;
  /**
   * FIFO: the source is removed after the send. A run that broke off sends the same message again, and it is to be
   * stored once.
   */
  readonly once: boolean;
  /** Identifies this publisher: its messages are different from those of the next one. */
  readonly run: string;
  /** The queue's own `MaximumMessageSize`. */
  readonly maxBytes: number;
}

export interface Written {
  /** Without its id in the batch. */
  readonly entry: Omit<SendMessageBatchRequestEntry, 'Id'>;
  readonly bytes: number;
  /** The bytes of the message: the same object if it is sent again. */
  readonly body: Uint8Array;
  /** FIFO: the deduplication id is the producer's own, so SQS may have seen it with another message. */
  readonly isProducersId: boolean;
  /** The parts that do not fit and would be left out or changed, one phrase each. */
  readonly misfits: readonly string[];
  /** Why SQS would refuse it, whatever is left out. */
  readonly impossible: readonly string[];
}

/**
 * Writes a message for SQS. An id that a broker gave it is not a misfit: it is its place there, and the next place
 * gives it another.
 */
export function writeMessage(message: OutgoingMessage, target: Target): Written {
  const misfits: string[] = [];
  const impossible: string[] = [];
  if (message.id !== null && message.idFrom !== 'broker' && message.id !== nativeOf(message).messageId) {
    misfits.push('an id of its own');
  }
  if (message.contentType !== null) misfits.push('a content type');
  if (message.priority !== null) misfits.push('a priority');
  if (message.ttlMs !== null) misfits.push('a time to live of its own');
  if (message.name !== null) misfits.push('a name');
  if (message.attempts !== null) misfits.push('a number of attempts of its own');
  if (message.backoff !== null) misfits.push('a backoff');

  const body = readBody(message.body, impossible);
  const attributes = writeAttributes(message, misfits);
  // Its size does not count: https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
  const trace = readTrace(nativeOf(message).traceHeader, misfits);
  const bytes =
    message.body.length +
    Object.entries(attributes).reduce((sum, [name, value]) => sum + attributeBytes(name, value), 0);
  if (bytes > target.maxBytes) {
    impossible.push(`${bytes} bytes with its headers, and the queue takes ${target.maxBytes}`);
  }
  const deduplication = writeDeduplication(message, target, misfits);
  const entry: Omit<SendMessageBatchRequestEntry, 'Id'> = {
    MessageBody: body,
    ...(Object.keys(attributes).length === 0 ? {} : { MessageAttributes: attributes }),
    ...(trace === null
      ? {}
      : { MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: trace } } }),
    ...writeDelay(message, target, misfits),
    ...writeGroup(message, target, misfits, impossible),
    ...deduplication.entry,
  };
  return { entry, bytes, body: message.body, isProducersId: deduplication.isProducersId, misfits, impossible };
}

function readBody(body: Uint8Array, impossible: string[]): string {
  if (body.length === 0) {
    impossible.push('an empty body');
    return '';
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    if (!isText(text)) impossible.push('a body with control characters that SQS does not take');
    return text;
  } catch {
    impossible.push('a body that is not UTF-8 text');
    return '';
  }
}

function readTrace(trace: JsonValue | undefined, misfits: string[]): string | null {
  if (trace === undefined) return null;
  if (typeof trace === 'string' && trace !== '' && isText(trace)) return trace;
  misfits.push('an AWS X-Ray trace header that SQS does not take');
  return null;
}

function writeAttributes(message: OutgoingMessage, misfits: string[]): Record<string, MessageAttributeValue> {
  const records = nativeOf(message).attributes;
  const attributes: Record<string, MessageAttributeValue> = {};
  const headers = new Map<string, JsonValue>(
    Object.entries(message.headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  if (message.replays !== null) headers.set(REPLAYS_ATTRIBUTE, message.replays);
  let count = 0;
  for (const [name, value] of headers) {
    const record = typeof records === 'object' && records !== null ? records[name] : undefined;
    const attribute = fromRecord(record, value) ?? encodeAttribute(value);
    const fault = isAttributeName(name) ? attributeFault(attribute) : 'has a name that SQS does not take';
    if (fault !== null) {
      misfits.push(`the header ${JSON.stringify(name)}: it ${fault}`);
      continue;
    }
    count += 1;
    if (count <= MAX_ATTRIBUTES) setOwn(attributes, name, attribute);
  }
  if (count > MAX_ATTRIBUTES) misfits.push(`${count} headers: SQS takes ${MAX_ATTRIBUTES}`);
  return attributes;
}

function writeDelay(message: OutgoingMessage, target: Target, misfits: string[]): { DelaySeconds?: number } {
  if (message.delayMs === null || message.delayMs <= 0) return {};
  if (target.fifo) {
    misfits.push('a delay: a FIFO queue has one delay for all its messages');
    return {};
  }
  const seconds = Math.ceil(message.delayMs / 1000);
  if (seconds > MAX_DELAY_SECONDS) misfits.push(`a delay of ${seconds} s: SQS takes at most ${MAX_DELAY_SECONDS} s`);
  return { DelaySeconds: Math.min(seconds, MAX_DELAY_SECONDS) };
}

function writeGroup(
  message: OutgoingMessage,
  target: Target,
  misfits: string[],
  impossible: string[],
): { MessageGroupId?: string } {
  if (message.groupId === null || message.groupId === '') {
    if (target.fifo) impossible.push('a message without a message group, which a FIFO queue requires (--group)');
    return {};
  }
  if (isId(message.groupId)) return { MessageGroupId: message.groupId };
  (target.fifo ? impossible : misfits).push('a group that SQS does not take (128 characters of ASCII without spaces)');
  return {};
}

interface Deduplication {
  readonly entry: { readonly MessageDeduplicationId?: string };
  readonly isProducersId: boolean;
}

/** Ids for new messages, so that the same object has the same id if it is sent again. */
const freshIds = new WeakMap<OutgoingMessage, string>();

/**
 * FIFO: if SQS has seen the deduplication id of a message in the last five minutes, it says "sent" and throws the
 * message away. So each message gets an id that no other message can have, made from the place that it was read from
 * and its id there. Only a producer's own id (`enqueue --dedup`) is passed on, because the producer wants such a
 * message to be thrown away.
 *
 * A move that broke off and runs again makes the same id, and the message is stored once. Each copy is another message.
 */
function writeDeduplication(message: OutgoingMessage, target: Target, misfits: string[]): Deduplication {
  const given = message.deduplicationId;
  if (!target.fifo) {
    if (given !== null) misfits.push('a deduplication id: only a FIFO queue has them');
    return { entry: {}, isProducersId: false };
  }
  if (given !== null && message.from === undefined && nativeOf(message).deduplicationId !== given) {
    if (isId(given)) return { entry: { MessageDeduplicationId: given }, isProducersId: true };
    misfits.push('a deduplication id that SQS does not take (128 characters of ASCII without spaces)');
  }
  return { entry: { MessageDeduplicationId: ownId(message, target) }, isProducersId: false };
}

function ownId(message: OutgoingMessage, { once, run }: Target): string {
  const { id, idFrom, from } = message;
  // An id that a producer chose may be on two messages of one queue.
  if (from !== undefined && id !== null && idFrom === 'broker') {
    return createHash('sha256')
      .update(JSON.stringify(once ? [from, id] : [run, from, id]))
      .digest('hex');
  }
  const fresh = freshIds.get(message) ?? randomUUID();
  freshIds.set(message, fresh);
  return fresh;
}
