import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { CommandLine } from '../../support/command-line.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/**
 * A management API that keeps some lists to itself, as one behind a proxy does: each verb does what it can, and says
 * what it does not know.
 */
let vhost: RabbitmqVhost;
let connection: ChannelModel;
let channel: ConfirmChannel;
let line: CommandLine;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  line = await CommandLine.open();
  connection = await connect(vhost.url);
  channel = await connection.createConfirmChannel();
});

afterAll(async () => {
  await connection.close();
  await line.close();
  await vhost.remove();
});

/** Passes on what is not one of these; `403` refuses them, `404` knows none, null never answers. */
async function keeping(paths: RegExp, status: 403 | 404 | null) {
  const { hostname, port } = new URL(vhost.managementUrl);
  const proxy = createServer((asked, answer) => {
    if (paths.test(asked.url ?? '')) {
      if (status !== null) answer.writeHead(status).end('{"error":"not_authorised","reason":"no"}');
      return;
    }
    const passed = request({ host: hostname, port, path: asked.url, headers: asked.headers }, (found) => {
      answer.writeHead(found.statusCode ?? 500, found.headers);
      found.pipe(answer);
    });
    passed.on('error', () => answer.destroy());
    passed.end();
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const url = new URL(vhost.mqUrl);
  const management = new URL(vhost.managementUrl);
  management.port = String((proxy.address() as AddressInfo).port);
  url.searchParams.set('management', management.href);
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      proxy.close();
      await once(proxy, 'close');
    },
  };
}

const ways = [
  ['bindings refused', /\/bindings/, 403],
  ['exchanges refused', /^\/api\/exchanges/, 403],
  ['bindings that are not there', /\/bindings/, 404],
  ['silence about bindings', /\/bindings/, null],
] as const;

let work: string;
let dead: string;
let plain: string;
let serial = 0;
beforeEach(async () => {
  serial += 1;
  [work, dead, plain] = [`work-${serial}`, `dead-${serial}`, `plain-${serial}`];
  await channel.assertExchange('failed', 'direct', { durable: true });
  await channel.assertQueue(dead, { durable: true });
  await channel.bindQueue(dead, 'failed', work);
  await channel.assertQueue(work, {
    durable: true,
    arguments: { 'x-dead-letter-exchange': 'failed', 'x-dead-letter-routing-key': work },
  });
  await channel.assertQueue(plain, { durable: true });
  for (const queue of [work, plain]) channel.sendToQueue(queue, Buffer.from('one'), { persistent: true });
  await channel.waitForConfirms();
  const got = await channel.get(work);
  if (got === false) throw new Error('nothing there');
  channel.nack(got, false, false);
  await expect.poll(() => ready(dead)).toBe(1);
});

const ready = async (queue: string): Promise<number> => (await channel.checkQueue(queue)).messageCount;

describe.each(ways)('%s', (_name, paths, status) => {
  const timeout = ['--timeout', '3s'];

  test('stats and ls give every other figure', async () => {
    await using kept = await keeping(paths, status);
    for (const asked of [
      ['stats', work],
      ['stats', `*-${serial}`],
      ['ls', `*-${serial}`],
    ]) {
      const rows = [await line.json([...asked, '--url', kept.url, ...timeout])].flat() as readonly QueueStats[];
      const row = rows.find(({ queue }) => queue === work);
      expect(row, asked.join(' ')).toMatchObject({ ready: 0, dead: null });
      expect(row?.notes.dead).toContain('cannot be read');
    }
  });

  test('redrive of the queue that lost them says what is unknown; of the dead-letter queue, it goes by the messages', async () => {
    await using kept = await keeping(paths, status);
    const refused = await line.run(['redrive', work, '--yes', '--url', kept.url, ...timeout]);
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stderr).toContain('cannot be read');
    expect(await ready(dead)).toBe(1);
    const ran = await line.run(['redrive', dead, '--yes', '--url', kept.url, ...timeout]);
    expect(ran).toMatchObject({ code: 0 });
    expect(ran.stderr).toContain('cannot be read');
    await expect.poll(() => ready(work)).toBe(1);
    expect(await ready(dead)).toBe(0);
  });

  test.each(['purge', 'drain'])(
    '%s --dead takes nothing where nobody knows whether dead letters are there',
    async (verb) => {
      await using kept = await keeping(paths, status);
      for (const queue of [plain, work]) {
        const refused = await line.run([verb, queue, '--dead', '--yes', '--url', kept.url, ...timeout]);
        expect(refused, refused.stderr).toMatchObject({ code: 1 });
      }
      expect(await ready(plain)).toBe(1);
    },
  );
});

test('without the list of all queues, what one queue says of itself is used', async () => {
  // In the first seconds only the list tells that a queue has no policy.
  for (const queue of [work, dead])
    await expect
      .poll(() => vhost.request('GET', `/api/queues/${vhost.encodedName}/${queue}`), { timeout: 15_000 })
      .toHaveProperty('effective_policy_definition');
  await using kept = await keeping(/^\/api\/queues\/[^/]*\?/, 403);
  const [stats] = (await line.json(['stats', work, '--url', kept.url])) as readonly QueueStats[];
  expect(stats).toMatchObject({ ready: 0, dead: 1 });
  // Where its dead letters go, and that they are its own, is known without the other queues.
  expect(await line.run(['redrive', work, '--yes', '--url', kept.url])).toMatchObject({ code: 0 });
  await expect.poll(() => ready(work)).toBe(1);
  const again = await channel.get(work);
  if (again === false) throw new Error('nothing there');
  channel.nack(again, false, false);
  await expect.poll(() => ready(dead)).toBe(1);
  const ran = await line.run(['redrive', dead, '--yes', '--url', kept.url]);
  expect(ran, ran.stderr).toMatchObject({ code: 0 });
  await expect.poll(() => ready(work)).toBe(1);
});

test.each(['refused', 'up to some seconds old'])(
  'a queue that is worked on is no dead-letter queue, though the list of consumers is %s',
  async (fate) => {
    await using kept = await keeping(fate === 'refused' ? /^\/api\/consumers/ : /^\/$/, 403);
    const worker = await connection.createChannel();
    await worker.prefetch(1);
    const held = Promise.withResolvers<void>();
    await worker.consume(dead, () => held.resolve());
    await held.promise;
    channel.sendToQueue(dead, Buffer.from('fresh'), { persistent: true });
    channel.sendToQueue(work, Buffer.from('two'), { persistent: true });
    await channel.waitForConfirms();
    const got = await channel.get(work);
    if (got === false) throw new Error('nothing there');
    channel.nack(got, false, false);
    await expect.poll(() => ready(dead)).toBe(2);
    const stats = await line.json(['ls', `*-${serial}`, '--url', kept.url]);
    expect([stats].flat()).toContainEqual(expect.objectContaining({ queue: work, dead: null }));
    const ran = await line.run(['purge', work, '--dead', '--yes', '--url', kept.url]);
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    const left = await channel.get(dead, { noAck: true });
    expect(left === false ? null : left.content.toString()).toBe('fresh');
    await worker.close();
  },
);
