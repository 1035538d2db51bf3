import { describe, expect, test } from 'vitest';
import type { Delivery } from '../../../src/contract/message.ts';
import {
  ack,
  bodies,
  consume,
  consumer,
  counts,
  newPath,
  newQueue,
  openBroker,
  peek,
  required,
  send,
  sendBodies,
  signal,
  text,
  until,
} from '../../support/sqlite/lab.ts';

const fail = ({ receipt }: Delivery): Promise<void> => receipt.release({ failure: 'boom' });

async function take(iterator: AsyncIterator<Delivery>): Promise<Delivery> {
  const next = await iterator.next();
  if (next.done === true) throw new Error('expected a delivery');
  return next.value;
}

describe('failing', () => {
  test('after its last delivery a message is dead, with the reason and the last error', async () => {
    const queue = await newQueue({ maxReceives: 2 });
    await sendBodies(queue, 2);
    expect(await consume(queue, fail)).toEqual(['0', '1', '0', '1']);
    const dead = await peek(queue, 'dead');
    expect(dead).toMatchObject([
      { receiveCount: 2, dead: { from: 'q', reason: 'max_receives', error: 'boom', count: 1, replays: 0 } },
      { receiveCount: 2 },
    ]);
    expect((await queue.stats(signal)).counters).toEqual({ enqueued: 2, acked: 0, failed: 4 });
  });

  test('a message may have a number of deliveries of its own', async () => {
    const queue = await newQueue({ maxReceives: 2 });
    await send(queue, { attempts: 1, body: Buffer.from('once') });
    expect(await consume(queue, fail)).toEqual(['once']);
    expect(await counts(queue)).toEqual([0, 0, 0, 1]);
  });

  test('giving back without a failure counts for nothing and keeps the place', async () => {
    const queue = await newQueue({ maxReceives: 1 });
    await sendBodies(queue, 5);
    await consume(queue, ({ receipt }) => receipt.release(), { limit: 3 });
    expect((await peek(queue)).map((message) => [text(message), message.receiveCount])).toEqual(
      ['0', '1', '2', '3', '4'].map((body) => [body, 0]),
    );
  });

  test('an error text without end is cut', async () => {
    const queue = await newQueue({ maxReceives: 1 });
    await sendBodies(queue, 1);
    await consume(queue, ({ receipt }) => receipt.release({ failure: `${'x'.repeat(20_000)}\ud800` }));
    expect((await peek(queue, 'dead'))[0]?.dead?.error).toHaveLength(10_000);
  });
});

describe('dead letters', () => {
  async function withDead(): Promise<Awaited<ReturnType<typeof newQueue>>> {
    const queue = await newQueue({ maxReceives: 1 });
    await sendBodies(queue, 3);
    await consume(queue, fail);
    return queue;
  }

  test('are taken as dead, in flight meanwhile, and gone after an ack', async () => {
    const queue = await withDead();
    const taken = await consume(
      queue,
      async (delivery) => {
        expect(delivery.message).toMatchObject({ state: 'dead', receiveCount: 1, dead: { error: 'boom' } });
        expect((await counts(queue))[1]).toBeGreaterThan(0);
        await delivery.receipt.ack();
      },
      { state: 'dead' },
    );
    expect(taken).toEqual(['0', '1', '2']);
    expect(await counts(queue)).toEqual([0, 0, 0, 0]);
  });

  test('are dead again when given back, also by closing', async () => {
    const queue = await withDead();
    const before = await peek(queue, 'dead');
    const taker = await consumer(queue, { state: 'dead' });
    const iterator = taker[Symbol.asyncIterator]();
    await (await take(iterator)).receipt.release();
    await take(iterator);
    await taker.close();
    expect(await peek(queue, 'dead')).toEqual(before);
  });

  test('that fail once more keep their reason and take the new error', async () => {
    const queue = await withDead();
    await consume(queue, ({ receipt }) => receipt.release({ failure: 'again' }), { state: 'dead', limit: 1 });
    expect((await peek(queue, 'dead'))[0]?.dead).toMatchObject({ reason: 'max_receives', error: 'again', count: 1 });
  });
});

describe('the lease', () => {
  test('is extended while messages are held', async () => {
    // Long enough for a busy machine to come to the extensions, of which there are three in each lease.
    const leaseMs = 900;
    const queue = await newQueue({ leaseMs });
    await sendBodies(queue, 1);
    const taker = await consumer(queue);
    const delivery = await take(taker[Symbol.asyncIterator]());
    await until(Date.now() + leaseMs + leaseMs / 3);
    expect(await consume(queue, ack)).toEqual([]);
    await delivery.receipt.ack();
    await taker.close();
    expect(await counts(queue)).toEqual([0, 0, 0, 0]);
  });
});

describe('waiting', () => {
  test('a follower gets what is sent later, from its own process and from another connection, and ends on abort', async () => {
    const path = newPath();
    const queue = await newQueue({}, path);
    const other = await (await openBroker(path)).queue('q', signal);
    const stop = new AbortController();
    const seen: string[] = [];
    const following = consume(
      queue,
      async (delivery) => {
        seen.push(text(delivery.message));
        await delivery.receipt.ack();
        if (seen.length === 1) await send(other, { body: Buffer.from('theirs') });
        if (seen.length === 2) await send(other, { body: Buffer.from('delayed'), delayMs: 80 });
        if (seen.length === 3) stop.abort();
      },
      { follow: true, signal: stop.signal },
    );
    await send(queue, { body: Buffer.from('ours') });
    expect(await following).toEqual(['ours', 'theirs', 'delayed']);
  });

  test('a waiting follower is a consumer, until it closes', async () => {
    const queue = await newQueue();
    const stop = new AbortController();
    const following = consume(queue, ack, { follow: true, signal: stop.signal });
    while ((await queue.stats(signal)).consumers !== 1) await new Promise((resolve) => setImmediate(resolve));
    expect((await queue.describe(signal)).consumers).toMatchObject([{ pid: process.pid, takes: 'ready', held: 0 }]);
    stop.abort();
    await following;
    expect((await queue.stats(signal)).consumers).toBe(0);
  });

  test('it ends by itself after the idle time', async () => {
    const queue = await newQueue();
    await sendBodies(queue, 1);
    expect(await consume(queue, ack, { follow: true, idleMs: 60 })).toEqual(['0']);
  });

  test('no more are unsettled than the window allows', async () => {
    const queue = await newQueue();
    await sendBodies(queue, 10);
    const held: Delivery[] = [];
    const taker = await consumer(queue, { window: 3 });
    const reading = (async () => {
      for await (const delivery of taker) held.push(delivery);
    })();
    while (held.length < 3) await new Promise((resolve) => setImmediate(resolve));
    expect(await counts(queue)).toEqual([7, 3, 0, 0]);
    for (let i = 0; i < 10; i++) {
      while (held.length <= i) await new Promise((resolve) => setImmediate(resolve));
      expect((await counts(queue))[1]).toBeLessThanOrEqual(3);
      await held[i]?.receipt.ack();
    }
    await reading;
    await taker.close();
    expect(held.map(({ message }) => text(message))).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  });

  test('never more than the limit is taken, and closing gives back what was not settled, on its old place', async () => {
    const queue = await newQueue();
    await sendBodies(queue, 10);
    const taker = await consumer(queue, { limit: 4, window: 'unbounded' });
    const iterator = taker[Symbol.asyncIterator]();
    const first = await take(iterator);
    expect(await counts(queue)).toEqual([6, 4, 0, 0]);
    const second = await take(iterator);
    await second.receipt.ack();
    await taker.close();
    await second.receipt.ack();
    await expect(first.receipt.ack()).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
    expect(await bodies(queue)).toEqual(['0', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect((await peek(queue)).every((message) => message.receiveCount === 0)).toBe(true);
  });
});

test('closing the broker under an open consumer gives back what it holds; its acks and its iteration fail', async () => {
  const path = newPath();
  const outside = await newQueue({}, path);
  await sendBodies(outside, 5);
  const broker = await openBroker(path);
  const taker = await consumer(await broker.queue('q', signal), { limit: 3, follow: true });
  const iterator = taker[Symbol.asyncIterator]();
  const first = await take(iterator);
  const second = await take(iterator);
  const acking = first.receipt.ack();
  await broker.close();
  await acking;
  expect(await bodies(outside)).toEqual(['1', '2', '3', '4']);
  expect((await outside.stats(signal)).consumers).toBe(0);
  await expect(second.receipt.ack()).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
  await expect(take(iterator)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await taker.close();
});

describe('pause', () => {
  test('survives the broker, stops delivery at once, and keeps its reason', async () => {
    const path = newPath();
    const queue = await newQueue({}, path);
    await sendBodies(queue, 2);
    await queue.pause?.({ reason: 'deploy', signal });
    await queue.pause?.({ reason: null, signal });
    const notices: string[] = [];
    const again = await (await openBroker(path)).queue('q', signal);
    expect(await consume(again, ack, { notice: (line) => notices.push(line) })).toEqual([]);
    expect(notices).toHaveLength(1);
    expect(await again.stats(signal)).toMatchObject({ state: 'paused', ready: 2, notes: { state: 'deploy' } });
    await again.resume?.({ signal });
    await again.resume?.({ signal });
    expect(await again.stats(signal)).toMatchObject({ state: 'running', notes: {} });
    expect(await consume(queue, ack)).toEqual(['0', '1']);
  });

  test('a follower that waits goes on when another connection resumes the queue', async () => {
    const path = newPath();
    const queue = await newQueue({}, path);
    await send(queue, { ttlMs: 3_600_000 }, { delayMs: 20 });
    await queue.pause?.({ reason: null, signal });
    const following = consume(queue, ack, { follow: true, limit: 2, notice: () => void resume() });
    const resume = async (): Promise<void> => {
      await until(Date.now() + 60);
      await (await (await openBroker(path)).queue('q', signal)).resume?.({ signal });
    };
    expect(await following).toHaveLength(2);
  });
});

test('dead letters can be taken from a paused queue', async () => {
  const queue = await newQueue({ maxReceives: 1 });
  await sendBodies(queue, 1);
  await consume(queue, fail);
  await queue.pause?.({ reason: null, signal });
  expect(await consume(queue, ack, { state: 'dead' })).toEqual(['0']);
});

test('a consumer is iterated once', async () => {
  const taker = await consumer(await newQueue());
  for await (const _ of taker) required(null);
  await expect(taker[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'INTERNAL' });
});
