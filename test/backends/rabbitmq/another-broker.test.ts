import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect as connectSocket, createServer as createSocketServer } from 'node:net';
import { connect } from 'amqplib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { freePort } from '../../support/free-port.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/**
 * A management API that belongs to another broker than the one that was named is not believed: both tell the name of
 * their cluster.
 */
const signal = new AbortController().signal;
const notice = (): void => undefined;
const options = { connectTimeoutMs: 30_000, notice, signal };
const OTHER = 'rabbit@elsewhere';
let vhost: RabbitmqVhost;
let other: Server;
let otherUrl: string;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  const connection = await connect(vhost.url);
  const channel = await connection.createChannel();
  await channel.assertQueue('jobs', { durable: true });
  await connection.close();
  // The real API, but for the name.
  other = createServer(async (request, response) => {
    const answer = await fetch(new URL(request.url ?? '/', new URL(vhost.managementUrl).origin), {
      headers: { authorization: request.headers.authorization ?? '' },
    });
    const text = (await answer.text()).replace(/("cluster_name"|^\{"name"):"[^"]*"/, `$1:${JSON.stringify(OTHER)}`);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
  });
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const user = new URL(vhost.managementUrl);
  otherUrl = `http://${user.username}:${user.password}@127.0.0.1:${(other.address() as AddressInfo).port}`;
});

afterAll(async () => {
  other.closeAllConnections();
  await new Promise((resolve) => other.close(resolve));
  await vhost.remove();
});

async function withBroker<Result>(url: string, work: (broker: Broker) => Promise<Result>): Promise<Result> {
  const broker = await backend.open(url, options);
  try {
    return await work(broker);
  } finally {
    await broker.close();
  }
}

async function listed(broker: Broker): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { queue } of broker.queues(queuePattern(['*']), { notice, signal })) names.push(queue);
  return names;
}

test('the API of another broker, which the operator named: refused with both names, by every question', async () => {
  await withBroker(`${vhost.url}?management=${encodeURIComponent(otherUrl)}`, async (broker) => {
    const refusal = {
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/cluster "rabbit@elsewhere", and AMQP leads to the cluster "mq-test-.*"/),
    };
    await expect(listed(broker)).rejects.toMatchObject(refusal);
    await expect(broker.queue('jobs', signal)).rejects.toMatchObject(refusal);
    const checks = [];
    for await (const check of broker.checks?.(signal, null) ?? []) checks.push(check);
    expect(checks).toContainEqual(expect.objectContaining({ name: 'management API', status: 'failed' }));
  });
});

test('the API of another broker, which only has the usual port: as good as none, and said so', async () => {
  // An address of this machine of its own, where the usual port is free whatever else runs here.
  const host = '127.0.0.15';
  const target = new URL(vhost.url);
  const { hostname, port } = target;
  const relay = createSocketServer((socket) => {
    const there = connectSocket(Number(port), hostname);
    for (const one of [socket, there]) one.on('error', () => undefined);
    socket.pipe(there).pipe(socket);
  });
  const usual = createServer((request, response) => other.emit('request', request, response));
  await new Promise<void>((resolve) => relay.listen(0, host, resolve));
  await new Promise<void>((resolve) => usual.listen(15_672, host, resolve));
  target.hostname = host;
  target.port = String((relay.address() as AddressInfo).port);
  try {
    await withBroker(target.href, async (broker) => {
      await expect(listed(broker)).rejects.toMatchObject({
        code: 'UNAVAILABLE',
        message: expect.stringContaining(OTHER),
      });
      const stats = await (await broker.queue('jobs', signal)).stats(signal);
      expect(stats).toMatchObject({ ready: 0, dead: null, inFlight: null });
      expect(stats.notes.inFlight).toContain(OTHER);
    });
  } finally {
    usual.closeAllConnections();
    usual.close();
    relay.close();
  }
});

test('the right one is asked, and told apart once only', async () => {
  await withBroker(vhost.mqUrl, async (broker) => {
    expect(await listed(broker)).toContain('jobs');
    expect((await (await broker.queue('jobs', signal)).stats(signal)).dead).toBe(0);
  });
});

test('no broker at the address, but an API beside it: unavailable, and no queues of it', async () => {
  const port = await freePort();
  const url = new URL(vhost.mqUrl);
  url.port = String(port);
  await withBroker(url.href, async (broker) => {
    await expect(listed(broker)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(broker.queue('jobs', signal)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

test('something else at the address, which is not AMQP: the same', async () => {
  const silent = createSocketServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const url = new URL(vhost.mqUrl);
  url.port = String((silent.address() as AddressInfo).port);
  try {
    await withBroker(url.href, (broker) => expect(listed(broker)).rejects.toMatchObject({ code: expect.any(String) }));
  } finally {
    silent.close();
  }
});
