import { once } from 'node:events';
import { createServer } from 'node:net';
import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { afterEach, expect, it } from 'vitest';
import { backend } from '../../../src/backends/redis/index.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import { MqError } from '../../../src/contract/errors.ts';
import { NO_HOST } from '../../support/no-host.ts';
import {
  client,
  consumeOptions,
  fresh,
  notice,
  open,
  peek,
  queue,
  signal,
  text,
  url,
} from '../../support/redis/lab.ts';
import { type RedisServer, startRedis } from '../../support/redis/server.ts';
import { redisProgram } from '../../support/servers.ts';

const PASSWORD = 'hunter2-p@ss/word';
const servers: RedisServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function server(settings: Readonly<Record<string, string | readonly string[]>>): Promise<RedisServer> {
  const started = await startRedis(await redisProgram(), { settings });
  servers.push(started);
  return started;
}

/** The error that `work` ends with: of ours, and without the password in any part that a debugger could print. */
async function failure(work: () => Promise<unknown>): Promise<MqError> {
  const error = await work().then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof MqError)) throw error;
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('hunter2');
  expect(error.message.split('\n')).toHaveLength(1);
  return error;
}

function withLogin(plain: string, user: string, password: string): string {
  return plain.replace('redis://', `redis://${user}:${encodeURIComponent(password)}@`);
}

it('no password, a wrong one, a user who may not', async () => {
  const { url: locked } = await server({
    requirepass: PASSWORD,
    user: ['reader on >hunter2-reader ~allowed* +@read +ping +client'],
  });
  expect(await failure(() => open('', locked))).toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(await failure(() => open('', withLogin(locked, 'default', 'hunter2-wrong')))).toMatchObject({
    code: 'UNAUTHENTICATED',
  });
  const master = await open('?kind=list', withLogin(locked, 'default', PASSWORD));
  expect(master.address).not.toContain('hunter2');
  const publisher = await (await master.queue('allowed', signal)).publisher?.({
    expected: null,
    lossy: false,
    notice,
    signal,
  });
  expect(await publisher?.send(outgoing())).toMatchObject({ status: 'sent' });
  const reader = await open('?kind=list&next=right', withLogin(locked, 'reader', 'hunter2-reader'));
  expect(await failure(async () => (await reader.queue('forbidden', signal)).stats(signal))).toMatchObject({
    code: 'PERMISSION_DENIED',
  });
  const denied = await (await reader.queue('allowed', signal)).publisher?.({
    expected: null,
    lossy: false,
    notice,
    signal,
  });
  expect(await denied?.send(outgoing())).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('may not'),
  });
  expect((await peek(await reader.queue('allowed', signal))).map(text)).toEqual(['hello']);
});

it('a replica that only reads, and a server without memory', async () => {
  const replica = await server({});
  const direct = new Redis(replica.url);
  await direct.call('REPLICAOF', '127.0.0.1', '1');
  direct.disconnect();
  const publisher = await (await (await open('?kind=list', replica.url)).queue('q', signal)).publisher?.({
    expected: null,
    lossy: false,
    notice,
    signal,
  });
  expect(await publisher?.send(outgoing())).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining('read-only replica'),
  });

  const small = await server({ maxmemory: '3mb', 'maxmemory-policy': 'noeviction' });
  const full = await (await (await open('?kind=list', small.url)).queue('q', signal)).publisher?.({
    expected: null,
    lossy: false,
    notice,
    signal,
  });
  const outcomes = await Promise.all(
    Array.from({ length: 40 }, () => full?.send(outgoing({ body: Buffer.alloc(200_000) }))),
  );
  expect(outcomes.some((outcome) => outcome?.status === 'failed' && outcome.reason.includes('out of memory'))).toBe(
    true,
  );
  const stored = (await (await open('?kind=list', small.url)).queue('q', signal)).stats(signal);
  expect((await stored).ready).toBe(outcomes.filter((outcome) => outcome?.status === 'sent').length);
});

it('a server that is still loading', async () => {
  const slow = await server({
    appendonly: 'yes',
    'key-load-delay': '1000',
    'loading-process-events-interval-bytes': '1024',
  });
  const direct = new Redis(slow.url);
  const filling = direct.pipeline();
  for (let n = 0; n < 3000; n += 1) filling.set(`k${n}`, 'x'.repeat(100));
  await filling.exec();
  await direct.call('BGREWRITEAOF');
  direct.disconnect();
  await slow.restart();
  // Open may already say so; what it must not do is hang or blame something else.
  expect(await failure(async () => (await open('?kind=list', slow.url)).queue('q', signal))).toMatchObject({
    code: 'UNAVAILABLE',
    retryable: true,
  });
});

it('a key of another type', async () => {
  const name = fresh('wrong');
  await client.set(name, 'text');
  expect(await failure(() => queue(name))).toMatchObject({
    code: 'PRECONDITION_FAILED',
    message: expect.stringContaining('string'),
  });
  await client.set(`bull:${name}:wait`, 'not a list');
  await client.hset(`bull:${name}:meta`, 'version', 'bullmq:6.7.0');
  expect(await failure(async () => (await queue(name)).stats(signal))).toMatchObject({ code: 'PRECONDITION_FAILED' });
});

it('a broken job is shown, and one without data is said', async () => {
  const name = fresh('broken');
  await client.hset(`bull:${name}:meta`, 'version', 'bullmq:6.7.0');
  await client.lpush(`bull:${name}:wait`, '1', '2', '3');
  await client.hset(`bull:${name}:1`, 'name', 'odd', 'data', '{not json', 'opts', 'neither', 'timestamp', 'never');
  await client.set(`bull:${name}:3`, 'no hash');
  await client.del(`bull:${name}:3`);
  const notices: string[] = [];
  const shown = await peek(await queue(name), { notice: (text) => notices.push(text) });
  expect(shown.map(({ id, enqueuedAt }) => [id, enqueuedAt])).toEqual([['1', null]]);
  expect(text(shown[0] ?? outgoing())).toBe('{not json');
  expect(notices.join()).toContain('2 jobs are listed');
});

it('nobody there, an unknown host, a server that says nothing, a server that dies', async () => {
  expect(await failure(() => open('', 'redis://127.0.0.1:1'))).toMatchObject({ code: 'UNAVAILABLE' });
  expect(await failure(() => open('', `redis://${NO_HOST}:6379`))).toMatchObject({ code: 'UNAVAILABLE' });
  const silent = createServer(() => {});
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const address = silent.address();
  const port = typeof address === 'object' ? address?.port : null;
  const opening = backend.open(`redis://u:hunter2@127.0.0.1:${port}`, { connectTimeoutMs: 300, notice, signal });
  expect(await failure(() => opening)).toMatchObject({ code: 'TIMEOUT' });
  silent.close();
  const mortal = await server({});
  const broker = await open('?kind=list', mortal.url);
  const handle = await broker.queue('q', signal);
  const publisher = await handle.publisher?.({ expected: null, lossy: false, notice, signal });
  await publisher?.send(outgoing());
  await mortal.kill();
  expect(['failed', 'unknown']).toContain((await publisher?.send(outgoing()))?.status);
  expect(await failure(() => handle.stats(signal))).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  await mortal.restart();
  // The next call connects again: a live view outlives a restart.
  expect((await handle.stats(signal)).ready).toBe(0);
});

it('a URL that is wrong', async () => {
  const bad = (text: string) => failure(() => backend.open(text, { connectTimeoutMs: 1000, notice, signal }));
  for (const text of [
    'redis://u:hunter2@host:port/0',
    'redis://u:hunter2@host/x',
    'redis://u:hunter2@h/0?kynd=list',
    'redis://u:hunter2@h/0?kind=lists',
    'redis://u:hunter2@h1,h2/0',
    'redis://u:hunter2@h/1?cluster=true',
    'redis://u:hunter2%zz@h/0',
    'redis://u:hunter2@h/0?deadIdle=30',
    'rediss://u:hunter2@h/0?ca=/no/such/file',
  ]) {
    expect(await bad(text), text).toMatchObject({ code: 'CONFIG_INVALID' });
  }
  expect(url).toContain('127.0.0.1');
});

it('taking breaks off when the server dies, and what was not acknowledged is still there', async () => {
  const mortal = await server({ appendonly: 'yes', appendfsync: 'always' });
  const broker = await open('?kind=list', mortal.url);
  const handle = await broker.queue('q', signal);
  const publisher = await handle.publisher?.({ expected: null, lossy: false, notice, signal });
  await Promise.all(
    Array.from({ length: 1200 }, (_, n) => publisher?.send(outgoing({ body: Buffer.from(String(n)) }))),
  );
  const consumer = await handle.consume?.(consumeOptions());
  let acked = 0;
  let doubtful = 0;
  const taking = async () => {
    for await (const { receipt } of consumer ?? []) {
      if (acked === 100) await mortal.kill();
      await receipt.ack().then(
        () => (acked += 1),
        () => (doubtful += 1),
      );
    }
  };
  await expect(taking()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await consumer?.close();
  await mortal.restart();
  // It takes connections before it has read its file; this client waits for that.
  const direct = new Redis(mortal.url);
  await direct.ping();
  direct.disconnect();
  const left = (await (await (await open('?kind=list', mortal.url)).queue('q', signal)).stats(signal)).ready ?? 0;
  expect(acked).toBe(100);
  expect(left).toBeLessThanOrEqual(1100);
  expect(left).toBeGreaterThanOrEqual(1100 - doubtful);
});
