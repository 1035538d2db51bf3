import { describe, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import type { JsonValue, OutgoingMessage, SendOutcome } from '../../../src/contract/message.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { fillWithDeadLetters, takeNumbers } from '../../support/rabbitmq/dead-letters.ts';
import { broker, channel, notice, options, signal, vhost } from '../../support/rabbitmq/lab.ts';

function message(id: number, route?: { readonly exchange: string; readonly routingKey: string }): OutgoingMessage {
  return outgoing({
    id: String(id),
    body: Buffer.from(`body ${id}`),
    native: route === undefined ? {} : { rabbitmq: { via: 'exchange', ...route } },
  });
}

async function newQueue(name: string): Promise<Queue> {
  await broker.create?.(name, { kind: 'quorum', deadLetterQueue: null, maxReceives: null, settings: {}, signal });
  return await broker.queue(name, signal);
}

/** Sends them all at once, as fast as it can. */
async function send(queue: Queue, messages: readonly OutgoingMessage[]): Promise<readonly SendOutcome[]> {
  const publisher = await queue.publisher?.({ expected: null, lossy: false, notice, signal });
  if (publisher === undefined) throw new Error('no publisher');
  const outcomes = await Promise.all(messages.map((one) => publisher.send(one)));
  await publisher.close();
  return outcomes;
}

async function idsIn(queue: string): Promise<(number | null)[]> {
  const ids: (number | null)[] = [];
  for (
    let got = await channel.get(queue, { noAck: true });
    got !== false;
    got = await channel.get(queue, { noAck: true })
  )
    ids.push(Number(got.properties.messageId));
  return ids;
}

test('an exchange leads messages on by their routing key; a key without a queue is a failure', async () => {
  const queue = await newQueue('by exchange');
  await channel.assertExchange('orders', 'topic');
  await channel.bindQueue(queue.name, 'orders', 'order.*');
  const route = (routingKey: string) => ({ exchange: 'orders', routingKey });
  const outcomes = await send(queue, [
    message(1, route('order.created')),
    message(2, route('nobody.listens')),
    message(3, route('order.paid')),
  ]);
  expect(outcomes).toMatchObject([{ status: 'sent' }, { status: 'failed' }, { status: 'sent' }]);
  expect(outcomes[1]).toHaveProperty('reason', expect.stringContaining('routing key'));
  expect(await idsIn(queue.name)).toEqual([1, 3]);
});

test('an exchange that does not exist: these are certainly not stored, all others are', async () => {
  const queue = await newQueue('no exchange');
  const nowhere = { exchange: 'no-such-exchange', routingKey: 'x' };
  const messages = Array.from({ length: 200 }, (_, id) => message(id, id % 10 === 5 ? nowhere : undefined));
  const outcomes = await send(queue, messages);
  for (const [id, outcome] of outcomes.entries()) {
    expect(outcome, `message ${id}`).toMatchObject({ status: id % 10 === 5 ? 'failed' : 'sent' });
  }
  expect(outcomes[5]).toHaveProperty('reason', expect.stringContaining('no-such-exchange'));
  expect(await idsIn(queue.name)).toEqual(messages.map((_, id) => id).filter((id) => id % 10 !== 5));
});

test('a routing key that the user may not send with, and what brokers refuse by its properties: these are not stored, all others are', async () => {
  const queue = await newQueue('some are refused');
  await channel.assertExchange('some', 'topic');
  await channel.bindQueue(queue.name, 'some', '#');
  await using writer = await newUser({ configure: '', write: '.*', read: '.*' });
  await writer.restrict({ exchange: 'some', write: '^mine', read: '.*' });
  const theirs = await backend.open(writer.url, options);
  const messages = Array.from({ length: 100 }, (_, id) =>
    message(id, { exchange: 'some', routingKey: id % 2 === 0 ? 'mine.a' : 'mine.b' }),
  );
  const spoilt = new Map<number, OutgoingMessage>([
    [10, message(10, { exchange: 'some', routingKey: 'theirs' })],
    [30, outgoing({ id: '30', body: Buffer.from('30'), native: { rabbitmq: { replyTo: 'amq.rabbitmq.reply-to' } } })],
    [50, { ...message(50, { exchange: 'some', routingKey: 'mine.a' }), headers: { CC: 'no list' } }],
  ]);
  for (const [id, one] of spoilt) messages[id] = one;
  const outcomes = await send(await theirs.queue(queue.name, signal), messages);
  for (const [id, outcome] of outcomes.entries())
    expect(outcome, `message ${id}`).toMatchObject({ status: spoilt.has(id) ? 'failed' : 'sent' });
  await theirs.close();
  expect((await idsIn(queue.name)).sort((one, other) => Number(one) - Number(other))).toEqual(
    messages.map((_, id) => id).filter((id) => !spoilt.has(id)),
  );
});

test('without the permission to write: failed with the reason of the broker, not uncertain', async () => {
  const queue = await newQueue('read only');
  await using reader = await newUser({ configure: '', write: '^amq\\.gen', read: '.*' });
  const theirs = await backend.open(reader.url, options);
  const outcomes = await send(await theirs.queue(queue.name, signal), [message(1), message(2), message(3)]);
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ status: 'failed', reason: expect.stringMatching(/access|refused/i) });
  }
  await theirs.close();
  expect(await idsIn(queue.name)).toEqual([]);
});

test('without the permission to read or configure: PERMISSION_DENIED', async () => {
  const queue = await newQueue('write only');
  await using writer = await newUser({ configure: '', write: '.*', read: '' });
  const theirs = await backend.open(writer.url, options);
  const consume = { state: 'ready', limit: 1, window: 1, follow: false, idleMs: null, notice, signal } as const;
  const handle = await theirs.queue(queue.name, signal);
  await expect(handle.consume?.(consume)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await expect(handle.purge?.({ states: ['ready'], notice, signal })).rejects.toMatchObject({
    code: 'PERMISSION_DENIED',
  });
  await expect(
    theirs.create?.('new', { kind: 'classic', deadLetterQueue: null, maxReceives: null, settings: {}, signal }),
  ).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await expect(theirs.delete?.(queue.name, signal)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
  await theirs.close();
});

let users = 0;
/**
 * A user of this vhost with these permissions, who may ask the management API: without it, unread limits would be the
 * reason of each refusal.
 */
async function newUser(permissions: { readonly configure: string; readonly write: string; readonly read: string }) {
  const name = `${vhost.name.slice(-12)}-${++users}`;
  await vhost.request('PUT', `/api/users/${name}`, { password: 'its password', tags: 'management' });
  await vhost.request('PUT', `/api/permissions/${vhost.encodedName}/${name}`, permissions);
  const url = new URL(`${vhost.url}?management=${encodeURIComponent(new URL(vhost.managementUrl).origin)}`);
  url.username = name;
  url.password = 'its password';
  return {
    url: url.href,
    /** On a topic exchange: by routing key. */
    restrict: (rights: { readonly exchange: string; readonly write: string; readonly read: string }) =>
      vhost.request('PUT', `/api/topic-permissions/${vhost.encodedName}/${name}`, rights),
    [Symbol.asyncDispose]: async () => {
      await vhost.request('DELETE', `/api/users/${name}`);
    },
  };
}

describe.each(['classic', 'quorum'] as const)('%s: a target that drops its oldest messages when it is full', (kind) => {
  const create = async (name: string, settings: Record<string, JsonValue>): Promise<Queue> => {
    await broker.create?.(name, { kind, deadLetterQueue: null, maxReceives: null, settings, signal });
    return await broker.queue(name, signal);
  };
  const sendAll = async (queue: Queue, count: number, lossy = false) => {
    const publisher = await queue.publisher?.({ expected: null, lossy, notice, signal });
    const sent = await Promise.all(
      Array.from({ length: count }, (_, n) => publisher?.send(outgoing({ id: String(n) }))),
    );
    await publisher?.close();
    return sent.map((outcome) => outcome?.status);
  };

  test.each([
    ['messages', { 'x-max-length': 3 }],
    ['bytes', { 'x-max-length-bytes': 3 * 5 }],
  ] as const)('takes only what fits, in %s, when nobody knows how many come', async (what, settings) => {
    const queue = await create(`room ${kind} ${what}`, settings);
    expect(await sendAll(queue, 5)).toEqual(['sent', 'sent', 'sent', 'failed', 'failed']);
    expect((await queue.stats(signal)).ready).toBe(3);
    expect(await sendAll(queue, 2, true)).toEqual(['sent', 'sent']);
  });

  test('a redrive with a filter fills it and leaves the rest where it is', async () => {
    const [name, dlq] = [`ring ${kind}`, `ring ${kind} dlq`];
    await create(dlq, {});
    await create(name, { 'x-max-length': 10, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': dlq });
    const queue = await broker.queue(name, signal);
    expect(await sendAll(queue, 6)).not.toContain('failed');
    await fillWithDeadLetters(vhost.url, name, dlq, 9);
    const filter = await compileFilter('int(raw) >= 0');
    const plan = await planRedrive(redriveOf(broker, queue, { filter, notice, signal }));
    const report = await plan.run({ dryRun: false, onProgress: () => undefined, signal });
    expect(report).toMatchObject({ matched: 9, moved: 4, failed: 5 });
    expect(report.failures[0]?.reason).toMatch(/holds at most 10 messages, and would drop its oldest/);
    expect(await takeNumbers(vhost.url, dlq)).toEqual([4, 5, 6, 7, 8]);
    expect((await queue.stats(signal)).ready).toBe(10);
  });
});
