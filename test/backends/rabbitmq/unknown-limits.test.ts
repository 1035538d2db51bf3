import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { NO_HOST } from '../../support/no-host.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/**
 * What cannot be read is not taken for "none": the act is refused, with the flag that overrides; and what AMQP alone
 * can tell is used.
 */
const signal = new AbortController().signal;
const notices: string[] = [];
const notice = (text: string) => void notices.push(text);
const options = { connectTimeoutMs: 10_000, notice, signal };
let vhost: RabbitmqVhost;
let connection: ChannelModel;
let channel: ConfirmChannel;
/** Brokers as `mq` sees them: with the management API, without it, and with a user whom it refuses. */
const brokers = new Map<string, Broker>();

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  connection = await connect(vhost.url);
  channel = await connection.createConfirmChannel();
  await vhost.request('PUT', '/api/users/untagged', { password: 'p', tags: '' });
  const rights = { configure: '.*', write: '.*', read: '.*' };
  await vhost.request('PUT', `/api/permissions/${vhost.encodedName}/untagged`, rights);
  await vhost.request('PUT', '/api/users/bare', { password: 'p', tags: '' });
  await vhost.request('PUT', `/api/permissions/${vhost.encodedName}/bare`, { ...rights, configure: '' });
  const as = (user: string): string => {
    const url = new URL(vhost.mqUrl);
    url.username = user;
    url.password = 'p';
    const management = new URL(vhost.managementUrl);
    url.search = `?management=${encodeURIComponent(management.origin)}`;
    return url.href;
  };
  const urls = {
    told: vhost.mqUrl,
    'no management API': `${vhost.url}?management=http://${NO_HOST}:15672`,
    'a user without a tag': as('untagged'),
    'a user who may not configure': as('bare'),
  };
  for (const [name, url] of Object.entries(urls)) brokers.set(name, await backend.open(url, options));
});

afterAll(async () => {
  await connection.close();
  for (const broker of brokers.values()) await broker.close();
  for (const user of ['untagged', 'bare']) await vhost.request('DELETE', `/api/users/${user}`);
  await vhost.remove();
});

let serial = 0;
async function made(args: Record<string, unknown>, extra: { readonly autoDelete?: boolean } = {}): Promise<string> {
  const name = `limits ${++serial}`;
  await channel.assertQueue(name, { durable: true, arguments: args, ...extra });
  return name;
}

async function filled(args: Record<string, unknown>, count: number): Promise<string> {
  const name = await made(args);
  for (let n = 0; n < count; n++) channel.sendToQueue(name, Buffer.from(String(n)), { persistent: true });
  await channel.waitForConfirms();
  await expect.poll(() => ready(name)).toBe(count);
  return name;
}

const ready = async (name: string): Promise<number> => (await channel.checkQueue(name)).messageCount;

async function seenBy(broker: string, name: string): Promise<Queue> {
  return (await brokers.get(broker)?.queue(name, signal)) ?? Promise.reject(new Error('no broker'));
}

async function send(queue: Queue, { lossy = false, expected = null as number | null, count = 1 } = {}) {
  const publisher = await queue.publisher?.({ expected, lossy, notice, signal });
  const outcomes = await Promise.all(Array.from({ length: count }, () => publisher?.send(outgoing())));
  await publisher?.close();
  return outcomes.map((outcome) => outcome?.status);
}

async function look(queue: Queue, force = false): Promise<number> {
  let seen = 0;
  for await (const _ of (await queue.peek?.({ state: 'ready', limit: 10, force, notice, signal })) ?? []) seen++;
  return seen;
}

const BLIND = ['no management API', 'a user without a tag', 'a user who may not configure'];

describe.each(BLIND)('%s', (broker) => {
  test('nothing is sent where nobody knows whether the oldest would be dropped', async () => {
    for (const args of [{}, { 'x-max-length': 2 }, { 'x-queue-type': 'quorum' }]) {
      const name = await made(args);
      await expect(send(await seenBy(broker, name))).rejects.toMatchObject({
        code: 'PRECONDITION_FAILED',
        message: expect.stringContaining('cannot be read'),
        hint: expect.stringContaining('--lossy'),
      });
      expect(await ready(name)).toBe(0);
      expect(await send(await seenBy(broker, name), { lossy: true })).toEqual(['sent']);
      expect(notices.at(-1)).toContain('cannot be read');
    }
  });

  test('messages of a quorum queue are not looked at, by any verb, unless it is forced', async () => {
    const name = await filled({ 'x-queue-type': 'quorum', 'x-delivery-limit': 1 }, 3);
    const queue = await seenBy(broker, name);
    const refusal = { code: 'PRECONDITION_FAILED', hint: expect.stringContaining('--force') };
    for (let n = 0; n < 3; n++) await expect(look(queue)).rejects.toMatchObject(refusal);
    for (const givesBack of ['some', 'all'] as const) {
      const asked = queue.priceOfLook?.({ state: 'ready', looks: 3, givesBack, force: false, signal });
      await expect(asked).rejects.toMatchObject(refusal);
    }
    const got = await channel.get(name);
    if (got === false) throw new Error('nothing there');
    expect(got.fields.redelivered).toBe(false);
    channel.ack(got);
    expect(await ready(name)).toBe(2);
  });

  test('a queue that deletes itself survives a look', async () => {
    const name = await made({}, { autoDelete: true });
    channel.sendToQueue(name, Buffer.from('x'));
    await channel.waitForConfirms();
    expect(await look(await seenBy(broker, name), true)).toBe(1);
    expect(await ready(name)).toBe(1);
    const take = { state: 'ready', limit: 1, window: 1, follow: false, idleMs: null, notice, signal } as const;
    const consumer = (await seenBy(broker, name)).consume?.(take) ?? Promise.resolve();
    await expect(consumer).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(await ready(name)).toBe(1);
  });
});

describe.each(BLIND.slice(0, 2))('%s, but the queue can be asked by AMQP', (broker) => {
  test('what refuses by its own argument loses nothing, and is sent to', async () => {
    const name = await made({ 'x-max-length': 2, 'x-overflow': 'reject-publish' });
    // A classic queue is told late that it is full: what went out before is counted.
    const statuses = [];
    for (let n = 0; n < 5; n++) statuses.push(...(await send(await seenBy(broker, name))));
    expect(statuses.filter((status) => status === 'sent')).toHaveLength(await ready(name));
    expect(statuses).toContain('failed');
  });

  test('a classic queue may be looked at: it counts no deliveries', async () => {
    const name = await filled({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'a b' }, 3);
    for (let n = 0; n < 3; n++) expect(await look(await seenBy(broker, name))).toBe(3);
    expect(await ready(name)).toBe(3);
  });
});

describe('a policy that is a moment old', () => {
  const policies = ['policies', 'operator-policies'] as const;

  async function policy(sort: (typeof policies)[number], pattern: string, definition: object): Promise<void> {
    const path = `/api/${sort}/${vhost.encodedName}/${encodeURIComponent(`${pattern} ${++serial}`)}`;
    await vhost.request('PUT', path, { pattern, definition, 'apply-to': 'queues', priority: serial });
  }

  test.each(policies)(
    '%s: a length limit is seen in a queue that was there before, and in one that is new',
    async (sort) => {
      const before = await made({});
      // The figures of the management API have said by now that the queue has no policy.
      await expect
        .poll(() => vhost.request('GET', `/api/queues/${vhost.encodedName}/${encodeURIComponent(before)}`))
        .toHaveProperty('effective_policy_definition');
      await policy(sort, `^(${before}|new ${sort})$`, { 'max-length': 2 });
      await channel.assertQueue(`new ${sort}`);
      for (const name of [before, `new ${sort}`]) {
        const queue = await seenBy('told', name);
        await expect(send(queue, { expected: 3 })).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
        // Nobody says how many: each is asked for its place.
        expect(await send(queue, { count: 4 })).toEqual(['sent', 'sent', 'failed', 'failed']);
        expect(await ready(name)).toBe(2);
      }
    },
  );

  test.each(policies)('%s: where messages do not stay at all, none is sent', async (sort) => {
    const name = await made({});
    await policy(sort, `^${name}$`, { 'message-ttl': 0 });
    await expect(send(await seenBy('told', name))).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: expect.stringContaining('its message TTL is 0'),
      hint: expect.stringContaining('--lossy'),
    });
    expect(await send(await seenBy('told', name), { lossy: true })).toEqual(['sent']);
  });

  test.each(policies)('%s: where messages stay for some time only, that is told', async (sort) => {
    const name = await made({ 'x-message-ttl': 90_000 });
    await policy(sort, `^${name}$`, { 'message-ttl': 60_000 });
    expect(await send(await seenBy('told', name))).toEqual(['sent']);
    expect(notices.at(-1)).toContain('at most 60000 ms');
  });

  test.each(policies)('%s: a delivery limit is seen before the first look', async (sort) => {
    const name = await filled({ 'x-queue-type': 'quorum' }, 2);
    await policy(sort, `^${name}$`, { 'delivery-limit': 1 });
    await expect(look(await seenBy('told', name))).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
      message: expect.stringContaining('delivery limit is 1'),
    });
  });

  test('where nobody here can say whether the pattern matches, its limit holds', async () => {
    const name = await made({});
    // Possessive, which only Erlang's expressions know.
    await policy('operator-policies', `^limits ++${serial}$`, { 'max-length': 1 });
    await expect(send(await seenBy('told', name), { expected: 2 })).rejects.toMatchObject({
      code: 'PRECONDITION_FAILED',
    });
  });

  test('the policy of the highest priority decides what becomes of the rest', async () => {
    const name = await made({});
    await policy('policies', `^${name}$`, { 'max-length': 1 });
    await policy('policies', `^${name}$`, { 'max-length': 2, overflow: 'reject-publish' });
    expect(await send(await seenBy('told', name), { count: 2 })).toEqual(['sent', 'sent']);
    expect(await ready(name)).toBe(2);
  });
});
