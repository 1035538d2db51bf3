import { setTimeout as wait } from 'node:timers/promises';
import Bull from 'bull';
import { Queue as Queue6, Worker as Worker6 } from 'bullmq';
import { Queue as Queue3, Worker as Worker3 } from 'bullmq3';
import { Queue as Queue4, Worker as Worker4 } from 'bullmq4';
import { Queue as Queue5, Worker as Worker5 } from 'bullmq5';
import { describe, expect, it } from 'vitest';
import { outgoing } from '../../../src/conformance/messages.ts';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import type { OutgoingMessage } from '../../../src/contract/message.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { planPurge } from '../../../src/core/purge.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { after, client, connection, fresh, notice, open, peek, queue, signal, text } from '../../support/redis/lab.ts';

type Work = (job: { readonly data: unknown }) => Promise<void>;
type Running = { close(): Promise<void>; on(event: 'error', listener: () => void): unknown };

/** What the four versions have in common, as far as the tests use it. */
interface Application {
  add(name: string, data: object, options?: object): Promise<{ readonly id?: string | undefined }>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  getFailedCount(): Promise<number>;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

interface Version {
  readonly version: string;
  queue(name: string): Application;
  worker(name: string, work: Work): Running;
  /** Every second and a half, the first time in about as long. */
  repeat(name: string): Promise<unknown>;
}

/** So that a worker of 3 and 4 looks at once after a second without jobs. */
const options = { connection, drainDelay: 1 };
const EVERY = 1500;
const TICK = { name: 'j', data: { n: 'tick' } };
const later = () => ({ every: EVERY, startDate: Date.now() + EVERY });
/** Versions 3 and 4 repeat at multiples of the time. Right before one, the job would be due when it is added. */
async function earlyInPeriod(): Promise<void> {
  const past = Date.now() % EVERY;
  if (past > EVERY / 2) await wait(EVERY - past);
}
const THREE: Version = {
  version: '3',
  queue: (name) => new Queue3(name, { connection }),
  worker: (name, work) => new Worker3(name, work, options),
  repeat: (name) =>
    once(new Queue3(name, { connection }), async (made) => {
      await earlyInPeriod();
      await made.add(TICK.name, TICK.data, { repeat: { every: EVERY } });
    }),
};
const FOUR: Version = {
  version: '4',
  queue: (name) => new Queue4(name, { connection }),
  worker: (name, work) => new Worker4(name, work, options),
  repeat: (name) =>
    once(new Queue4(name, { connection }), async (made) => {
      await earlyInPeriod();
      await made.add(TICK.name, TICK.data, { repeat: { every: EVERY } });
    }),
};
const FIVE: Version = {
  version: '5',
  queue: (name) => new Queue5(name, { connection }),
  worker: (name, work) => new Worker5(name, work, options),
  repeat: (name) => once(new Queue5(name, { connection }), (made) => made.upsertJobScheduler('tick', later(), TICK)),
};
const SIX: Version = {
  version: '6',
  queue: (name) => new Queue6(name, { connection }),
  worker: (name, work) => new Worker6(name, work, options),
  repeat: (name) => once(new Queue6(name, { connection }), (made) => made.upsertJobScheduler('tick', later(), TICK)),
};
const VERSIONS = [THREE, FOUR, FIVE, SIX];
const PATIENCE = { timeout: 20_000, interval: 50 };

async function once<Q extends { close(): Promise<void> }>(made: Q, use: (made: Q) => Promise<unknown>): Promise<void> {
  await use(made);
  await made.close();
}

async function application(version: Version, name: string): Promise<Application> {
  const made = version.queue(name);
  after(() => made.close());
  await made.waitUntilReady();
  return made;
}

/** A worker of that version; `ran` grows as it starts jobs. Ends with the test, or when it is closed. */
function worker(version: Version, name: string, process: () => Promise<void> = async () => {}) {
  const ran: unknown[] = [];
  const made = version.worker(name, async ({ data }) => {
    ran.push((data as { n?: unknown }).n);
    await process();
  });
  made.on('error', () => {});
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    await made.close();
  };
  after(close);
  return { ran, close };
}

const fail = async (): Promise<void> => {
  throw new Error('boom');
};

async function send(target: Queue, ...messages: readonly Partial<OutgoingMessage>[]): Promise<void> {
  const publisher = await target.publisher?.({ expected: null, lossy: false, notice, signal });
  for (const message of messages) expect(await publisher?.send(outgoing(message))).toMatchObject({ status: 'sent' });
  await publisher?.close();
}

const job = (n: number, more: Partial<OutgoingMessage> = {}): Partial<OutgoingMessage> => ({
  body: Buffer.from(JSON.stringify({ n })),
  name: 'j',
  ...more,
});

async function redriveAll(name: string): Promise<void> {
  const broker = await open();
  const plan = await planRedrive(redriveOf(broker, await broker.queue(name, signal), { notice, signal }));
  expect(await plan.run({ dryRun: false, onProgress: () => {}, signal })).toMatchObject({ failed: 0, complete: true });
}

describe.each(VERSIONS)('an application with BullMQ $version', (version) => {
  it('runs a redriven job as often as a new one, in the order of its priority', async () => {
    const name = fresh('anew');
    const made = await application(version, name);
    for (const [n, priority] of [
      [1, 0],
      [2, 5],
      [3, 1],
    ] as const)
      await made.add('j', { n }, { attempts: 2, ...(priority === 0 ? {} : { priority }) });
    const first = worker(version, name, fail);
    await expect.poll(() => made.getFailedCount(), PATIENCE).toBe(3);
    await first.close();
    await redriveAll(name);
    expect(await (await queue(name)).stats(signal)).toMatchObject({ ready: 3, dead: 0 });
    const second = worker(version, name, fail);
    await expect.poll(() => made.getFailedCount(), PATIENCE).toBe(3);
    expect(second.ran.toSorted()).toEqual([1, 1, 2, 2, 3, 3]);
    expect(second.ran.indexOf(3)).toBeLessThan(second.ran.indexOf(2));
  });

  it('works on what was enqueued: plain, with priority, delayed', async () => {
    const name = fresh('sent');
    const made = await application(version, name);
    await send(
      await queue(name),
      job(1),
      job(2, { priority: 9 }),
      job(3, { priority: 2 }),
      job(4, { delayMs: 300 }),
      job(5, { id: 'mine' }),
    );
    expect((await made.add('j', { n: 6 })).id).toBe('6');
    const working = worker(version, name);
    await expect.poll(() => working.ran.toSorted(), PATIENCE).toEqual([1, 2, 3, 4, 5, 6]);
    expect(working.ran.indexOf(3)).toBeLessThan(working.ran.indexOf(2));
  });

  it('stops at a pause and loses nothing at its own resume, nor at ours', async () => {
    const name = fresh('pause');
    const made = await application(version, name);
    const handle = await queue(name);
    for (const n of [1, 2]) await made.add('j', { n, attempts: 1 });
    await handle.pause?.({ reason: 'incident', signal });
    await made.add('j', { n: 3 });
    await send(handle, job(4), job(5, { priority: 1 }));
    const working = worker(version, name);
    const other = fresh('pace');
    await (await application(version, other)).add('j', { n: 1 });
    const pace = worker(version, other);
    await expect.poll(() => pace.ran, PATIENCE).toEqual([1]);
    expect(working.ran).toEqual([]);
    expect(await handle.stats(signal)).toMatchObject({ state: 'paused', ready: 5 });
    await made.resume();
    await expect.poll(() => working.ran.toSorted(), PATIENCE).toEqual([1, 2, 3, 4, 5]);
    await made.pause();
    await made.add('j', { n: 6 });
    await send(handle, job(7));
    expect(await handle.stats(signal)).toMatchObject({ state: 'paused', ready: 2 });
    await handle.resume?.({ signal });
    await expect.poll(() => working.ran.toSorted(), PATIENCE).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('finds what was redriven while it was paused, after its own resume', async () => {
    const name = fresh('held');
    const made = await application(version, name);
    await made.add('j', { n: 1 }, { attempts: 1 });
    const first = worker(version, name, fail);
    await expect.poll(() => made.getFailedCount(), PATIENCE).toBe(1);
    await first.close();
    await made.pause();
    await made.add('j', { n: 2 });
    await redriveAll(name);
    await made.resume();
    const second = worker(version, name);
    await expect.poll(() => second.ran.toSorted(), PATIENCE).toEqual([1, 2]);
  });

  it('keeps its repeatable job when the delayed ones are purged', async () => {
    const name = fresh('tick');
    const made = await application(version, name);
    await version.repeat(name);
    await made.add('j', { n: 1 }, { delay: 600_000 });
    const broker = await open();
    const plan = await planPurge({
      ...EVERYTHING,
      broker,
      queue: await broker.queue(name, signal),
      state: 'delayed',
      backup: null,
      notice,
      signal,
    });
    const report = await plan.run({ dryRun: false, onProgress: () => {}, signal });
    expect(report).toMatchObject({ moved: 1, failures: [{ reason: expect.stringContaining('scheduler') }] });
    const working = worker(version, name);
    await expect.poll(() => working.ran, PATIENCE).toEqual(['tick', 'tick']);
  });
});

it('attempts that version 4 has counted are reset also for the 5 that runs the job now', async () => {
  const name = fresh('upgraded');
  const four = await application(FOUR, name);
  await four.add('j', { n: 1 }, { attempts: 3 });
  const old = worker(FOUR, name, fail);
  await expect.poll(() => four.getFailedCount(), PATIENCE).toBe(1);
  await old.close();
  const five = await application(FIVE, name);
  await redriveAll(name);
  const now = worker(FIVE, name, fail);
  await expect.poll(() => five.getFailedCount(), PATIENCE).toBe(1);
  expect(now.ran).toEqual([1, 1, 1]);
});

it.each(VERSIONS)('BullMQ $version: stalls are counted anew after a redrive, as attempts are', async (version) => {
  const name = fresh('stalled');
  const made = await application(version, name);
  const { id = '' } = await made.add('j', { n: 1 });
  // As the library leaves a job that has stalled too often.
  await client.lrem(`bull:${name}:wait`, 1, id);
  await client.zadd(`bull:${name}:failed`, Date.now(), id);
  await client.hset(`bull:${name}:${id}`, 'stc', '2', 'failedReason', 'job stalled more than allowable limit');
  await redriveAll(name);
  expect(await client.hget(`bull:${name}:${id}`, 'stc')).toBeNull();
  const working = worker(version, name);
  await expect.poll(() => working.ran, PATIENCE).toEqual([1]);
});

it('a paused list that 5 has filled and a waiting list that 6 has filled are one after our pause and resume, in order', async () => {
  const name = fresh('both');
  await application(FIVE, name);
  const five = await application(FIVE, name);
  await five.pause();
  const ids = (from: number): string[] => Array.from({ length: 1500 }, (_, n) => String(from + n));
  await client.lpush(`bull:${name}:paused`, ...ids(1));
  await client.lpush(`bull:${name}:wait`, ...ids(2001));
  const handle = await queue(name);
  await handle.pause?.({ reason: null, signal });
  expect(await client.exists(`bull:${name}:wait`)).toBe(0);
  expect((await client.lrange(`bull:${name}:paused`, 0, -1)).reverse()).toEqual([...ids(1), ...ids(2001)]);
  await client.lpush(`bull:${name}:wait`, ...ids(4001));
  await handle.resume?.({ signal });
  expect((await client.lrange(`bull:${name}:wait`, 0, -1)).reverse()).toEqual([...ids(1), ...ids(2001), ...ids(4001)]);
});

it.each([THREE, FOUR])('what wakes the workers of BullMQ $version is not counted as a job', async (version) => {
  const name = fresh('marker');
  const made = await application(version, name);
  const handle = await queue(name);
  await made.add('j', { n: 1 }, { delay: 600_000 });
  expect(await client.llen(`bull:${name}:wait`)).toBe(1);
  expect(await handle.stats(signal)).toMatchObject({ ready: 0, delayed: 1, depth: 1 });
  await made.add('j', { n: 2 });
  expect(await handle.stats(signal)).toMatchObject({ ready: 1, depth: 2 });
  await made.pause();
  expect(await handle.stats(signal)).toMatchObject({ ready: 1, depth: 2 });
});

it('a deduplication id is not for versions that know none', async () => {
  for (const version of [THREE, FOUR]) {
    const name = fresh('dedup');
    await application(version, name);
    const handle = await queue(name);
    expect(handle.capabilities.holds).not.toContain('deduplicationId');
    const publisher = await handle.publisher?.({ expected: null, lossy: false, notice, signal });
    expect(publisher?.misfits(outgoing(job(1, { deduplicationId: 'd' })))).toEqual([
      expect.stringContaining('deduplication'),
    ]);
    await publisher?.close();
  }
});

it.each([true, false])(
  'a queue of Bull 4 stays read-only; with waiting jobs while it is paused: %s',
  async (waiting) => {
    const name = fresh('bull4');
    const old = new Bull(name, { redis: connection });
    after(() => old.close());
    await old.pause();
    if (waiting) await old.add('j', { n: 1 });
    const handle = await queue(name);
    expect(handle.publisher).toBeUndefined();
    expect(handle.nativeMove).toBeUndefined();
    expect(await handle.stats(signal)).toMatchObject({ state: 'paused', ready: waiting ? 1 : 0 });
    expect((await peek(handle)).map(text)).toEqual(waiting ? ['{"n":1}'] : []);
  },
);

it('an application that has left Bull 4 paused behind, and works with BullMQ, is not paused', async () => {
  const name = fresh('migrated');
  const old = new Bull(name, { redis: connection });
  await old.pause();
  await old.close();
  const made = await application(SIX, name);
  await made.resume();
  const handle = await queue(name);
  expect(await handle.stats(signal)).toMatchObject({ state: 'running' });
  expect(handle.publisher).toBeDefined();
});
