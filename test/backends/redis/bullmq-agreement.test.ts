import { FlowProducer, Queue as Queue6, Worker as Worker6 } from 'bullmq';
import { describe, expect, it } from 'vitest';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import { planDrain } from '../../../src/core/drain.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { planMove } from '../../../src/core/move.ts';
import type { Plan } from '../../../src/core/plan.ts';
import { planPurge } from '../../../src/core/purge.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import type { AnyReport } from '../../../src/core/report.ts';
import { EVERYTHING, type SelectionOptions } from '../../../src/core/selection.ts';
import {
  after,
  client,
  connection,
  consumeOptions,
  fresh,
  notice,
  open,
  peek,
  queue,
  signal,
} from '../../support/redis/lab.ts';

type State = 'ready' | 'dead';
const VERBS = ['redrive', 'move', 'copy', 'drain', 'purge'] as const;

function library(name: string): Queue6 {
  const made = new Queue6(name, { connection });
  after(() => made.close());
  return made;
}

/**
 * In each state: a plain job, one whose data is gone, the child of a job that waits for it, and the next run of a
 * scheduler.
 */
async function mixed(name: string, state: State): Promise<void> {
  const flows = new FlowProducer({ connection });
  after(() => flows.close());
  const made = library(name);
  for (const n of [1, 2, 3]) await made.add('plain', { n }, { jobId: `plain-${n}` });
  await made.add('ghost', {}, { jobId: 'ghost' });
  await flows.add({ name: 'parent', queueName: `${name}-p`, children: [{ name: 'child', data: {}, queueName: name }] });
  await made.upsertJobScheduler('tick', { every: 3_600_000 }, { name: 'tick', data: {} });
  if (state === 'dead') {
    const { promise, resolve } = Promise.withResolvers<void>();
    let failed = 0;
    const worker = new Worker6(
      name,
      async () => {
        throw new Error('boom');
      },
      { connection },
    );
    worker.on('failed', () => {
      failed += 1;
      if (failed === 6) resolve();
    });
    await promise;
    await worker.close();
  }
  await client.del(`bull:${name}:ghost`);
}

async function planOf(
  verb: (typeof VERBS)[number],
  broker: Broker,
  [name, to]: readonly [string, string],
  state: State,
  selection: Partial<SelectionOptions>,
): Promise<Plan> {
  const source = await broker.queue(name, signal);
  const chosen = { ...EVERYTHING, ...selection };
  const common = { max: null, ratePerSec: null, notice, signal };
  if (verb === 'redrive') return planRedrive(redriveOf(broker, source, { ...chosen, notice, signal }));
  if (verb === 'purge') return planPurge({ ...chosen, broker, queue: source, state, backup: null, notice, signal });
  if (verb === 'drain')
    return planDrain({
      ...{ ...chosen, ...common, broker, queue: source, state, destinationName: 'nowhere', worker: null },
      ...{ follow: false, idleMs: null },
      destination: () => ({ put: async (message) => ({ status: 'sent', id: message.id }) }),
    });
  const target = await broker.queue(to, signal);
  return planMove({
    ...{ ...chosen, ...common, operation: verb, source, state, only: null, target },
    ...{ setHeaders: {}, lossy: false },
  });
}

const figures = ({ moved, skipped, failed, left, complete }: AnyReport) => ({ moved, skipped, failed, left, complete });
const how = { onProgress: () => {}, signal };

describe.each(['ready', 'dead'] as const)(
  'jobs that are %s, some of flows and schedulers, one without its data, one whose key is no hash',
  (state) => {
    it.each(VERBS.filter((verb) => state === 'dead' || verb !== 'redrive'))(
      '%s: whole and filtered, dry and real come to one answer',
      async (verb) => {
        const broker = await open();
        const reports: Record<string, ReturnType<typeof figures>> = {};
        const after_: Record<string, unknown> = {};
        for (const [way, filter] of [
          ['whole', null],
          ['filtered', await compileFilter('true')],
        ] as const) {
          const name = fresh(`${verb}-${way}`);
          const to = fresh('to');
          await library(to).waitUntilReady();
          await mixed(name, state);
          await client.set(`bull:${name}:odd`, 'no hash');
          if (state === 'ready') await client.lpush(`bull:${name}:wait`, 'odd');
          else await client.zadd(`bull:${name}:failed`, 1, 'odd');
          const plan = await planOf(verb, broker, [name, to], state, { filter });
          reports[`${way}, dry`] = figures(await plan.run({ dryRun: true, ...how }));
          const untouched = await peek(await broker.queue(name, signal), { state });
          expect(untouched).toHaveLength(5);
          reports[way] = figures(await plan.run({ dryRun: false, ...how }));
          const rest = await peek(await broker.queue(name, signal), { state });
          const [list, set] = await Promise.all([
            client.lpos(`bull:${name}:wait`, 'odd'),
            client.zscore(`bull:${name}:failed`, 'odd'),
          ]);
          expect([list, set], 'stays').not.toEqual([null, null]);
          // A script that fails half way would leave what it had marked.
          expect(await client.lpos(`bull:${name}:wait`, '')).toBeNull();
          after_[way] = [rest.map((message) => message.name).toSorted(), await library(to).getWaitingCount()];
        }
        // A whole redrive meets the ids without a job and passes over them; every look passes over them before.
        const ghosts = verb === 'redrive' ? 2 : 0;
        expect(reports['whole, dry']).toEqual(reports.whole);
        expect(reports['filtered, dry']).toEqual(reports.filtered);
        expect(reports.whole).toEqual({ ...reports.filtered, skipped: ghosts });
        expect(after_.whole).toEqual(after_.filtered);
      },
    );
  },
);

it('the child of a parent that is gone, and the runs of a scheduler that are over, are jobs like any other', async () => {
  const name = fresh('orphans');
  const to = fresh('to');
  await library(to).waitUntilReady();
  await mixed(name, 'dead');
  await client.del(...(await client.keys(`bull:${name}-p:*`)).filter((key) => /:[0-9a-f-]{36}$/.test(key)));
  const broker = await open();
  const plan = await planOf('move', broker, [name, to], 'dead', {});
  expect(await plan.run({ dryRun: true, ...how })).toMatchObject({ moved: 5, failed: 0 });
  expect(await plan.run({ dryRun: false, ...how })).toMatchObject({ moved: 5, failed: 0 });
  expect(await library(to).getWaitingCount()).toBe(5);
});

describe('what a worker does while jobs are taken out', () => {
  /** Reads the only job of a queue, has the application do something with it, and acknowledges it only then. */
  async function ackAfter(name: string, meanwhile: () => Promise<unknown>): Promise<unknown> {
    const consumer = await (await queue(name)).consume?.(consumeOptions());
    let outcome: unknown = 'nothing came';
    for await (const { receipt } of consumer ?? []) {
      await meanwhile();
      outcome = await receipt.ack().then(
        () => 'removed',
        (error: Error) => error.message,
      );
    }
    await consumer?.close();
    return outcome;
  }

  async function work(name: string, times: number, process: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let ran = 0;
    const worker = new Worker6(
      name,
      async () => {
        await process();
      },
      { connection },
    );
    const end = (): void => {
      ran += 1;
      if (ran === times) resolve();
    };
    worker.on('completed', end).on('failed', end);
    await promise;
    await worker.close();
  }

  it.each([
    ['completed', {}, async () => {}],
    ['completed, and removed', { removeOnComplete: true }, async () => {}],
    [
      'tried, and given back',
      { attempts: 2, backoff: { type: 'fixed', delay: 600_000 } },
      async () => {
        throw new Error('boom');
      },
    ],
  ])('a job that was %s meanwhile was not taken out safely, and is told', async (_, options, process) => {
    const name = fresh('live');
    const made = library(name);
    await made.add('j', {}, options);
    expect(await ackAfter(name, () => work(name, 1, process))).toContain('a worker has taken it');
    const kept = await made.getJobCountByTypes('completed', 'delayed');
    expect(kept).toBe('removeOnComplete' in options ? 0 : 1);
  });

  it('a job that is running is not taken out', async () => {
    const name = fresh('running');
    const made = library(name);
    await made.add('j', {});
    const started = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const worker = new Worker6(
      name,
      async () => {
        started.resolve();
        await goOn.promise;
      },
      { connection },
    );
    const completed = new Promise<void>((resolve) => worker.on('completed', () => resolve()));
    worker.on('error', () => {});
    await started.promise;
    expect(await ackAfter(name, async () => {})).toBe('nothing came');
    goOn.resolve();
    await completed;
    await worker.close();
    expect(await made.getCompletedCount()).toBe(1);
  });

  it('a job that was moved into the paused list meanwhile is taken out all the same', async () => {
    const name = fresh('parked');
    await library(name).add('j', {});
    const parked = () => client.rename(`bull:${name}:wait`, `bull:${name}:paused`);
    expect(await ackAfter(name, parked)).toBe('removed');
    expect(await client.exists(`bull:${name}:paused`)).toBe(0);
  });
});

describe('delete', () => {
  const keysOf = async (name: string): Promise<string[]> => (await client.keys(`bull:${name}:*`)).toSorted();

  it('is refused while jobs wait for children, or are children themselves, and all is as before', async () => {
    const name = fresh('family');
    const flows = new FlowProducer({ connection });
    after(() => flows.close());
    await flows.add({ name: 'parent', queueName: name, children: [{ name: 'c', queueName: `${name}-c` }] });
    const broker = await open();
    for (const [one, why] of [
      [name, 'waiting for children'],
      [`${name}-c`, 'child of a job'],
    ] as const) {
      const before = await keysOf(one);
      await expect(broker.delete?.(one, signal)).rejects.toMatchObject({
        code: 'PRECONDITION_FAILED',
        message: expect.stringContaining(why),
      });
      expect(await keysOf(one)).toEqual(before);
    }
    expect((await (await queue(name)).stats(signal)).notes).toMatchObject({ depth: expect.stringContaining('1') });
  });

  it('leaves no key, not even of a deduplication id, which would drop the first job of the next queue of that name', async () => {
    const name = fresh('gone');
    const made = library(name);
    await made.add('j', {}, { deduplication: { id: 'd' } });
    await made.add('j', {}, { priority: 3 });
    await made.upsertJobScheduler('tick', { every: 3_600_000 }, { name: 'tick' });
    expect(await (await open()).delete?.(name, signal)).toBe(3);
    expect(await keysOf(name)).toEqual([]);
  });
});

describe('wrapped dead letters', () => {
  async function wrappedIn(name: string): Promise<void> {
    await library(name).waitUntilReady();
    const dlq = library(`${name}-dlq`);
    for (const n of [1, 2]) await dlq.add('dead', { originalJob: { name: 'send', data: { n } }, reason: 'boom' });
    await dlq.add('other', { note: 'this wraps nothing' });
  }

  it('are seen from the queue that lost them, and what wraps nothing stays where it is', async () => {
    const name = fresh('mail');
    await wrappedIn(name);
    const broker = await open('?unwrap=originalJob&dlq=*-dlq');
    const stats = await (await broker.queue(name, signal)).stats(signal);
    expect(stats).toMatchObject({ dead: 3, notes: { dead: expect.stringContaining(`${name}-dlq`) } });
    for (const named of [name, `${name}-dlq`]) {
      const plan = await planRedrive(redriveOf(broker, await broker.queue(named, signal), { notice, signal }));
      expect(await plan.run({ dryRun: true, ...how })).toMatchObject({ moved: 2, failed: 1 });
    }
    const plan = await planRedrive(redriveOf(broker, await broker.queue(name, signal), { notice, signal }));
    expect(await plan.run({ dryRun: false, ...how })).toMatchObject({
      moved: 2,
      failed: 1,
      failures: [{ reason: expect.stringContaining('wraps none') }],
    });
    expect((await peek(await broker.queue(name, signal))).map((message) => message.name)).toEqual(['send', 'send']);
    expect(await library(`${name}-dlq`).getWaitingCount()).toBe(1);
  });
});
