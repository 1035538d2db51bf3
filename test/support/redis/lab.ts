import { Redis } from 'ioredis';
import { afterAll, afterEach, expect } from 'vitest';
import { backend } from '../../../src/backends/redis/index.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Message } from '../../../src/contract/message.ts';
import type { ConsumeOptions, NativeMoveRequest, PeekOptions, Queue } from '../../../src/contract/queue.ts';
import { redisProgram } from '../servers.ts';
import { monitorRedis } from './monitor.ts';
import { startRedis } from './server.ts';

/**
 * A server of this file alone, so that nobody else's commands are seen and global keys (`queues`, `dead`) are its own.
 */
const server = await startRedis(await redisProgram());
export const { url } = server;
export const connection = { host: '127.0.0.1', port: Number(new URL(url).port) };
export const client = new Redis(url);
const brokers: Broker[] = [];
const cleanups: (() => Promise<unknown>)[] = [];
export const signal = new AbortController().signal;
export const notice = (): void => undefined;

afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.close();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

/** Done after the test, last things first. */
export function after(cleanup: () => Promise<unknown>): void {
  cleanups.push(cleanup);
}

/** A name of this test alone; every key that has it in its name goes after the test. */
export function fresh(base = 'q'): string {
  const name = `${base}-${crypto.randomUUID().slice(0, 8)}`;
  after(async () => {
    const keys = await client.keys(`*${name}*`);
    if (keys.length > 0) await client.del(...keys);
  });
  return name;
}

export async function open(parameters = '', base = url, connectTimeoutMs = 5_000): Promise<Broker> {
  const broker = await backend.open(`${base}${parameters}`, {
    connectTimeoutMs,
    notice,
    signal: new AbortController().signal,
  });
  brokers.push(broker);
  return broker;
}

export async function queue(name: string, parameters = ''): Promise<Queue> {
  return (await open(parameters)).queue(name, signal);
}

export async function peek(queue: Queue, options: Partial<PeekOptions> = {}): Promise<Message[]> {
  const look = await queue.peek?.({ state: 'ready', limit: null, force: false, notice, signal, ...options });
  if (look === undefined) throw new Error('no peek');
  const messages: Message[] = [];
  for await (const message of look) messages.push(message);
  return messages;
}

export function consumeOptions(options: Partial<ConsumeOptions> = {}): ConsumeOptions {
  return { state: 'ready', limit: null, window: 'unbounded', follow: false, idleMs: null, notice, signal, ...options };
}

export function moveRequest(options: Partial<NativeMoveRequest> = {}): NativeMoveRequest {
  return {
    state: 'ready',
    to: 'origin',
    selective: false,
    limit: null,
    countReplay: false,
    notice,
    signal,
    ...options,
  };
}

export const text = ({ body }: Pick<Message, 'body'>): string => Buffer.from(body).toString();

/** What the server was told to do while `work` ran; the names of the commands, upper case. */
export async function commandsDuring(work: () => Promise<unknown>): Promise<readonly string[]> {
  const monitor = await monitorRedis(connection);
  try {
    await work();
    return (await monitor.seen()).map(([name]) => name);
  } finally {
    monitor.close();
  }
}

/** Commands of Redis that change nothing, by the server's own word. */
export async function expectReadOnly(commands: readonly string[]): Promise<void> {
  const names = [...new Set(commands)];
  expect(names).not.toEqual([]);
  const infos = (await client.call('COMMAND', 'INFO', ...names)) as ([string, number, string[]] | null)[];
  const writing = infos.flatMap((info) => (info?.[2].includes('write') === true ? [info[0]] : []));
  expect(writing).toEqual([]);
  expect(names).not.toContain('EVAL');
}
