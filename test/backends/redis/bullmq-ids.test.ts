import { Queue as Queue6, Worker as Worker6 } from 'bullmq';
import { expect, it } from 'vitest';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { planMove } from '../../../src/core/move.ts';
import type { AnyReport } from '../../../src/core/report.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { after, client, connection, fresh, notice, open, peek, queue, signal, text } from '../../support/redis/lab.ts';

const KEEP = { removeOnComplete: false };

function library(name: string, at: { readonly db?: number; readonly prefix?: string } = {}): Queue6 {
  const made = new Queue6(name, {
    connection: { ...connection, db: at.db ?? 0 },
    ...(at.prefix === undefined ? {} : { prefix: at.prefix }),
  });
  after(() => made.close());
  return made;
}

async function run(operation: 'move' | 'copy', source: Queue, target: Queue): Promise<AnyReport> {
  const plan = await planMove({
    ...EVERYTHING,
    operation,
    source,
    target,
    state: 'ready',
    only: null,
    max: null,
    ratePerSec: null,
    setHeaders: {},
    lossy: false,
    notice,
    signal,
  });
  return plan.run({ dryRun: false, onProgress: () => {}, signal });
}

/** Completes all that wait, and leaves them there as completed jobs. */
async function complete(name: string, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let done = 0;
  const worker = new Worker6(name, async () => 'done', { connection });
  worker.on('completed', () => {
    done += 1;
    if (done === count) resolve();
  });
  await promise;
  await worker.close();
}

const bodies = async (target: Queue): Promise<unknown[]> =>
  (await peek(target)).map((message) => JSON.parse(text(message))).toSorted();

it.each([
  ['of another database', { db: 3 }, '/3'],
  ['under another prefix', { prefix: 'shop' }, '?prefix=shop'],
])('jobs of one id in queues of one name, the other %s, all arrive', async (_, at, parameters) => {
  const name = fresh('orders');
  const to = fresh('all');
  await library(to).waitUntilReady();
  after(() => client.call('FLUSHALL'));
  for (let n = 1; n <= 3; n += 1) {
    await library(name).add('o', { n }, { jobId: `x-${n}` });
    await library(name, at).add('o', { n: -n }, { jobId: `x-${n}` });
  }
  const target = await queue(to);
  const here = await queue(name);
  const there = await (await open(parameters)).queue(name, signal);
  expect(await run('move', here, target)).toMatchObject({ moved: 3, failed: 0 });
  expect(await run('move', there, target)).toMatchObject({ moved: 3, failed: 0 });
  expect((await bodies(target)).length).toBe(6);
});

it('a job moved after another of its id, which is done, arrives; also when it says the same as that one', async () => {
  const [from, to] = [fresh('from'), fresh('to')];
  const source = library(from);
  await library(to).waitUntilReady();
  for (const v of [1, 2, 2]) {
    await source.add('order', { v }, { jobId: 'order-42', ...KEEP });
    expect(await run('move', await queue(from), await queue(to))).toMatchObject({ moved: 1 });
    expect(await bodies(await queue(to))).toEqual([{ v }]);
    await complete(to, 1);
  }
  expect(await library(to).getCompletedCount()).toBe(3);
});

it('equal elements of a list whose id stands inside are as many jobs', async () => {
  const [from, to] = [fresh('queue:d'), fresh('to')];
  const job = JSON.stringify({ class: 'A', jid: 'abc', args: [] });
  await client.sadd('queues', from.slice('queue:'.length));
  after(() => client.del('queues'));
  await client.rpush(from, job, job, job);
  await library(to).waitUntilReady();
  expect(await run('move', await queue(from), await queue(to))).toMatchObject({ moved: 3, complete: true });
  expect((await bodies(await queue(to))).length).toBe(3);
});

it('of two equal messages of another broker with one id of their producer, the second stays', async () => {
  const to = fresh('to');
  await library(to).waitUntilReady();
  const options = { expected: null, lossy: false, once: true, notice, signal } as const;
  const message = outgoing({ id: 'x', body: Buffer.from('{"n":1}'), from: 'elsewhere' });
  const publisher = await (await queue(to)).publisher?.(options);
  expect(await publisher?.send(message)).toEqual({ status: 'sent', id: 'x' });
  expect(await publisher?.send({ ...message })).toMatchObject({ status: 'failed' });
  await publisher?.close();
  const again = await (await queue(to)).publisher?.(options);
  expect(await again?.send(message)).toEqual({ status: 'sent', id: 'x', already: true });
  await again?.close();
});

it('moved on and back again, an id does not grow', async () => {
  const [a, b] = [fresh('a'), fresh('b')];
  await library(a).add('n', {});
  await library(b).waitUntilReady();
  const lengths = new Set<number>();
  for (let n = 0; n < 3; n += 1) {
    await run('move', await queue(a), await queue(b));
    await run('move', await queue(b), await queue(a));
    lengths.add((await peek(await queue(a)))[0]?.id?.length ?? 0);
  }
  expect(lengths.size).toBe(1);
});

it('a second copy adds once more; a job with an id of its own is there already, or another is, and the report says which', async () => {
  const [from, to] = [fresh('from'), fresh('to')];
  const source = library(from);
  await library(to).waitUntilReady();
  await source.addBulk([{ name: 'c', data: { n: 1 } }]);
  await source.add('c', { n: 2 }, { jobId: 'mine' });
  expect(await run('copy', await queue(from), await queue(to))).toMatchObject({ moved: 2, skipped: 0 });
  await complete(to, 2);
  expect(await run('copy', await queue(from), await queue(to))).toMatchObject({
    moved: 1,
    skipped: 1,
    failures: [{ id: 'mine', reason: expect.stringContaining('already') }],
  });
  await source.remove('mine');
  await source.add('c', { n: 3 }, { jobId: 'mine' });
  expect(await run('copy', await queue(from), await queue(to))).toMatchObject({
    moved: 1,
    failed: 1,
    failures: [{ reason: expect.stringContaining('another job') }],
  });
});

it('a deduplication id that another job holds keeps a moved job where it is, and drops no enqueued one in silence', async () => {
  const [from, to] = [fresh('from'), fresh('to')];
  const target = library(to);
  const holder = await target.add('d', { n: 1 }, { deduplication: { id: 'once' } });
  await library(from).add('d', { n: 1 }, { deduplication: { id: 'once' } });
  expect(await run('move', await queue(from), await queue(to))).toMatchObject({
    moved: 0,
    failed: 1,
    failures: [{ reason: expect.stringContaining('deduplication id once') }],
  });
  expect(await library(from).getWaitingCount()).toBe(1);
  const publisher = await (await queue(to)).publisher?.({ expected: null, lossy: false, notice, signal });
  const sent = (n: number) =>
    publisher?.send(outgoing({ name: 'd', body: Buffer.from(`{"n":${n}}`), deduplicationId: 'once' }));
  expect(await sent(1)).toEqual({ status: 'sent', id: holder.id, already: true });
  expect(await sent(2)).toMatchObject({
    status: 'failed',
    reason: expect.stringContaining(`another job, ${holder.id}`),
  });
  expect(await target.getWaitingCount()).toBe(1);
  await holder.remove();
  expect(await sent(2)).toMatchObject({ status: 'sent' });
  await publisher?.close();
});

it('what was drained into envelopes can be enqueued again and again', async () => {
  const name = fresh('again');
  await library(name).add('e', { n: 1 });
  const [message] = await peek(await queue(name));
  const publisher = await (await queue(name)).publisher?.({ expected: null, lossy: false, notice, signal });
  if (message === undefined) throw new Error('no message');
  for (let n = 0; n < 2; n += 1)
    expect(await publisher?.send({ ...outgoing(), ...message, replays: null, delayMs: null })).toMatchObject({
      status: 'sent',
    });
  await publisher?.close();
  expect(await library(name).getWaitingCount()).toBe(3);
});

it.each(['', '3.15.8'])(
  'an id of the counter that a job has already is passed over, not written over (version %j)',
  async (version) => {
    const name = fresh();
    const key = (part: string) => `bull:${name}:${part}`;
    await client.hset(key('meta'), 'version', `bullmq:${version === '' ? '5.1.0' : version}`);
    for (const id of ['1', '2'])
      await client.hset(key(id), {
        name: 'n',
        data: `{"order":${id}}`,
        opts: '{}',
        timestamp: Date.now(),
        delay: 0,
        priority: 0,
      });
    await client.lpush(key('wait'), '1', '2');
    const publisher = await (await queue(name)).publisher?.({ expected: null, lossy: false, notice, signal });
    const sent = await Promise.all(
      ['{"new":1}', '{"new":2}'].map((body) => publisher?.send(outgoing({ body: Buffer.from(body) }))),
    );
    await publisher?.close();
    expect(sent).toMatchObject([
      { status: 'sent', id: '3' },
      { status: 'sent', id: '4' },
    ]);
    expect(await client.hget(key('1'), 'data')).toBe('{"order":1}');
    expect((await client.lrange(key('wait'), 0, -1)).sort()).toEqual(['1', '2', '3', '4']);
  },
);
