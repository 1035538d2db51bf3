import { randomUUID } from 'node:crypto';
import { backend } from '../../../src/backends/sqs/index.ts';
import { outgoing as plain } from '../../../src/conformance/messages.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Delivery, Message, OutgoingMessage, SendOutcome } from '../../../src/contract/message.ts';
import type { ConsumeOptions, Consumer, Peek, PeekOptions, Queue } from '../../../src/contract/queue.ts';
import { GIVEN_SQS } from './given.ts';

/**
 * The emulators take any credentials; the SDK wants some. A given SQS gets those of the SDK's own chain, which must not
 * be hidden by ours.
 */
export function provideTestCredentials(): void {
  if (GIVEN_SQS !== null) return;
  process.env.AWS_ACCESS_KEY_ID ??= 'test';
  process.env.AWS_SECRET_ACCESS_KEY ??= 'test';
}
provideTestCredentials();

export const never = new AbortController().signal;

/** A name that no other test uses. */
export function uniqueName(stem: string, fifo = false): string {
  return `${stem}-${randomUUID().slice(0, 8)}${fifo ? '.fifo' : ''}`;
}

/**
 * An emulator answers each receive from all it has, so one empty answer at once proves that a queue is empty; AWS is
 * asked with more care.
 */
export const AT_ONCE = '&waitSeconds=0&emptyPolls=1';

export function urlOf(endpoint: string, parameters = AT_ONCE): string {
  return `sqs://us-east-1?endpoint=${encodeURIComponent(endpoint)}${parameters}`;
}

export function openAt(endpoint: string, parameters = AT_ONCE): Promise<Broker> {
  return backend.open(urlOf(endpoint, parameters), {
    connectTimeoutMs: 5000,
    notice: () => {},
    signal: never,
  });
}

export async function createQueue(
  broker: Broker,
  name: string,
  options: { deadLetterQueue?: string; maxReceives?: number; settings?: Record<string, string> } = {},
): Promise<Queue> {
  await broker.create?.(name, {
    kind: null,
    deadLetterQueue: options.deadLetterQueue ?? null,
    maxReceives: options.maxReceives ?? null,
    settings: options.settings ?? {},
    signal: never,
  });
  return broker.queue(name, never);
}

export function outgoing(body: string | Uint8Array, rest: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return plain({ body: typeof body === 'string' ? Buffer.from(body) : body, ...rest });
}

export async function sendAll(
  queue: Queue,
  messages: readonly OutgoingMessage[],
  lossy = false,
): Promise<SendOutcome[]> {
  const publisher = await queue.publisher?.({ expected: null, lossy, notice: () => {}, signal: never });
  if (publisher === undefined) throw new Error('no publisher');
  try {
    return await Promise.all(messages.map((message) => publisher.send(message)));
  } finally {
    await publisher.close();
  }
}

/** Puts messages there; all of them, or it throws. */
export async function fill(queue: Queue, messages: readonly OutgoingMessage[]): Promise<void> {
  const failed = (await sendAll(queue, messages)).filter(({ status }) => status !== 'sent');
  if (failed.length > 0) throw new Error(`${failed.length} of ${messages.length}: ${JSON.stringify(failed[0])}`);
}

export async function consume(queue: Queue, options: Partial<ConsumeOptions> = {}): Promise<Consumer> {
  const consumer = await queue.consume?.({
    state: 'ready',
    limit: null,
    window: 500,
    follow: false,
    idleMs: null,
    notice: () => {},
    signal: never,
    ...options,
  });
  if (consumer === undefined) throw new Error('no consumer');
  return consumer;
}

/** Takes everything and acknowledges it. */
export async function takeAll(queue: Queue, options: Partial<ConsumeOptions> = {}): Promise<Message[]> {
  const consumer = await consume(queue, options);
  const messages: Message[] = [];
  const acks: Promise<void>[] = [];
  for await (const delivery of consumer) {
    messages.push(delivery.message);
    acks.push(delivery.receipt.ack());
  }
  await Promise.all(acks);
  await consumer.close();
  return messages;
}

export async function collect(consumer: Consumer): Promise<Delivery[]> {
  const deliveries: Delivery[] = [];
  for await (const delivery of consumer) {
    delivery.receipt.hold?.();
    deliveries.push(delivery);
  }
  return deliveries;
}

export async function peek(queue: Queue, options: Partial<PeekOptions> = {}): Promise<Peek> {
  const look = await queue.peek?.({
    state: 'ready',
    limit: 10,
    force: false,
    notice: () => {},
    signal: never,
    ...options,
  });
  if (look === undefined) throw new Error('no peek');
  return look;
}

export function bodies(messages: readonly Message[]): string[] {
  return messages.map(({ body }) => Buffer.from(body).toString());
}
