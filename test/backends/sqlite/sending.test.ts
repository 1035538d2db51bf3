import { describe, expect, test } from 'vitest';
import { SQLITE_CAPABILITIES } from '../../../src/backends/sqlite/capabilities.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { OutgoingMessage } from '../../../src/contract/message.ts';
import {
  ack,
  bodies,
  consume,
  counts,
  createQueue,
  newPath,
  newQueue,
  notice,
  openBroker,
  peek,
  required,
  send,
  signal,
  text,
  until,
} from '../../support/sqlite/lab.ts';

describe('what is kept', () => {
  test('every field that the kind holds, and what other brokers left on the message', async () => {
    const queue = await newQueue();
    const sent: Partial<OutgoingMessage> = {
      id: 'order/42',
      body: Uint8Array.from({ length: 256 }, (_, i) => i),
      headers: { 'x-type': 'a', nested: { deep: [1, null, 'ü\u0000\u2028'] }, ['__proto__']: 'x' },
      contentType: 'application/json',
      priority: -7,
      deduplicationId: 'd1',
      ttlMs: 3_600_000,
      name: 'resize',
      native: { rabbitmq: { raw: 'AAE=' }, sqlite: { key: 999, attempts: 5 } },
      replays: 2,
    };
    await send(queue, sent);
    const [message] = await peek(queue);
    expect(message).toMatchObject({
      id: 'order/42',
      headers: sent.headers,
      contentType: 'application/json',
      priority: -7,
      groupId: null,
      deduplicationId: 'd1',
      ttlMs: 3_600_000,
      name: 'resize',
      receiveCount: 0,
      state: 'ready',
      dead: null,
      native: { rabbitmq: { raw: 'AAE=' }, sqlite: { key: 1, attempts: 5 } },
    });
    expect(Buffer.from(required(message).body)).toEqual(Buffer.from(required(sent.body)));
  });

  test('a value that cannot be kept is refused by name, or left out when loss is allowed', async () => {
    const queue = await newQueue();
    const wrong: Partial<OutgoingMessage> = {
      groupId: 'g',
      priority: 1.5,
      attempts: 0,
      ttlMs: -1,
      delayMs: Number.NaN,
      name: '\ud800',
    };
    const [refused] = await send(queue, wrong);
    expect(refused?.status).toBe('failed');
    const publisher = await required(queue.publisher?.bind(queue))({ expected: null, lossy: true, notice, signal });
    expect(publisher.misfits(outgoing(wrong)).map((phrase) => phrase.split(':')[0])).toEqual([
      'groupId',
      'priority',
      'attempts',
      'ttlMs',
      'delayMs',
      'name',
    ]);
    expect(await publisher.send(outgoing(wrong))).toMatchObject({ status: 'sent' });
    expect(
      await publisher.send(outgoing({ body: new Uint8Array(required(SQLITE_CAPABILITIES.maxBodyBytes) + 1) })),
    ).toMatchObject({
      status: 'failed',
    });
    expect(await peek(queue)).toMatchObject([{ groupId: null, priority: null, ttlMs: null, name: null }]);
  });

  test('ids of our making are unique among files, and find their message', async () => {
    const [a, b] = [await newQueue(), await newQueue()];
    const [[first], [second]] = [await send(a, {}), await send(b, {})];
    const id = first?.status === 'sent' ? required(first.id) : '';
    expect(id).toMatch(/^[0-9a-f]{10}-1$/);
    expect(second).not.toEqual(first);
    expect(await a.get?.(id, signal)).toMatchObject({ id });
    expect(await b.get?.(id, signal)).toBeNull();
  });

  test('two messages of one id are two messages', async () => {
    const queue = await newQueue();
    await send(queue, { id: '1', body: Buffer.from('a') }, { id: '1', body: Buffer.from('b') });
    expect(await bodies(queue)).toEqual(['a', 'b']);
    expect(text(required(await queue.get?.('1', signal)))).toBe('a');
  });
});

describe('order', () => {
  test('higher priorities first, then the older; no priority counts as 0', async () => {
    const queue = await newQueue();
    const priorities = [null, 5, -1, 5, 0];
    await send(queue, ...priorities.map((priority, i) => ({ priority, body: Buffer.from(`${i}`) })));
    expect(await bodies(queue)).toEqual(['1', '3', '0', '4', '2']);
    expect(await consume(queue, ack)).toEqual(['1', '3', '0', '4', '2']);
  });
});

describe('delay and time to live', () => {
  test('a delayed message becomes ready at its time, for readers too', async () => {
    const queue = await newQueue();
    // Longer than a busy machine takes for the looks before it is due.
    await send(queue, { delayMs: 1_500, body: Buffer.from('later') }, { body: Buffer.from('now') });
    expect(await counts(queue)).toEqual([1, 0, 1, 0]);
    const [delayed] = await peek(queue, 'delayed');
    expect(await consume(queue, ack)).toEqual(['now']);
    await until(required(delayed?.deliverAt));
    expect(await counts(queue)).toEqual([1, 0, 0, 0]);
    expect(await peek(queue)).toMatchObject([{ state: 'ready', deliverAt: null }]);
    expect(await peek(queue, 'delayed')).toEqual([]);
    expect(await consume(queue, ack)).toEqual(['later']);
  });

  test('what outlives its time dies; readers see the same before and after a consumer wrote it down', async () => {
    const queue = await newQueue();
    await send(
      queue,
      { ttlMs: 50, body: Buffer.from('short') },
      { ttlMs: 60, delayMs: 3_600_000 },
      { body: Buffer.from('long') },
    );
    const [first] = await peek(queue);
    await until(required(first?.enqueuedAt) + 60);
    const before = await peek(queue, 'dead');
    expect(await counts(queue)).toEqual([1, 0, 0, 2]);
    expect(await consume(queue, ack)).toEqual(['long']);
    expect(await peek(queue, 'dead')).toEqual(before);
    expect(await counts(queue)).toEqual([0, 0, 0, 2]);
    expect(before).toMatchObject([
      { state: 'dead', deliverAt: null, dead: { from: 'q', reason: 'expired', error: null, count: 1, replays: 0 } },
      { state: 'dead', dead: { reason: 'expired' } },
    ]);
    expect(required(before[0]?.dead?.at)).toBe(required(before[0]?.enqueuedAt) + 50);
  });
});

describe('deduplication', () => {
  test('the second is not stored, and is told the id of the first', async () => {
    const queue = await newQueue();
    const outcomes = await send(
      queue,
      { deduplicationId: 'd', id: 'one' },
      { deduplicationId: 'd', id: 'two' },
      { deduplicationId: 'e' },
    );
    expect(outcomes.slice(0, 2)).toEqual([
      { status: 'sent', id: 'one' },
      { status: 'sent', id: 'one', already: true },
    ]);
    expect((await queue.stats(signal)).counters?.enqueued).toBe(2);
    expect(await counts(queue)).toEqual([2, 0, 0, 0]);
  });

  test('another body with the id of one that is there is refused, never dropped in silence', async () => {
    const queue = await newQueue();
    const outcomes = await send(
      queue,
      { deduplicationId: 'd', id: 'one' },
      { deduplicationId: 'd', body: Buffer.from('other') },
    );
    expect(outcomes[1]).toEqual({ status: 'failed', reason: expect.stringContaining('one') });
    expect(await counts(queue)).toEqual([1, 0, 0, 0]);
  });

  test.each([
    ['headers', { headers: { tenant: 'b' } }],
    ['a type of content', { contentType: 'text/plain' }],
    ['a name', { name: 'other' }],
  ])('the same body with other %s is another message', async (_what, other) => {
    const queue = await newQueue();
    const same = { deduplicationId: 'd', headers: { tenant: 'a' }, contentType: 'text/html', name: 'n' };
    const outcomes = await send(queue, same, { ...same, ...other }, same);
    expect(outcomes.map(({ status }) => status)).toEqual(['sent', 'failed', 'sent']);
    expect(outcomes[2]).toMatchObject({ already: true });
    expect(await counts(queue)).toEqual([1, 0, 0, 0]);
  });

  test('what is gone is forgotten: a message that was taken out can be put back', async () => {
    const queue = await newQueue();
    await send(queue, { deduplicationId: 'd' });
    await consume(queue, ack);
    await send(queue, { deduplicationId: 'd' });
    expect(await counts(queue)).toEqual([1, 0, 0, 0]);
  });

  test('not between two queues', async () => {
    const broker = await openBroker(newPath());
    for (const name of ['a', 'b']) {
      const queue = await createQueue(broker, name);
      await send(queue, { deduplicationId: 'd' });
      expect(await counts(queue)).toEqual([1, 0, 0, 0]);
    }
  });
});

describe('a queue that was deleted under a handle', () => {
  test('refuses everything, also when another of its name exists by then', async () => {
    const broker = await openBroker(newPath());
    const old = await createQueue(broker, 'q');
    await send(old, {}, {});
    expect(await broker.delete?.('q', signal)).toBe(2);
    const fresh = await createQueue(broker, 'q');
    await expect(old.stats(signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    await expect(old.publisher?.({ expected: null, lossy: false, notice, signal })).rejects.toMatchObject({
      code: 'QUEUE_NOT_FOUND',
    });
    await expect(peek(old)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    await expect(consume(old, ack)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    await expect(old.pause?.({ reason: null, signal })).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    expect(await counts(fresh)).toEqual([0, 0, 0, 0]);
  });
});

describe('creating', () => {
  const options = { kind: null, deadLetterQueue: null, maxReceives: null, settings: {}, signal } as const;

  test.each([
    ['ALREADY_EXISTS', 'q', {}],
    ['USAGE', '', {}],
    ['USAGE', 'a\0b', {}],
    ['USAGE', 'a\ud800', {}],
    ['USAGE', 'new', { kind: 'stream' }],
    ['USAGE', 'new', { settings: { 'x-max-length': 1 } }],
    ['USAGE', 'new', { settings: { leaseMs: 5 } }],
    ['USAGE', 'new', { maxReceives: 0 }],
    ['NOT_SUPPORTED', 'new', { deadLetterQueue: 'dlq' }],
  ] as const)('%s for %j with %j', async (code, name, wrong) => {
    const broker = await openBroker(newPath());
    await createQueue(broker, 'q');
    await expect(broker.create?.(name, { ...options, ...wrong })).rejects.toMatchObject({ code });
    await expect(broker.queue('new', signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
  });

  test.each([
    'a b',
    'a/b',
    '@',
    '%',
    '*',
    "'; DROP TABLE queue; --",
    '"',
    'line\nbreak',
    '\u001b[31m',
    'ü',
    '\u202e',
    '_',
  ])('a queue may be called %j', async (name) => {
    const broker = await openBroker(newPath());
    await createQueue(broker, 'other');
    const queue = await createQueue(broker, name);
    await send(queue, {});
    expect(await (await broker.queue(name, signal)).stats(signal)).toMatchObject({ queue: name, ready: 1 });
    expect(await counts(await broker.queue('other', signal))).toEqual([0, 0, 0, 0]);
  });
});
