import { beforeAll, describe, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import { eventually } from '../../../src/conformance/bench.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { broker, channel, connection, notice, options, signal, vhost } from '../../support/rabbitmq/lab.ts';
import { silentProxy } from '../../support/silent-proxy.ts';

async function policy(name: string, pattern: string, definition: object): Promise<void> {
  await vhost.request('PUT', `/api/policies/${vhost.encodedName}/${name}`, {
    pattern,
    definition,
    'apply-to': 'queues',
  });
}

async function queue(name: string, kind: string): Promise<void> {
  await channel.assertQueue(name, { durable: true, arguments: { 'x-queue-type': kind } });
}

/** Sends messages and rejects each. */
async function die(name: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) channel.sendToQueue(name, Buffer.from(`${name} ${n}`), { persistent: true });
  await channel.waitForConfirms();
  const consumer = await connection.createChannel();
  const done = Promise.withResolvers<void>();
  let rejected = 0;
  await consumer.consume(name, (message) => {
    if (message !== null) consumer.nack(message, false, false);
    if (++rejected === count) done.resolve();
  });
  await done.promise;
  await consumer.close();
}

async function readyIn(name: string): Promise<number> {
  return (await channel.checkQueue(name)).messageCount;
}

async function listed(): Promise<ReadonlyMap<string, QueueStats>> {
  const all = new Map<string, QueueStats>();
  for await (const stats of broker.queues(queuePattern(['*']), { notice, signal })) all.set(stats.queue, stats);
  return all;
}

describe.each(['classic', 'quorum'])('a dead-letter exchange that a policy gives to %s queues', (kind) => {
  const [one, other, dead] = [`${kind}-orders`, `${kind}-billing`, `${kind}-dead`];

  beforeAll(async () => {
    await channel.assertExchange(`${kind}-dlx`, 'topic');
    await queue(dead, kind);
    await channel.bindQueue(dead, `${kind}-dlx`, '#');
    await policy(kind, `^${kind}-(orders|billing)$`, { 'dead-letter-exchange': `${kind}-dlx` });
    for (const name of [one, other]) await queue(name, kind);
    await die(one, 3);
    await die(other, 2);
    await eventually(async () => expect(await readyIn(dead)).toBe(5));
  });

  test('is known from the first second on: no figure says 0, and a list names the sharers', async () => {
    const stats = await (await broker.queue(one, signal)).stats(signal);
    expect(stats.dead).toBe(5);
    // One queue is told without asking what the others do.
    expect(stats.notes.dead).toBe(`the depth of ${dead}, whoever lost them`);
    expect((await listed()).get(one)?.notes.dead).toContain(`it is shared by ${other}, ${one}`);
    // In a list, the depth of the dead-letter queue is a figure of the management API, which lags.
    await eventually(async () => expect((await listed()).get(one)?.dead).toBe(5));
  });

  test('dead letters go back to the queue that lost them, by its own name and by that of the dead-letter queue', async () => {
    const run = async (name: string) => {
      const plan = await planRedrive(redriveOf(broker, await broker.queue(name, signal), { signal }));
      return plan.run({ dryRun: false, onProgress: () => {}, signal });
    };
    expect(await run(one)).toMatchObject({ from: dead, to: [one], matched: 3, moved: 3, left: 2 });
    expect([await readyIn(one), await readyIn(other), await readyIn(dead)]).toEqual([3, 0, 2]);
    expect(await run(dead)).toMatchObject({ to: [other, one], matched: 2, moved: 2 });
    expect([await readyIn(one), await readyIn(other), await readyIn(dead)]).toEqual([3, 2, 0]);
  });
});

test.each(['by its argument', 'by a policy'])(
  'dead letters that only an alternate exchange takes, %s, are found',
  async (how) => {
    const name = `orders ${how}`;
    const [dlx, alternate, dead] = [`dlx ${how}`, `alternate ${how}`, `dead ${how}`];
    await vhost.request('PUT', `/api/policies/${vhost.encodedName}/${encodeURIComponent(how)}`, {
      pattern: how === 'by a policy' ? `^${dlx}$` : '^none$',
      definition: { 'alternate-exchange': alternate },
      'apply-to': 'exchanges',
    });
    await channel.assertExchange(alternate, 'fanout');
    await channel.assertExchange(dlx, 'direct', how === 'by a policy' ? {} : { alternateExchange: alternate });
    await queue(dead, 'classic');
    await channel.bindQueue(dead, alternate, '');
    await channel.assertQueue(name, { durable: true, deadLetterExchange: dlx });
    await die(name, 2);
    await eventually(async () => expect(await readyIn(dead)).toBe(2));
    const handle = await broker.queue(name, signal);
    expect((await handle.stats(signal)).dead).toBe(2);
    const plan = await planRedrive(redriveOf(broker, handle, { signal }));
    const report = await plan.run({ dryRun: false, onProgress: () => {}, signal });
    expect(report).toMatchObject({ from: dead, to: [name], moved: 2 });
  },
);

test('limits that a policy sets are kept from the first second of a queue on', async () => {
  await policy('limits', '^limited$', { 'max-length': 3, 'delivery-limit': 2 });
  await queue('limited', 'quorum');
  const limited = await broker.queue('limited', signal);
  await expect(
    limited.publisher?.({ expected: 4, lossy: false, notice, signal }) ?? Promise.resolve(),
  ).rejects.toMatchObject({ code: 'PRECONDITION_FAILED', message: expect.stringContaining('at most 3 messages') });
  await expect(
    limited.peek?.({ state: 'ready', limit: 1, force: false, notice, signal }) ?? Promise.resolve(),
  ).rejects.toMatchObject({ code: 'PRECONDITION_FAILED', message: expect.stringContaining('delivery limit is 2') });
});

test('limits that a policy sets while a queue is sent to are kept from the next second on, and the change is told', async () => {
  await queue('late', 'classic');
  const told: string[] = [];
  const late = await broker.queue('late', signal);
  const publisher = await late.publisher?.({ expected: null, lossy: false, notice: (text) => told.push(text), signal });
  if (publisher === undefined) throw new Error('no publisher');
  expect(await publisher.send(outgoing())).toMatchObject({ status: 'sent' });
  await policy('late', '^late$', { 'max-length': 3 });
  await eventually(async () =>
    expect(await publisher.send(outgoing())).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('holds at most 3 messages, and would drop its oldest'),
    }),
  );
  expect(await publisher.send(outgoing())).toMatchObject({ status: 'failed' });
  expect(told.join()).toContain('the limits of "late" were changed meanwhile');
  await publisher.close();
});

test('limits that cannot be read again while a queue is sent to go on to hold, and that is told once', async () => {
  await queue('unread', 'classic');
  await policy('unread', '^unread$', { 'max-length': 5 });
  await using proxy = await silentProxy(vhost.managementUrl);
  const url = new URL(vhost.mqUrl);
  const management = new URL(vhost.managementUrl);
  management.port = String(proxy.port);
  url.searchParams.set('management', management.href);
  const told: string[] = [];
  const hidden = await backend.open(url.href, options);
  try {
    const unread = await hidden.queue('unread', signal);
    const publisher = await unread.publisher?.({
      ...{ expected: null, lossy: false, signal },
      notice: (text) => told.push(text),
    });
    if (publisher === undefined) throw new Error('no publisher');
    expect(await publisher.send(outgoing())).toMatchObject({ status: 'sent' });
    await proxy.close();
    const sent: string[] = ['sent'];
    // Each try is a message: what is full refuses it, and is asked again all the same.
    await eventually(async () => {
      sent.push((await publisher.send(outgoing())).status);
      expect(told).toHaveLength(1);
    });
    expect(told).toEqual([
      expect.stringMatching(/^whether the limits of "unread" were changed meanwhile is not known: ./),
    ]);
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    sent.push((await publisher.send(outgoing())).status, (await publisher.send(outgoing())).status);
    await publisher.close();
    expect(told).toHaveLength(1);
    expect(sent.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'sent'));
    expect(new Set(sent.slice(5))).toEqual(new Set(['failed']));
  } finally {
    await hidden.close();
  }
});
