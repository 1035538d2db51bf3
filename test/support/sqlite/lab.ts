import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { backend } from '../../../src/backends/sqlite/index.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Delivery, Message, MessageState, OutgoingMessage, SendOutcome } from '../../../src/contract/message.ts';
import type { ConsumeOptions, Consumer, Queue } from '../../../src/contract/queue.ts';

export const signal = new AbortController().signal;
export const notice = (): void => {};

/** A folder of its own, removed when the test is over. */
export function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'mq-sqlite-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export function newPath(): string {
  return join(folder(), 'queues.db');
}

/** Opened, and closed when the test is over. */
export async function openBroker(path: string): Promise<Broker> {
  const broker = await backend.open(`sqlite:${path}`, { connectTimeoutMs: 5000, notice, signal });
  onTestFinished(() => broker.close());
  return broker;
}

export interface QueueSettings {
  readonly maxReceives?: number;
  readonly leaseMs?: number;
}

export async function createQueue(broker: Broker, name: string, settings: QueueSettings = {}): Promise<Queue> {
  await required(broker.create?.bind(broker))(name, {
    kind: null,
    deadLetterQueue: null,
    maxReceives: settings.maxReceives ?? null,
    settings: settings.leaseMs === undefined ? {} : { leaseMs: settings.leaseMs },
    signal,
  });
  return broker.queue(name, signal);
}

export async function newQueue(settings: QueueSettings = {}, path: string = newPath()): Promise<Queue> {
  return createQueue(await openBroker(path), 'q', settings);
}

export function required<T>(value: T | undefined | null): T {
  if (value === undefined || value === null) throw new Error('expected it to be there');
  return value;
}

export async function send(queue: Queue, ...messages: readonly Partial<OutgoingMessage>[]): Promise<SendOutcome[]> {
  const publisher = await required(queue.publisher?.bind(queue))({ expected: null, lossy: false, notice, signal });
  const outcomes = await Promise.all(messages.map((message) => publisher.send(outgoing(message))));
  await publisher.close();
  return outcomes;
}

export async function sendBodies(queue: Queue, count: number, prefix = ''): Promise<void> {
  const outcomes = await send(
    queue,
    ...Array.from({ length: count }, (_, i) => ({ body: Buffer.from(`${prefix}${i}`) })),
  );
  if (outcomes.some((outcome) => outcome.status !== 'sent')) throw new Error('not all messages were sent');
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function text(message: Message): string {
  return Buffer.from(message.body).toString();
}

export async function consumer(queue: Queue, options: Partial<ConsumeOptions> = {}): Promise<Consumer> {
  return required(queue.consume?.bind(queue))({
    state: 'ready',
    limit: null,
    window: 100,
    follow: false,
    idleMs: null,
    notice,
    signal,
    ...options,
  });
}

/** Takes deliveries until there are no more, and does something with each. The bodies, in the order of delivery. */
export async function consume(
  queue: Queue,
  settle: (delivery: Delivery) => Promise<void>,
  options: Partial<ConsumeOptions> = {},
): Promise<string[]> {
  const taker = await consumer(queue, options);
  const bodies: string[] = [];
  try {
    for await (const delivery of taker) {
      bodies.push(text(delivery.message));
      await settle(delivery);
    }
  } finally {
    await taker.close();
  }
  return bodies;
}

export const ack = (delivery: Delivery): Promise<void> => delivery.receipt.ack();

export async function peek(
  queue: Queue,
  state: MessageState = 'ready',
  limit: number | null = null,
): Promise<Message[]> {
  const look = await required(queue.peek?.bind(queue))({ state, limit, force: false, notice, signal });
  return collect(look);
}

export async function bodies(queue: Queue, state: MessageState = 'ready'): Promise<string[]> {
  return (await peek(queue, state)).map(text);
}

/** ready, in-flight, delayed, dead. */
export async function counts(
  queue: Queue,
): Promise<readonly [number | null, number | null, number | null, number | null]> {
  const { ready, inFlight, delayed, dead } = await queue.stats(signal);
  return [ready, inFlight ?? null, delayed ?? null, dead ?? null];
}

/** Waits until the clock has reached an instant: for what the product itself bounds by time. */
export async function until(at: number): Promise<void> {
  while (Date.now() <= at) await new Promise((resolve) => setTimeout(resolve, at - Date.now() + 1));
}
