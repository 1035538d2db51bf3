import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Queue as BullQueue } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { redisError } from '../../../src/backends/redis/errors.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { freePort } from '../../support/free-port.ts';
import { after, consumeOptions, moveRequest, notice, open, peek, signal, text, url } from '../../support/redis/lab.ts';
import { startRedis, startRedisCluster } from '../../support/redis/server.ts';
import { startProcess } from '../../support/server-process.ts';
import { redisProgram } from '../../support/servers.ts';

const program = await redisProgram();

/** The port of a server that is no Redis, and answers whoever connects with this and hangs up. */
async function answering(text: string): Promise<number> {
  const server = createServer((socket) => {
    // Whoever finds that out hangs up too, perhaps before having read all: an error of the socket then, which ends a
    // test run if nobody listens.
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

it.each([
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'for another host name'],
  ['CERT_HAS_EXPIRED', 'has expired'],
  ['SELF_SIGNED_CERT_IN_CHAIN', '?ca=FILE'],
])('the advice for a certificate is the one for its fault: %s', (code, hint) => {
  const error = redisError(Object.assign(new Error('refused'), { code }), { operation: 'connect' });
  expect(error.hint).toContain(hint);
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

  it('a node asked as a single server is known for a node of a cluster: no third of the keys', async () => {
    const names = Array.from({ length: 9 }, (_, n) => `alone-${n}`);
    for (const name of names) await client.lpush(name, 'a');
    const broker = await open('', cluster.masters[0]?.url ?? '');
    const listed: string[] = [];
    for await (const stats of broker.queues(queuePattern(['alone-*']), { notice, signal })) listed.push(stats.queue);
    expect(listed).toEqual(names);
    for (const name of names) expect((await peek(await broker.queue(name, signal))).map(text)).toEqual(['a']);
  });

  it('so it is for a user who may not say HELLO, and told by INFO', async () => {
    for (const { port } of nodes) {
      const node = new Redis(port, '127.0.0.1');
      await node.call('ACL', 'SETUSER', 'noh', 'reset', 'on', '>pw', '~*', '+@all', '-hello');
      node.disconnect();
    }
    const broker = await open('', (cluster.masters[1]?.url ?? '').replace('redis://', 'redis://noh:pw@'));
    const listed: string[] = [];
    for await (const stats of broker.queues(queuePattern(['alone-*']), { notice, signal })) listed.push(stats.queue);
    expect(listed).toHaveLength(9);
  });
});

/** Speaks as much as it takes to be taken for a node of a cluster whose master is at this address. */
async function clusterAt(host: string | null, port: number): Promise<string> {
  const bulk = (word: string | null): string => (word === null ? '$-1\r\n' : `$${word.length}\r\n${word}\r\n`);
  const slots = `*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n${bulk(host)}:${port}\r\n${bulk('0123456789')}`;
  const mode = `*2\r\n${bulk('mode')}${bulk('cluster')}`;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      for (const call of bytes
        .toString()
        .toLowerCase()
        .split(/(?=\*\d+\r\n\$)/)) {
        socket.write(call.includes('slots') ? slots : call.includes('hello') ? mode : '+OK\r\n');
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(async () => server.close());
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}/0`;
}

describe('nodes of a cluster that cannot be reached', () => {
  it.each(['?cluster=true', ''])('names the addresses that the cluster gave: %s', async (parameters) => {
    const address = await clusterAt('127.0.0.1', 1);
    await expect(open(parameters, address)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('127.0.0.1:1'),
    });
  });

  it('an address that lets nobody in and refuses nobody ends with the time for a connection', async () => {
    // Of the documentation range (RFC 5737): packets to it go nowhere.
    const address = await clusterAt('192.0.2.1', 6379);
    const startedAt = Date.now();
    await expect(open('?cluster=true', address, 1_500)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('192.0.2.1:6379'),
    });
    expect(Date.now() - startedAt).toBeLessThan(3_500);
  });

  it.each(['?cluster=true&kind=list', '?kind=list'])(
    'a node that names no host is at the host that was asked: %s',
    async (parameters) => {
      const busPort = await freePort();
      const node = await startRedis(program, {
        settings: { 'cluster-enabled': 'yes', 'cluster-port': String(busPort) },
      });
      const direct = new Redis(node.url);
      after(async () => {
        direct.disconnect();
        await node.stop();
      });
      await direct.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
      await expect.poll(async () => String(await direct.call('CLUSTER', 'INFO'))).toContain('cluster_state:ok');
      const handle = await (await open(parameters, node.url)).queue('q1', signal);
      const publisher = await handle.publisher?.({ expected: null, lossy: false, notice, signal });
      expect(await publisher?.send(outgoing())).toMatchObject({ status: 'sent' });
      expect(await direct.llen('q1')).toBe(1);
    },
  );
});
