import { Queue as Queue6, Worker as Worker6 } from 'bullmq';
import { Queue as Queue5, Worker as Worker5 } from 'bullmq5';
import { describe, expect, it } from 'vitest';
import { jsonOf, runMq } from '../../support/mq.ts';
import { after, client, commandsDuring, connection, expectReadOnly, fresh, url } from '../../support/redis/lab.ts';

const at = ['--url', url];

function library(version: '5' | '6', name: string): Queue5 | Queue6 {
  const made = version === '6' ? new Queue6(name, { connection }) : new Queue5(name, { connection });
  after(() => made.close());
  return made;
}

/** A real worker works until `isDone`. */
async function work(
  version: '5' | '6',
  name: string,
  process: (job: { readonly name: string }) => Promise<unknown>,
  isDone: () => Promise<boolean>,
): Promise<void> {
  const options = { connection, concurrency: 20 };
  const worker = version === '6' ? new Worker6(name, process, options) : new Worker5(name, process, options);
  try {
    await expect.poll(isDone, { timeout: 30_000 }).toBe(true);
  } finally {
    await worker.close();
  }
}

interface Shown {
  readonly id: string;
  readonly name: string;
  readonly priority: number | null;
}

describe.each(['5', '6'] as const)('the built program on a queue of BullMQ %s', (version) => {
  it('ls, stats, peek of every state and inspect agree with the library and write nothing', {
    timeout: 90_000,
  }, async () => {
    const name = fresh('emails');
    const queue = library(version, name);
    await queue.add('bad', { n: 0 });
    await queue.add('good', { n: 1 });
    const fails = async (job: { readonly name: string }) => {
      if (job.name === 'bad') throw new Error('connect ETIMEDOUT');
    };
    await work(version, name, fails, async () => {
      const { failed, completed } = await queue.getJobCounts('failed', 'completed');
      return failed === 1 && completed === 1;
    });
    await queue.add('a', { n: 2 });
    await queue.add('first', { n: 3 }, { lifo: true });
    await queue.add('p2', { n: 4 }, { priority: 2 });
    await queue.add('later', { n: 5 }, { delay: 600_000 });
    // Asked before, since the library's own looking is by scripts, which the monitor would see.
    const counts = await queue.getJobCounts();
    const idsOf = (jobs: readonly { readonly id?: string | undefined }[]) => jobs.map(({ id }) => id);
    const ready = idsOf([...(await queue.getWaiting()), ...(await queue.getPrioritized())]);
    const delayed = idsOf(await queue.getDelayed());
    const completed = idsOf(await queue.getCompleted());
    const [failed] = await queue.getFailed();
    const ghost = `${name}-ghost`;
    const commands = await commandsDuring(async () => {
      const figures = {
        queue: name,
        kind: 'bullmq',
        ready: (counts.waiting ?? 0) + (counts.prioritized ?? 0),
        inFlight: counts.active,
        delayed: counts.delayed,
        dead: counts.failed,
      };
      for (const verb of ['ls', 'stats'])
        expect(await jsonOf([...at, verb, name, '-o', 'json'])).toMatchObject([figures]);
      const peeked = (state: string) => jsonOf<readonly Shown[]>([...at, 'peek', name, '--state', state, '-o', 'json']);
      expect((await peeked('ready')).map(({ id }) => id)).toEqual(ready);
      expect((await peeked('delayed')).map(({ id }) => id)).toEqual(delayed);
      expect((await peeked('completed')).map(({ id }) => id)).toEqual(completed);
      expect(await peeked('in-flight')).toEqual([]);
      expect(await peeked('dead')).toMatchObject([
        { id: failed?.id, name: 'bad', dead: { error: 'connect ETIMEDOUT' } },
      ]);
      expect(await jsonOf([...at, 'inspect', name, failed?.id ?? '', '-o', 'json'])).toMatchObject({
        id: failed?.id,
        name: 'bad',
      });
      expect(await runMq([...at, 'inspect', name])).toMatchObject({ code: 0 });
      for (const verb of ['stats', 'peek', 'inspect'])
        expect(await runMq([...at, verb, ghost])).toMatchObject({ code: 4 });
      expect((await runMq([...at, 'ls', ghost])).stdout).not.toContain(ghost);
    });
    await expectReadOnly(commands);
    expect(await client.keys(`*${ghost}*`)).toEqual([]);
    expect(await queue.getJobCounts()).toEqual(counts);
  });

  it('a redrive by filter, max and rate: exactly those, attempts anew, priority kept, and the real worker completes them', {
    timeout: 90_000,
  }, async () => {
    const emails = fresh('emails');
    const queue = library(version, emails);
    const jobs = Array.from({ length: 260 }, (_, n) => ({
      name: n % 2 === 0 ? 'slow' : 'wrong',
      data: { n },
      opts: { attempts: 2, priority: (n % 3) + 1 },
    }));
    await queue.addBulk(jobs);
    const fails = async (job: { readonly name: string }) => {
      throw new Error(job.name === 'slow' ? 'connect ETIMEDOUT 10.0.0.1' : 'bad address');
    };
    await work(version, emails, fails, async () => (await queue.getFailedCount()) === 260);
    const start = performance.now();
    const report = await jsonOf([
      ...[...at, 'redrive', emails, '--filter', 'dead.error.contains("ETIMEDOUT")'],
      ...['--max', '100', '--rate', '50/s', '--yes', '-o', 'json'],
    ]);
    // The first page goes at once; 100 at 50/s are 2 s.
    expect(performance.now() - start).toBeGreaterThan(1800);
    expect(report).toMatchObject({
      operation: 'redrive',
      moved: 100,
      skipped: 0,
      failed: 0,
      unknown: 0,
      native: true,
      complete: true,
    });
    const waiting = await queue.getPrioritized();
    expect(waiting).toHaveLength(100);
    for (const job of waiting)
      expect(job).toMatchObject({ name: 'slow', attemptsMade: 0, priority: (job.data.n % 3) + 1 });
    await work(
      version,
      emails,
      async () => 'sent',
      async () => (await queue.getCompletedCount()) === 100,
    );
    expect(await queue.getJobCounts('failed', 'completed', 'prioritized')).toEqual({
      failed: 160,
      completed: 100,
      prioritized: 0,
    });
  });
});

it('pause and resume across BullMQ 5 and 6: a running worker of each gets nothing while it is paused, and no job is stranded', {
  timeout: 90_000,
}, async () => {
  const name = fresh('pause');
  const five = library('5', name);
  const six = library('6', name);
  await six.add('before', {});
  expect(await runMq([...at, 'pause', name, '--reason', 'incident 7'])).toMatchObject({ code: 0 });
  const done: string[] = [];
  const take = async (job: { readonly name: string }) => void done.push(job.name);
  const workers = [new Worker5(name, take, { connection }), new Worker6(name, take, { connection })];
  after(() => Promise.all(workers.map((worker) => worker.close())));
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  for (const queue of [five, six]) await queue.add('during', {});
  await five.add('urgent', {}, { priority: 1 });
  expect(await jsonOf([...at, 'stats', name, '-o', 'json'])).toMatchObject([
    { state: 'paused', ready: 4, inFlight: 0 },
  ]);
  expect(done).toEqual([]);
  expect(await runMq([...at, 'resume', name])).toMatchObject({ code: 0 });
  await expect.poll(() => done.length, { timeout: 30_000 }).toBe(4);
  expect(done.toSorted()).toEqual(['before', 'during', 'during', 'urgent']);
  await expect.poll(() => six.getCompletedCount(), { timeout: 10_000 }).toBe(4);
  expect(await jsonOf([...at, 'stats', name, '-o', 'json'])).toMatchObject([
    { state: 'running', ready: 0, inFlight: 0 },
  ]);
});
