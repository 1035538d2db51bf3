import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Queue as BullQueue } from 'bullmq';
import { Cluster } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { freePort } from '../../support/free-port.ts';
import { outgoing } from '../../support/messages.ts';
import { startRedis, startRedisCluster } from '../../support/redis-server.ts';
import { startProcess } from '../../support/server-process.ts';
import { redisProgram } from '../../support/servers.ts';
import { after, consumeOptions, moveRequest, notice, open, peek, signal, text, url } from './lab.ts';

const program = await redisProgram();

/** The port of a server that is no Redis, and answers whoever connects with this and hangs up. */
async function answering(text: string): Promise<number> {
  const server = createServer((socket) => {
    // Whoever finds that out hangs up too, perhaps before having read all: an error of the socket then, which ends a test run if nobody listens.
    socket.on('error', () => {});
    socket.end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(async () => server.close());
  return (server.address() as AddressInfo).port;
}

it('TLS with an authority of its own, and without it the certificate is refused', async () => {
  const server = await startRedis(program, { tls: true });
  after(() => server.stop());
  const broker = await open(`?kind=list&ca=${server.certificates?.authority}`, server.url);
  expect(await (await broker.queue('q', signal)).stats(signal)).toMatchObject({ ready: 0 });
  await expect(open('', server.url)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('TLS'),
    retryable: false,
  });
  await expect(open('', server.url.replace('rediss:', 'redis:'))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    hint: 'is this a port for TLS? then use rediss://; otherwise see the log of the server',
  });
});

it('TLS where there is none is told from a server that is away, and from a missing authority', async () => {
  const hint = 'is this a port without TLS? then use redis://';
  // Redis waits for the rest of what it takes for a command.
  await expect(open('', url.replace('redis:', 'rediss:'), 300)).rejects.toMatchObject({ code: 'TIMEOUT', hint });
  const port = await answering('-ERR what?\r\n');
  await expect(open('', `rediss://127.0.0.1:${port}/0`)).rejects.toMatchObject({ code: 'UNAVAILABLE', hint });
});

it('another service on the port is told from a broken one', async () => {
  const web = await answering('HTTP/1.1 400 Bad Request\r\n\r\n');
  await expect(open('', `redis://127.0.0.1:${web}/0`)).rejects.toMatchObject({
    code: 'UNEXPECTED_RESPONSE',
    message: expect.stringContaining('does not speak the protocol of Redis'),
    hint: 'is it the port of another service?',
  });
});

it('a master found by Sentinel', async () => {
  const master = await startRedis(program);
  after(() => master.stop());
  const port = await freePort();
  const configuration = join(master.folder, 'sentinel.conf');
  await writeFile(
    configuration,
    `port ${port}\nbind 127.0.0.1\ndir ${master.folder}\nsentinel monitor orders 127.0.0.1 ${master.port} 1\n`,
  );
  const sentinel = startProcess(program, [configuration, '--sentinel'], master.folder);
  after(() => sentinel.stop({ keepFolder: true }));
  await expect
    .poll(
      () =>
        open('?sentinel=orders&kind=list', `redis://127.0.0.1:1,127.0.0.1:${port}/0`).then((broker) => broker.address),
      { timeout: 10_000 },
    )
    .toContain('sentinel=orders');
  const broker = await open('?sentinel=orders&kind=list', `redis://127.0.0.1:${port}/0`);
  const handle = await broker.queue('q', signal);
  const publisher = await handle.publisher?.({ expected: null, lossy: false, notice, signal });
  expect(await publisher?.send(outgoing())).toMatchObject({ status: 'sent' });
  expect((await peek(handle)).map(text)).toEqual(['hello']);
  await expect(open('?sentinel=unknown', `redis://127.0.0.1:${port}/0`)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

describe('a cluster of three masters', async () => {
  const cluster = await startRedisCluster(program);
  const nodes = cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port }));
  const client = new Cluster(nodes);
  afterAll(async () => {
    client.disconnect();
    await cluster.stop();
  });
  const url = `redis://${nodes.map(({ host, port }) => `${host}:${port}`).join(',')}/0`;

  it('lists the queues of every master, and each opens', async () => {
    const names = Array.from({ length: 9 }, (_, n) => `list-${n}`);
    for (const name of names) await client.lpush(name, 'a');
    const broker = await open('?cluster=true', url);
    const listed: string[] = [];
    for await (const stats of broker.queues(queuePattern(['list-*']), { notice, signal })) listed.push(stats.queue);
    expect(listed).toEqual(names);
    for (const name of names) expect((await peek(await broker.queue(name, signal))).map(text)).toEqual(['a']);
  });

  it('moves by script within a slot; between slots there is no native move, and the careful way works', async () => {
    await client.lpush('{a}:1', 'm1', 'm2');
    const broker = await open('?cluster=true&kind=list', url);
    const [source, near, far] = [
      await broker.queue('{a}:1', signal),
      await broker.queue('{a}:2', signal),
      await broker.queue('{b}:1', signal),
    ];
    const native = await source.nativeMove?.(moveRequest({ to: near }));
    expect(await native?.next({ upTo: 1 })).toMatchObject({ moved: 1 });
    expect(await source.nativeMove?.(moveRequest({ to: far }))).toBeNull();
    const publisher = await far.publisher?.({ expected: null, lossy: false, notice, signal });
    const consumer = await source.consume?.(consumeOptions());
    for await (const { message, receipt } of consumer ?? []) {
      expect(await publisher?.send(outgoing({ body: message.body }))).toMatchObject({ status: 'sent' });
      await receipt.ack();
    }
    await consumer?.close();
    expect([await peek(source), await peek(near), await peek(far)].map((messages) => messages.map(text))).toEqual([
      [],
      ['m1'],
      ['m2'],
    ]);
  });

  it('pauses a group of a stream whose saved id lives in the same slot', async () => {
    await client.xgroup('CREATE', 'plain-stream', 'g', '0', 'MKSTREAM');
    await client.xadd('plain-stream', '*', 'body', 'x');
    const handle = await (await open('?cluster=true', url)).queue('plain-stream', signal);
    await handle.pause?.({ reason: null, signal });
    expect(await handle.stats(signal)).toMatchObject({ state: 'paused', ready: 1 });
    await handle.resume?.({ signal });
    expect(await handle.stats(signal)).toMatchObject({ state: 'running', ready: 1 });
  });

  it('a BullMQ queue without a hash tag: one clear line that names the remedy', async () => {
    const tagged = new BullQueue('jobs', { connection: client, prefix: '{bull}' });
    after(() => tagged.close());
    await tagged.add('a', {});
    const broker = await open('?cluster=true&prefix={bull}', url);
    expect(await (await broker.queue('jobs', signal)).stats(signal)).toMatchObject({
      kind: 'bullmq',
      ready: 1,
      consumers: null,
    });
    await client.hset('bull:untagged:meta', 'version', 'bullmq:6.7.0');
    const publisher = await (await (await open('?cluster=true', url)).queue('untagged', signal)).publisher?.({
      expected: null,
      lossy: false,
      notice,
      signal,
    });
    expect(await publisher?.send(outgoing({ body: Buffer.from('{}') }))).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('slots'),
    });
  });

  it('a node asked as a single server says what is missing in the URL', async () => {
    const broker = await open('?kind=list', cluster.masters[0]?.url ?? '');
    const names = ['list-0', 'list-1', 'list-2', 'list-3'];
    const errors = await Promise.all(
      names.map(async (name) =>
        broker.queue(name, signal).then(
          () => null,
          (error: { hint?: string }) => error.hint,
        ),
      ),
    );
    expect(errors).toContain('add ?cluster=true to the URL');
  });
});
