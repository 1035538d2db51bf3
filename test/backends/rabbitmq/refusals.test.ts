import { type ChannelModel, type ConfirmChannel, type ConsumeMessage, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAddress } from '../../../src/backends/rabbitmq/url.ts';
import { decodeTable } from '../../../src/backends/rabbitmq/wire/table.ts';
import { eventually } from '../../../src/conformance/bench.ts';
import type { JsonValue } from '../../../src/contract/message.ts';
import { CommandLine } from '../../support/command-line.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/** What the broker refuses, and what it would take without acting on it. */
let vhost: RabbitmqVhost;
let line: CommandLine;
let connection: ChannelModel;
let channel: ConfirmChannel;

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

const mq = (...args: string[]) => line.run([...args, '--url', vhost.mqUrl]);

test('a connection limit of the vhost is told as what it is, and is worth trying again', async () => {
  await using small = await rabbitmqVhost();
  await small.request('PUT', `/api/vhost-limits/${small.encodedName}/max-connections`, { value: 1 });
  await using held = await heldConnection(small.url);
  expect(held).toBeTruthy();
  const { code, stderr } = await line.run(['enqueue', 'q', 'x', '--url', small.mqUrl]);
  expect(stderr).toContain('connection limit (1) is reached');
  expect(code).toBe(5);
});

test('a limit of channels is told as what it is, too', async () => {
  const user = `few-channels-${vhost.name.slice(-12)}`;
  await vhost.request('PUT', `/api/users/${user}`, { password: 'p', tags: 'management' });
  const everything = { configure: '.*', write: '.*', read: '.*' };
  await vhost.request('PUT', `/api/permissions/${vhost.encodedName}/${user}`, everything);
  await vhost.request('PUT', `/api/user-limits/${user}/max-channels`, { value: 1 });
  for (const name of ['from', 'into']) await channel.assertQueue(name);
  const url = new URL(vhost.mqUrl);
  [url.username, url.password] = [user, 'p'];
  const { code, stderr } = await line.run(['move', 'from', 'into', '--yes', '--url', url.href]);
  expect(stderr).toContain('opens no more channels');
  expect(code).toBe(5);
  await vhost.request('DELETE', `/api/users/${user}`);
});

test('a queue that is exclusive to another connection is shown and sent to; only what the broker refuses is refused', async () => {
  const owner = await connect(vhost.url);
  const own = await owner.createChannel();
  await own.assertQueue('alone', { exclusive: true });
  await own.assertQueue('alone and short', { exclusive: true, maxLength: 5 });
  await channel.assertQueue('source');
  channel.sendToQueue('source', Buffer.from('moved'));
  await channel.waitForConfirms();
  expect(await mq('enqueue', 'alone', 'sent')).toMatchObject({ code: 0 });
  expect(await mq('move', 'source', 'alone', '--yes')).toMatchObject({ code: 0 });
  expect(await mq('enqueue', 'alone and short', 'x')).toMatchObject({ code: 1 });
  expect(await mq('peek', 'alone')).toMatchObject({ code: 1, stderr: expect.stringContaining('exclusive') });
  expect(await mq('create', 'alone', '--yes')).toMatchObject({ stderr: expect.stringContaining('already') });
  await eventually(async () => {
    for (const asked of [['stats', 'alone'], ['ls'], ['inspect', 'alone']]) {
      const [found] = [await line.json([...asked, '--url', vhost.mqUrl])].flat() as { queue: string }[];
      const stats = asked[0] === 'inspect' ? (found as unknown as { stats: unknown }).stats : found;
      expect(stats, asked.join(' ')).toMatchObject({ queue: 'alone', ready: 2, dead: 0 });
    }
  });
  for (const body of ['sent', 'moved']) {
    const got = await own.get('alone', { noAck: true });
    expect(got === false ? null : got.content.toString()).toBe(body);
  }
  // Without that API its figures are unknown, and it is there all the same.
  const blind = `${vhost.url}?management=http://127.0.0.1:1`;
  const [stats] = [await line.json(['stats', 'alone', '--url', blind])].flat() as { notes: unknown }[];
  expect(stats).toMatchObject({ ready: null, notes: { ready: expect.stringContaining('exclusive') } });
  await owner.close();
});

test.each([
  'amqp://a,b/',
  'amqp://u:hunter2@a:5672,b:5673/vhost',
  'amqp://u:hunter2@a;b',
  'amqp://u:hunter2@a:5672/,amqp://u:hunter2@b:5672/',
  'amqp://u:hunter2@a/v;amqps://u:hunter2@b/v',
  'amqp://u:hunter2@a amqp://u:hunter2@b',
])('a list of hosts is refused in plain words: %s', async (url) => {
  const ran = await line.run(['ls', '--url', url]);
  expect(ran.stderr).toContain('names several hosts');
  expect(ran.stderr).not.toContain('hunter2');
  expect(ran).toMatchObject({ code: 2 });
});

test('a comma in a password is no list', () => {
  expect(parseAddress('amqp://u:a,b;c@host/v,w')).toMatchObject({ host: 'host', password: 'a,b;c', vhost: 'v,w' });
});

test('half of a character is no name of a queue', async () => {
  for (const verb of ['stats', 'create', 'peek']) {
    const ran = await mq(verb, 'half\ud800');
    expect(ran.stderr).toContain('half of a character');
    expect(ran).toMatchObject({ code: 2 });
  }
});

test('a vhost that is not there is told in the words of the broker', async () => {
  const url = new URL(vhost.url);
  url.pathname = '/no-such-vhost';
  const { code, stderr } = await line.run(['enqueue', 'q', 'x', '--url', url.href]);
  expect(stderr).toContain('refused the vhost "no-such-vhost"');
  expect(code).toBe(2);
});

/**
 * Sends a marker and reads the queue from its start: "marker" if nothing was sent before. The count of a stream would
 * not show that. The broker writes it once in 5 s, and 1 for a stream whose counters are not set yet (osiris).
 */
async function firstBody(queue: string, from: { 'x-stream-offset'?: 'first' }): Promise<string | undefined> {
  channel.sendToQueue(queue, Buffer.from('marker'));
  await channel.waitForConfirms();
  const reader = await connection.createChannel();
  await reader.prefetch(1);
  const first = await new Promise<string | undefined>((resolve, reject) => {
    const take = (message: ConsumeMessage | null) => resolve(message?.content.toString());
    reader.consume(queue, take, { arguments: from }).catch(reject);
  });
  await reader.close();
  return first;
}

async function heldConnection(url: string) {
  const one = await connect(url);
  return { [Symbol.asyncDispose]: () => one.close() };
}

describe('a user who may write to an exchange that is not the default one', () => {
  let url: string;
  beforeAll(async () => {
    const name = `writer-${vhost.name.slice(-12)}`;
    await vhost.request('PUT', `/api/users/${name}`, { password: 'pw', tags: 'administrator' });
    const rights = { configure: '^$', write: '^own\\.', read: '.*' };
    await vhost.request('PUT', `/api/permissions/${vhost.encodedName}/${name}`, rights);
    await channel.assertQueue('own.q', { durable: true });
    const address = new URL(vhost.mqUrl);
    address.username = name;
    address.password = 'pw';
    url = address.href;
  });

  test('doctor says that no queue can be sent to', async () => {
    const { stdout } = await line.run(['doctor', '--url', url]);
    const sending = stdout.split('\n').find((text) => text.includes('may send')) ?? '';
    expect(sending).toMatch(/^WARN .*to no queue itself/);
  });

  test('a refusal while sending is exit 6', async () => {
    const { code, stderr } = await line.run(['enqueue', 'own.q', 'x', 'y', '--url', url]);
    expect(stderr).toContain('ACCESS_REFUSED');
    expect(code).toBe(6);
  });

  test.each(['move', 'copy', 'redrive'])('so is that of %s, where nothing was done', async (verb) => {
    await channel.assertQueue('own.source', { deadLetterExchange: '', deadLetterRoutingKey: 'own.dead' });
    await channel.assertQueue('own.dead');
    for (const queue of ['own.source', 'own.source']) channel.sendToQueue(queue, Buffer.from('x'));
    await channel.waitForConfirms();
    const got = await channel.get('own.source');
    if (got !== false) channel.nack(got, false, false);
    await expect.poll(async () => (await channel.checkQueue('own.dead')).messageCount).toBe(1);
    const to = verb === 'redrive' ? [] : ['own.q'];
    const { code, stdout } = await line.run([verb, 'own.source', ...to, '--yes', '-o', 'json', '--url', url]);
    expect(JSON.parse(stdout)).toMatchObject({ moved: 0, failed: 1, code: 'PERMISSION_DENIED' });
    expect(code).toBe(6);
    for (const queue of ['own.source', 'own.dead']) await channel.deleteQueue(queue);
  });
});

describe('what has no effect is refused, not stored and forgotten', () => {
  beforeAll(async () => {
    await channel.assertQueue('plain', { durable: true });
    await channel.assertQueue('three', { durable: true, arguments: { 'x-max-priority': 3 } });
  });

  test.each([
    [{ 'x-max-priority': 3 }, '--priority', '4', 'x-max-priority of the queue is 3'],
    [{ 'x-queue-type': 'stream' }, '--priority', '1', 'a priority'],
    [{ 'x-queue-type': 'stream' }, '--ttl', '1h', 'a time to live'],
  ])('queue of %j: %s %s', async (queueArguments, flag, value, reason) => {
    const queue = `refuses ${value}`;
    await channel.assertQueue(queue, { durable: true, arguments: queueArguments });
    await eventually(async () => expect((await mq('stats', queue)).code).toBe(0));
    const { code, stderr } = await mq('enqueue', queue, 'x', flag, value);
    expect(stderr).toContain(reason);
    expect(code).toBe(7);
    const from = 'x-queue-type' in queueArguments ? { 'x-stream-offset': 'first' as const } : {};
    expect(await firstBody(queue, from)).toBe('marker');
  });

  test('a priority that the queue stores and does not sort by is taken, and said so once', async () => {
    const { code, stderr } = await mq('enqueue', 'plain', 'x', 'y', '--priority', '1');
    expect(code).toBe(0);
    expect(stderr.match(/made without x-max-priority/g)).toHaveLength(1);
  });

  test('a priority in a quorum queue, which sorts by it from 4.0 on, is taken, and said so before', async () => {
    await channel.assertQueue('voted', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    const { code, stderr } = await mq('enqueue', 'voted', 'x', 'y', '--priority', '1');
    expect(code).toBe(0);
    const told = stderr.match(/has no priorities before RabbitMQ 4\.0/g) ?? [];
    expect(told).toHaveLength(Number(vhost.version.split('.')[0]) >= 4 ? 0 : 1);
  });

  test('what has one is taken', async () => {
    const { code, stderr } = await mq('enqueue', 'three', 'x', '--priority', '3', '--ttl', '1h');
    expect(code).toBe(0);
    expect(stderr).not.toContain('x-max-priority');
    expect((await mq('enqueue', 'plain', 'x', '--ttl', '1h')).code).toBe(0);
  });
});

test('headers nested deeper than anybody reads are told as bytes', () => {
  let value = Buffer.from([0x56]);
  for (let depth = 0; depth < 20_000; depth++) {
    const head = Buffer.from([0x41, 0, 0, 0, 0]);
    head.writeUInt32BE(value.length, 1);
    value = Buffer.concat([head, value]);
  }
  const name = Buffer.from('\x06nested\x06');
  const [entry] = decodeTable(Buffer.concat([name.subarray(0, 7), value]));
  let found: JsonValue | undefined = entry?.value;
  let depth = 0;
  for (; isList(found); depth++) found = found[0];
  expect(depth).toBeGreaterThan(30);
  expect(found).toEqual({ base64: expect.stringMatching(/^QQ/) });
  expect(entry?.raw).toHaveLength(7 + value.length);
});

function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

test('parameters of the official URI', () => {
  const { tuning } = parseAddress('amqp://h/?heartbeat=7&connection_timeout=5000&channel_max=9&auth_mechanism=plain');
  expect(tuning).toEqual({ heartbeatS: 7, connectTimeoutMs: 5_000, channelMax: 9 });
  expect(() => parseAddress('amqp://h/?heartbeat=soon')).toThrow(/heartbeat/);
  expect(() => parseAddress('amqp://h/?heartbeet=7')).toThrow(/parameter/);
});
