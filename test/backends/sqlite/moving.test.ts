import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import type { NativeMove, NativeMoveRequest, Queue } from '../../../src/contract/queue.ts';
import {
  ack,
  bodies,
  consume,
  consumer,
  counts,
  createQueue,
  newPath,
  newQueue,
  notice,
  openBroker,
  peek,
  required,
  send,
  sendBodies,
  signal,
} from '../../support/sqlite/lab.ts';

async function move(queue: Queue, request: Partial<NativeMoveRequest>): Promise<NativeMove | null> {
  return required(queue.nativeMove?.bind(queue))({
    state: 'dead',
    to: 'origin',
    selective: false,
    limit: null,
    countReplay: false,
    notice,
    signal,
    ...request,
  });
}

async function killAll(queue: Queue, error = 'boom'): Promise<void> {
  await consume(queue, ({ receipt }) => receipt.release({ failure: error }));
}

async function withDead(count: number): Promise<Queue> {
  const queue = await newQueue({ maxReceives: 1 });
  await sendBodies(queue, count);
  await killAll(queue);
  return queue;
}

describe('redriving', () => {
  test('makes dead letters ready, in order, with no deliveries counted, behind what waits', async () => {
    const queue = await withDead(5);
    await send(queue, { body: Buffer.from('waiting') });
    const redrive = required(await move(queue, { countReplay: true }));
    expect(redrive.guarantee).toBe('atomic');
    expect(await redrive.next({ upTo: 2 })).toEqual({
      moved: 2,
      skipped: [],
      failed: [],
      unknown: [],
      exhausted: false,
    });
    expect(await counts(queue)).toEqual([3, 0, 0, 3]);
    expect(await redrive.next({ upTo: 10 })).toEqual({
      moved: 3,
      skipped: [],
      failed: [],
      unknown: [],
      exhausted: true,
    });
    await redrive.close();
    expect(await bodies(queue)).toEqual(['waiting', '0', '1', '2', '3', '4']);
    expect((await peek(queue))[1]).toMatchObject({ state: 'ready', receiveCount: 0, dead: null });
    await killAll(queue);
    expect((await peek(queue, 'dead')).map(({ dead }) => [dead?.count, dead?.replays])).toEqual([
      [1, 0],
      ...Array.from({ length: 5 }, () => [2, 1]),
    ]);
  });

  test('does not count a replay that it was not asked to count', async () => {
    const queue = await withDead(1);
    await required(await move(queue, {})).next({ upTo: 1 });
    await killAll(queue);
    expect((await peek(queue, 'dead'))[0]?.dead?.replays).toBe(0);
  });

  test('does not take again what dies again while it runs', async () => {
    const queue = await withDead(3);
    const redrive = required(await move(queue, {}));
    let moved = 0;
    for (let page = 0; page < 10; page++) {
      const progress = await redrive.next({ upTo: 2 });
      moved += progress.moved;
      await killAll(queue, 'again');
      if (progress.exhausted) break;
    }
    expect(moved).toBe(3);
    expect(await counts(queue)).toEqual([0, 0, 0, 3]);
  });

  test('starts a time to live anew', async () => {
    const queue = await newQueue({ maxReceives: 1 });
    await send(queue, { ttlMs: 3_600_000 });
    const [before] = await peek(queue);
    await killAll(queue);
    await required(await move(queue, {})).next({ upTo: 1 });
    expect(await peek(queue)).toMatchObject([{ ttlMs: 3_600_000, enqueuedAt: before?.enqueuedAt }]);
  });

  test('keeps to its limit', async () => {
    const queue = await withDead(5);
    const redrive = required(await move(queue, { limit: 3 }));
    expect(await redrive.next({ upTo: 2 })).toMatchObject({ moved: 2, exhausted: false });
    expect(await redrive.next({ upTo: 2 })).toMatchObject({ moved: 1, exhausted: true });
    expect(await counts(queue)).toEqual([3, 0, 0, 2]);
  });

  test('takes exactly the named ones, and skips what is gone, held or elsewhere', async () => {
    const queue = await withDead(6);
    const dead = await peek(queue, 'dead');
    const [zero, one, two, three] = dead.map((message) => required(message));
    await consume(queue, ack, { state: 'dead', limit: 1 });
    const taker = await consumer(queue, { state: 'dead', limit: 1 });
    await taker[Symbol.asyncIterator]().next();
    const redrive = required(await move(queue, { selective: true }));
    const named = [three, zero, one, two, three].map((message) => required(message));
    const progress = await redrive.next({ messages: named });
    await taker.close();
    expect(progress.moved).toBe(2);
    expect(progress.skipped.map(({ id }) => id)).toEqual([zero?.id, one?.id, three?.id]);
    expect(await bodies(queue)).toEqual(['3', '2']);
    expect(await bodies(queue, 'dead')).toEqual(['1', '4', '5']);
  });
});

describe('moving to another queue', () => {
  test('keeps everything of the message, and the order', async () => {
    const broker = await openBroker(newPath());
    const [from, to] = [await createQueue(broker, 'q'), await createQueue(broker, 'to')];
    await send(to, { body: Buffer.from('first') });
    await send(
      from,
      { id: 'a', headers: { h: 1 }, priority: 3, name: 'n' },
      { native: { rabbitmq: { x: 1 } } },
      { delayMs: 3_600_000 },
    );
    const before = await peek(from);
    const moving = required(await move(from, { state: 'ready', to }));
    expect(await moving.next({ upTo: 10 })).toEqual({
      moved: 2,
      skipped: [],
      failed: [],
      unknown: [],
      exhausted: true,
    });
    expect(await counts(from)).toEqual([0, 0, 1, 0]);
    const after = await peek(to);
    expect(after.map(({ id }) => id)).toEqual([before[0]?.id, after[1]?.id, before[1]?.id]);
    expect(after.filter((_, i) => i !== 1)).toEqual(before.map((message) => ({ ...message, queue: 'to' })));
    expect((await from.stats(signal)).counters).toEqual({ enqueued: 3, acked: 2, failed: 0 });
    expect((await to.stats(signal)).counters).toEqual({ enqueued: 3, acked: 0, failed: 0 });
  });

  test('of what came after it began, nothing is taken', async () => {
    const broker = await openBroker(newPath());
    const [from, to] = [await createQueue(broker, 'q'), await createQueue(broker, 'to')];
    await sendBodies(from, 2);
    const moving = required(await move(from, { state: 'ready', to }));
    await sendBodies(from, 2, 'late');
    expect(await moving.next({ upTo: 10 })).toMatchObject({ moved: 2, exhausted: true });
    expect(await bodies(from)).toEqual(['late0', 'late1']);
  });

  test('works between two connections to one file, and declines between two files', async () => {
    const path = newPath();
    const from = await newQueue({}, path);
    await sendBodies(from, 1);
    const to = await createQueue(await openBroker(path), 'to');
    expect(await required(await move(from, { state: 'ready', to })).next({ upTo: 1 })).toMatchObject({ moved: 1 });
    expect(await bodies(to)).toEqual(['0']);
    expect(await move(from, { state: 'ready', to: await newQueue() })).toBeNull();
    expect(await move(from, { state: 'ready', to: 'origin' })).toBeNull();
    const [one, two] = [await newQueue({}, ':memory:'), await newQueue({}, ':memory:')];
    expect(await move(one, { state: 'ready', to: two })).toBeNull();
  });

  test('into a queue that was deleted meanwhile moves nothing', async () => {
    const broker = await openBroker(newPath());
    const [from, to] = [await createQueue(broker, 'q'), await createQueue(broker, 'to')];
    await sendBodies(from, 1);
    const moving = required(await move(from, { state: 'ready', to }));
    await broker.delete?.('to', signal);
    await expect(moving.next({ upTo: 1 })).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    expect(await bodies(from)).toEqual(['0']);
  });
});

describe('purging', () => {
  test('removes the asked states alone, counts exactly, and leaves what is held', async () => {
    const queue = await newQueue({ maxReceives: 1 });
    await sendBodies(queue, 3);
    await consume(queue, ({ receipt }) => receipt.release({ failure: 'x' }), { limit: 1 });
    await send(queue, { delayMs: 3_600_000 });
    const taker = await consumer(queue, { limit: 1 });
    await taker[Symbol.asyncIterator]().next();
    expect(await counts(queue)).toEqual([1, 1, 1, 1]);
    expect(await queue.purge?.({ states: ['ready'], notice, signal })).toEqual({ removed: 1 });
    expect(await counts(queue)).toEqual([0, 1, 1, 1]);
    expect(await queue.purge?.({ states: ['ready', 'delayed', 'dead'], notice, signal })).toEqual({ removed: 2 });
    await expect(queue.purge?.({ states: ['in-flight'], notice, signal })).rejects.toMatchObject({
      code: 'NOT_SUPPORTED',
    });
    await taker.close();
    expect(await counts(queue)).toEqual([1, 0, 0, 0]);
  });

  test('more than one page, and nothing of what comes after it began', async () => {
    const queue = await newQueue();
    await sendBodies(queue, 25_000);
    const purging = queue.purge?.({ states: ['ready'], notice, signal });
    await sendBodies(queue, 1, 'late');
    expect(await purging).toEqual({ removed: 25_000 });
    expect(await bodies(queue)).toEqual(['late0']);
  });
});

describe('deleting a large queue', () => {
  const COUNT = 60_000;
  const filled = async (path: string) => {
    const broker = await openBroker(path);
    await sendBodies(await createQueue(broker, 'large'), COUNT);
    await sendBodies(await createQueue(broker, 'small'), 3);
    return broker;
  };
  const stored = (path: string): number => {
    const database = new DatabaseSync(path, { readOnly: true });
    const row = database
      .prepare('SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM payload) AS rows')
      .get();
    database.close();
    return Number(row?.rows);
  };

  const gone = async (broker: Broker): Promise<void> => {
    const found = () => broker.queue('large', signal).catch(({ code }) => code);
    await expect.poll(found, { interval: 0 }).toBe('QUEUE_NOT_FOUND');
  };

  test('is done at once, and lets others write while it frees the space', async () => {
    const path = newPath();
    const broker = await filled(path);
    const other = await openBroker(path);
    const small = await other.queue('small', signal);
    let ended = false;
    const deleting = required(broker.delete?.('large', signal)).finally(() => {
      ended = true;
    });
    await gone(other);
    await sendBodies(small, 1);
    expect(ended).toBe(false);
    expect(await deleting).toBe(COUNT);
    expect(await counts(small)).toEqual([4, 0, 0, 0]);
    expect(stored(path)).toBe(2 * 4);
  });

  test('interrupted, it leaves the rest of the space to the next one, and no message to anybody', async () => {
    const path = newPath();
    const broker = await filled(path);
    const abort = new AbortController();
    const deleting = broker.delete?.('large', abort.signal);
    await gone(broker);
    abort.abort();
    expect(await deleting).toBe(COUNT);
    expect(stored(path)).toBeGreaterThan(2 * 3);
    const again = await createQueue(broker, 'large');
    expect(await counts(again)).toEqual([0, 0, 0, 0]);
    expect(await again.purge?.({ states: ['ready'], notice, signal })).toEqual({ removed: 0 });
    expect(stored(path)).toBe(2 * 3);
  });
});
