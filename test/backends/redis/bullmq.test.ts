import Bull from 'bull';
import { FlowProducer, Queue as Queue6, Worker as Worker6 } from 'bullmq';
import { Queue as Queue5, Worker as Worker5 } from 'bullmq5';
import { describe, expect, it } from 'vitest';
import { eventually } from '../../../src/conformance/bench.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { planPurge } from '../../../src/core/purge.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { losingRelay } from '../../support/losing-relay.ts';
import {
  after,
  client,
  commandsDuring,
  connection,
  consumeOptions,
  expectReadOnly,
  fresh,
  moveRequest,
  notice,
  open,
  peek,
  queue,
  signal,
  text,
  url,
} from '../../support/redis/lab.ts';

const LIBRARIES = [
  ['6', Queue6, Worker6],
  ['5', Queue5, Worker5],
] as const;

type AnyQueue = Queue5 | Queue6;

function library(version: '5' | '6', name: string): AnyQueue {
  const made = version === '6' ? new Queue6(name, { connection }) : new Queue5(name, { connection });
  after(() => made.close());
  return made;
}

function connectWorker(version: '5' | '6', queue: string, called: { readonly name?: string }): void {
  const options = { connection, ...called };
  const process = async () => 'done';
  const worker: Worker6 | Worker5 =
    version === '6' ? new Worker6(queue, process, options) : new Worker5(queue, process, options);
  after(() => worker.close());
}

function flows(): FlowProducer {
  const made = new FlowProducer({ connection });
  after(() => made.close());
  return made;
}

/** Ends when `count` jobs have come to their end, failed or completed. */
async function work(
  version: '5' | '6',
  name: string,
  count: number,
  process: (job: { readonly name: string }) => Promise<unknown>,
): Promise<void> {
  const done = Promise.withResolvers<void>();
  let ended = 0;
  const options = { connection, concurrency: 10 };
  const worker: Worker6 | Worker5 =
    version === '6' ? new Worker6(name, process, options) : new Worker5(name, process, options);
  const end = (): void => {
    ended += 1;
    if (ended === count) done.resolve();
  };
  const endOfFailure = (
    job: { readonly attemptsMade: number; readonly opts: { readonly attempts?: number } } | undefined,
  ): void => {
    if (job !== undefined && job.attemptsMade >= (job.opts.attempts ?? 1)) end();
  };
  if (worker instanceof Worker6) worker.on('completed', end).on('failed', endOfFailure);
  else worker.on('completed', end).on('failed', endOfFailure);
  await done.promise;
  await worker.close();
}

async function failing(
  version: '5' | '6',
  name: string,
  jobs: readonly { readonly name: string; readonly priority?: number }[],
): Promise<AnyQueue> {
  const made = library(version, name);
  for (const job of jobs)
    await made.add(
      job.name,
      { for: job.name, big: 1 },
      { attempts: 2, ...(job.priority === undefined ? {} : { priority: job.priority }) },
    );
  await work(version, name, jobs.length, async (job) => {
    throw new Error(job.name.startsWith('slow') ? 'ETIMEDOUT 10.0.0.1' : 'bad address');
  });
  return made;
}

describe.each(LIBRARIES)('data of BullMQ %s', (version) => {
  it('figures, states and order agree with the library, and looking writes nothing', async () => {
    const name = fresh('emails');
    const made = library(version, name);
    await made.add('a', { n: 1 });
    await made.add('b', { n: 2 });
    await made.add('c', { n: 3 }, { lifo: true });
    await made.add('p2', { n: 4 }, { priority: 2 });
    await made.add('p1', { n: 5 }, { priority: 1 });
    await made.add('later', { n: 6 }, { delay: 600_000 });
    await made.upsertJobScheduler('every hour', { every: 3_600_000, offset: 60_000 }, { name: 'tick' });
    const flow = new FlowProducer({ connection });
    after(() => flow.close());
    await flow.add({ name: 'parent', queueName: name, children: [{ name: 'child', queueName: `${name}-children` }] });
    const counts = await made.getJobCounts();
    const broker = await open();
    const seen: string[] = [];
    const commands = await commandsDuring(async () => {
      const handle = await broker.queue(name, signal);
      const stats = await handle.stats(signal);
      expect(stats).toMatchObject({
        kind: 'bullmq',
        state: 'running',
        ready: (counts.waiting ?? 0) + (counts.prioritized ?? 0),
        inFlight: counts.active,
        delayed: counts.delayed,
        dead: counts.failed,
      });
      for (const message of await peek(handle)) seen.push(message.name ?? '');
      expect(await peek(handle, { state: 'delayed' })).toHaveLength(counts.delayed ?? 0);
      const [parent] = await peek(handle, { state: 'waiting-children' });
      expect(parent?.name).toBe('parent');
      const detail = await handle.get?.(parent?.id ?? '', signal);
      expect(detail?.native).toMatchObject({
        redis: { job: { children: { waiting: [expect.stringContaining(`${name}-children`)] } } },
      });
      expect((await handle.describe(signal)).details).toMatchObject({ schedulers: [{ id: 'every hour' }] });
      for await (const _ of broker.queues(queuePattern([`${name}*`]), { notice, signal }));
      await expect(broker.queue(`${name}-ghost`, signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
    });
    await expectReadOnly(commands);
    expect(seen.filter((job) => job !== 'tick')).toEqual(['c', 'a', 'b', 'p1', 'p2']);
    expect(await client.keys(`*${name}-ghost*`)).toEqual([]);
  });

  it('redrives exactly the chosen failed jobs: attempts anew, priority kept, and a real worker completes them', async () => {
    const name = fresh('orders');
    const made = await failing(version, name, [
      { name: 'slow-1', priority: 7 },
      { name: 'bad-1' },
      { name: 'slow-2', priority: 7 },
      { name: 'slow-3', priority: 7 },
    ]);
    const broker = await open();
    const handle = await broker.queue(name, signal);
    const dead = await peek(handle, { state: 'dead' });
    expect(dead.map(({ dead: death }) => death?.error).toSorted()).toEqual([
      'ETIMEDOUT 10.0.0.1',
      'ETIMEDOUT 10.0.0.1',
      'ETIMEDOUT 10.0.0.1',
      'bad address',
    ]);
    const plan = await planRedrive(
      redriveOf(broker, handle, {
        filter: await compileFilter('dead.error.contains("ETIMEDOUT")'),
        max: 2,
        notice,
        signal,
      }),
    );
    const report = await plan.run({ dryRun: false, onProgress: () => {}, signal });
    expect(report).toMatchObject({ moved: 2, failed: 0, unknown: 0, native: true, complete: true });
    expect(await made.getFailedCount()).toBe(2);
    expect(await made.getPrioritizedCount()).toBe(2);
    const [urgent] = await made.getPrioritized();
    expect(urgent).toMatchObject({ priority: 7, attemptsMade: 0, attemptsStarted: 0 });
    await work(version, name, 2, async () => 'done');
    expect(await made.getCompletedCount()).toBe(2);
    expect((await made.getFailed()).map((job) => job.name).toSorted()).toEqual([
      'bad-1',
      expect.stringMatching(/^slow/),
    ]);
  });

  it('shows one failed job with its stack trace, attempts and logs', async () => {
    const name = fresh('detail');
    const made = await failing(version, name, [{ name: 'bad-1' }]);
    const [job] = await made.getFailed();
    await job?.log('called the provider');
    const message = await (await queue(name)).get?.(job?.id ?? '', signal);
    expect(message).toMatchObject({
      state: 'dead',
      name: 'bad-1',
      receiveCount: 2,
      dead: { from: name, error: 'bad address' },
    });
    expect(message?.native).toMatchObject({
      redis: {
        job: {
          logs: ['called the provider'],
          attemptsMade: 2,
          stacktrace: [expect.stringContaining('bad address'), expect.any(String)],
        },
      },
    });
    expect(await (await queue(name)).get?.('wait', signal)).toBeNull();
    expect(await (await queue(name)).get?.('meta', signal)).toBeNull();
  });

  it('knows the rates from one reading, also of jobs that remove themselves, once the queue is a second old', async () => {
    const name = fresh('rates');
    const made = library(version, name);
    for (let n = 0; n < 30; n += 1)
      await made.add(n < 10 ? 'bad' : 'good', {}, { removeOnComplete: true, removeOnFail: true });
    await work(version, name, 30, async (job) => {
      if (job.name === 'bad') throw new Error('no');
    });
    const handle = await queue(name);
    const known = async (): Promise<number> => (await handle.stats(signal)).rates?.windowMs ?? 0;
    await expect.poll(known, { timeout: 5_000 }).toBeGreaterThanOrEqual(1_000);
    const { rates, consumers } = await handle.stats(signal);
    const window = (rates?.windowMs ?? 0) / 1000;
    expect((rates?.inPerSec ?? 0) * window).toBeCloseTo(30, 5);
    expect((rates?.outPerSec ?? 0) * window).toBeCloseTo(20, 5);
    expect((rates?.errorPerSec ?? 0) * window).toBeCloseTo(10, 5);
    expect(consumers).toBe(0);
  });

  it('lists the workers that are connected, each by itself, and none where there is none', async () => {
    const name = fresh('workers');
    await library(version, name).add('one', {});
    const handle = await queue(name);
    expect((await handle.describe(signal)).consumers).toEqual([]);
    connectWorker(version, name, { name: 'alpha' });
    connectWorker(version, name, {});
    const listed = async () => (await handle.describe(signal)).consumers?.map((one) => one.name).toSorted();
    await expect.poll(listed, { timeout: 20_000 }).toEqual(['alpha', null]);
    const { consumers } = await handle.describe(signal);
    expect(consumers?.map((one) => String(one.address))).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    ]);
    expect(await handle.stats(signal)).toMatchObject({ consumers: 2 });
  });
});

describe('pause and resume across versions', () => {
  it('jobs that BullMQ 5 parks while the queue is paused are counted, peeked, and none is stranded', async () => {
    const name = fresh('pause');
    const five = library('5', name);
    const six = library('6', name);
    await five.add('before', { n: 1 });
    await five.pause();
    await five.add('during-5', { n: 2 });
    await six.add('during-6', { n: 3 });
    const handle = await queue(name);
    expect(await handle.stats(signal)).toMatchObject({ state: 'paused', ready: 3 });
    expect((await peek(handle)).map((message) => message.name).toSorted()).toEqual(['before', 'during-5', 'during-6']);
    await handle.resume?.({ signal });
    expect(await client.llen(`bull:${name}:paused`)).toBe(0);
    expect(await handle.stats(signal)).toMatchObject({ state: 'running', ready: 3 });
    await handle.pause?.({ reason: 'incident 7', signal });
    await five.add('again-5', { n: 4 });
    expect(await handle.stats(signal)).toMatchObject({ state: 'paused', ready: 4, notes: { state: 'incident 7' } });
    await handle.resume?.({ signal });
    await work('5', name, 4, async () => 'done');
    expect(await six.getCompletedCount()).toBe(4);
    expect(await client.hget(`bull:${name}:meta`, 'mq:pauseReason')).toBeNull();
  });
});

describe('adding and moving', () => {
  it('keeps every number of the data, and the options', async () => {
    const name = fresh('data');
    const made = library('6', name);
    await made.waitUntilReady();
    await made.getVersion();
    const publisher = await (await queue(name)).publisher?.({ expected: null, lossy: false, notice, signal });
    const body = '{"big":12345678901234567890,"one":1.0,"empty":[]}';
    const outcome = await publisher?.send(
      outgoing({
        body: Buffer.from(body),
        name: 'charge',
        attempts: 4,
        backoff: { type: 'exponential', delayMs: 500 },
        priority: 3,
        id: 'my-id',
      }),
    );
    expect(outcome).toEqual({ status: 'sent', id: 'my-id' });
    expect(await publisher?.send(outgoing({ body: Buffer.from('1'), id: 'my-id' }))).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('exists'),
    });
    expect(publisher?.misfits(outgoing({ id: '7' }))).not.toEqual([]);
    expect(
      await publisher?.send(outgoing({ body: Buffer.from(body), name: 'charge', id: 'my-id' })),
      'alike, but sent as a message of its own',
    ).toMatchObject({ status: 'failed', reason: expect.stringContaining('already') });
    await publisher?.close();
    expect(await made.count()).toBe(1);
    expect(await client.hget(`bull:${name}:my-id`, 'data')).toBe(body);
    const job = await made.getJob('my-id');
    expect(job).toMatchObject({
      name: 'charge',
      priority: 3,
      opts: { attempts: 4, backoff: { type: 'exponential', delay: 500 } },
    });
  });

  it('a move that is done twice, after a crash between adding and removing, adds each job once', async () => {
    const from = fresh('from');
    const to = fresh('to');
    const source = library('6', from);
    await library('6', to).getVersion();
    for (let n = 0; n < 5; n += 1) await source.add('job', { n }, { attempts: 3, priority: n });
    const broker = await open();
    const target = await broker.queue(to, signal);
    for (const crash of [true, false]) {
      const publisher = await target.publisher?.({ expected: null, lossy: false, once: true, notice, signal });
      const handle = await broker.queue(from, signal);
      const consumer = await handle.consume?.(consumeOptions());
      for await (const { message, receipt } of consumer ?? []) {
        const outcome = await publisher?.send({
          ...outgoing(),
          ...message,
          from: handle.place,
          delayMs: null,
          attempts: null,
          backoff: null,
          replays: null,
        });
        expect(outcome).toEqual({
          status: 'sent',
          id: expect.stringMatching(new RegExp(`^mq-${message.id}-`)),
          ...(crash ? {} : { already: true }),
        });
        if (!crash) await receipt.ack();
      }
      await consumer?.close();
      await publisher?.close();
    }
    expect(await source.getJobCountByTypes('wait', 'prioritized')).toBe(0);
    const moved = await peek(target);
    expect(moved.map((message) => JSON.parse(text(message)).n)).toEqual([0, 1, 2, 3, 4]);
    expect(moved[1]?.native).toMatchObject({ redis: { bullmq: { opts: { attempts: 3 } } } });
  });

  it('leaves jobs of a flow where they are, counts them, and never calls that done', async () => {
    const name = fresh('flow');
    const children = ['child-1', 'child-2', 'other'].map((child) => ({ name: child, queueName: name }));
    await flows().add({ name: 'parent', queueName: `${name}-p`, children });
    await library('6', name).add('child-free', {});
    const broker = await open();
    const plan = await planPurge({
      ...EVERYTHING,
      broker,
      queue: await broker.queue(name, signal),
      state: 'ready',
      backup: null,
      filter: await compileFilter('name.startsWith("child")'),
      notice,
      signal,
    });
    const how = { onProgress: () => {}, signal };
    expect(await plan.run({ dryRun: true, ...how })).toMatchObject({ matched: 3, left: 1 });
    const report = await plan.run({ dryRun: false, ...how });
    const reason = expect.stringContaining('child of another job');
    expect(report).toMatchObject({ matched: 3, moved: 1, failed: 2, left: 1, failures: [{ reason }, { reason }] });
    expect(await client.llen(`bull:${name}:wait`)).toBe(3);
    expect(await client.zcard(`bull:${name}-p:waiting-children`)).toBe(1);
  });

  it('of so many it takes as many as can be taken, also behind jobs of a flow, and an ack of one of those rejects', async () => {
    const name = fresh('flow-limit');
    await flows().add({ name: 'parent', queueName: `${name}-p`, children: [{ name: 'child', queueName: name }] });
    for (const free of ['one', 'two', 'three']) await library('6', name).add(free, {});
    const consumer = await (await queue(name)).consume?.(consumeOptions({ limit: 2, window: 1 }));
    const taken: (string | null)[] = [];
    for await (const { message, receipt, stays } of consumer ?? []) {
      if (stays === undefined) taken.push(message.name);
      else await expect(receipt.ack()).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
      await (stays === undefined ? receipt.ack() : receipt.release());
    }
    await consumer?.close();
    expect(taken).toEqual(['one', 'two']);
    expect(await client.llen(`bull:${name}:wait`)).toBe(2);
  });

  it.each([
    ['all of them', null],
    ['chosen ones', 'name.startsWith("bad")'],
  ])(
    'when the answers are lost, nobody knows which jobs were redriven, and no more are tried: %s',
    async (_, filter) => {
      const name = fresh('lost');
      const jobs = Array.from({ length: 8 }, (_, n) => ({ name: `bad-${n}` }));
      await failing('6', name, jobs);
      const relay = await losingRelay(new URL(url), /\r\nevalsha\r\n/i);
      after(() => relay.close());
      const broker = await open('', relay.url);
      const plan = await planRedrive(
        redriveOf(broker, await broker.queue(name, signal), {
          filter: filter === null ? null : await compileFilter(filter),
          signal,
        }),
      );
      const running = plan.run({ dryRun: false, onProgress: () => {}, signal });
      await eventually(async () => expect(await client.zcard(`bull:${name}:failed`)).toBe(0));
      relay.cut();
      const report = await running;
      expect(report).toMatchObject({ matched: 8, moved: 0, failed: 0, unknown: 8, complete: false });
      expect(report.failures).toContainEqual({ id: expect.any(String), reason: expect.stringContaining('connection') });
      expect(await client.llen(`bull:${name}:wait`)).toBe(8);
    },
  );

  it('a redriven job remembers how often, and a job that vanished is skipped', async () => {
    const name = fresh('replays');
    const made = await failing('6', name, [{ name: 'bad-1' }, { name: 'bad-2' }]);
    const handle = await queue(name);
    const [first, second] = await peek(handle, { state: 'dead' });
    await made.remove(first?.id ?? '');
    const native = await handle.nativeMove?.(moveRequest({ state: 'dead', selective: true, countReplay: true }));
    const page = await native?.next({ messages: [first, second].filter((message) => message !== undefined) });
    expect(page).toMatchObject({ moved: 1, failed: [], skipped: [{ id: first?.id }] });
    expect(await client.exists(`bull:${name}:${first?.id}`)).toBe(0);
    await work('6', name, 1, async () => {
      throw new Error('again');
    });
    expect((await peek(handle, { state: 'dead' }))[0]?.dead).toMatchObject({ replays: 1, error: 'again' });
  });
});

it('a queue of wrapped dead letters is redriven unwrapped', async () => {
  const name = fresh('wrapped');
  const main = library('6', name);
  await main.getVersion();
  const dlq = library('6', `${name}-dlq`);
  await dlq.add('dead-letter', {
    originalJob: { id: '9', name: 'send', data: { to: 'a@b', n: 1.5 }, opts: { attempts: 5, priority: 2 } },
    reason: 'ETIMEDOUT',
    failedAt: 1795300000000,
  });
  const broker = await open('?unwrap=originalJob');
  const handle = await broker.queue(`${name}-dlq`, signal);
  const [wrapped] = await peek(handle);
  expect(wrapped?.dead).toMatchObject({ from: name, error: 'ETIMEDOUT', at: 1795300000000 });
  const links = await handle.deadLetters?.(signal);
  expect(links?.sources).toEqual([name]);
  if (wrapped === undefined || links === undefined) throw new Error('nothing to restore');
  const plan = await planRedrive(redriveOf(broker, handle, { notice, signal }));
  expect(await plan.run({ dryRun: false, onProgress: () => {}, signal })).toMatchObject({
    moved: 1,
    failed: 0,
    complete: true,
  });
  expect(await dlq.count()).toBe(0);
  const [job] = await main.getPrioritized();
  expect(job).toMatchObject({ name: 'send', data: { to: 'a@b', n: 1.5 }, priority: 2, opts: { attempts: 5 } });
});

it('a queue of Bull 4 can be seen and not changed', async () => {
  const name = fresh('old');
  const old = new Bull(name, { redis: connection });
  after(() => old.close());
  await old.add('job', { n: 1 });
  await old.add('job', { n: 2 }, { delay: 600_000 });
  const commands = await commandsDuring(async () => {
    const handle = await queue(name);
    expect(await handle.stats(signal)).toMatchObject({
      kind: 'bullmq',
      ready: 1,
      delayed: 1,
      notes: { state: expect.stringContaining('Bull 4') },
    });
    expect((await peek(handle)).map(text)).toEqual(['{"n":1}']);
    expect(handle.publisher).toBeUndefined();
    expect(handle.capabilities.abilities.purge).toMatchObject({ supported: false });
  });
  await expectReadOnly(commands.filter((command) => !['EVALSHA', 'BRPOPLPUSH'].includes(command)));
});
