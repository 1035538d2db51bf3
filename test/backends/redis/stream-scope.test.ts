import { expect, it } from 'vitest';
import { planDrain } from '../../../src/core/drain.ts';
import { planMove } from '../../../src/core/move.ts';
import { planPurge } from '../../../src/core/purge.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { client, fresh, moveRequest, notice, open, peek, signal } from '../../support/redis/lab.ts';

const QUICK = 'deadDeliveries=1&deadIdle=1ms';

/** 1 to 6: `read` of them read by each group, `acked` of those acknowledged. */
async function stream(
  groups: Readonly<Record<string, { readonly read: number; readonly acked: number }>>,
): Promise<string> {
  const name = fresh('scope');
  for (let n = 1; n <= 6; n += 1) await client.xadd(name, `${n}-1`, 'body', `m${n}`);
  for (const [group, { read, acked }] of Object.entries(groups)) {
    await client.xgroup('CREATE', name, group, '0');
    if (read > 0) await client.xreadgroup('GROUP', group, 'c', 'COUNT', read, 'STREAMS', name, '>');
    for (let n = 1; n <= acked; n += 1) await client.xack(name, group, `${n}-1`);
  }
  await new Promise((resolve) => setTimeout(resolve, 3));
  return name;
}

async function purge(name: string, parameters: string, state: 'ready' | 'dead' | 'all', dryRun = false) {
  const broker = await open(parameters);
  const queue = await broker.queue(name, signal);
  const plan = await planPurge({ ...EVERYTHING, broker, queue, state, backup: null, notice, signal });
  return plan.run({ dryRun, onProgress: () => {}, signal });
}

it.each([true, false])(
  'a purge of a stream with several groups and none named is refused with their names; dry run: %s',
  async (dryRun) => {
    const name = await stream({ a: { read: 4, acked: 2 }, b: { read: 1, acked: 0 } });
    for (const state of ['ready', 'all', 'dead'] as const) {
      await expect(purge(name, '', state, dryRun)).rejects.toMatchObject({
        code: 'NOT_SUPPORTED',
        message: expect.stringMatching(/2 consumer groups: a, b/),
      });
    }
    await expect(purge(name, '?group=typo', 'ready', dryRun)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    expect(await client.xlen(name)).toBe(6);
    expect(await client.xpending(name, 'a')).toMatchObject([2, '3-1', '4-1', [['c', '2']]]);
  },
);

it.each([true, false])(
  'a drain and a move of entries that another group still needs are refused in the same words; dry run: %s',
  async (dryRun) => {
    const name = await stream({ a: { read: 4, acked: 4 }, b: { read: 1, acked: 0 } });
    const broker = await open('?group=a');
    const source = await broker.queue(name, signal);
    const target = await (await open('?kind=list')).queue(fresh('target'), signal);
    const common = { ...EVERYTHING, broker, max: null, ratePerSec: null, notice, signal };
    const refused = {
      code: 'PRECONDITION_FAILED',
      message: expect.stringContaining(`cannot take messages out of ${name}`),
    };
    const run = { dryRun, onProgress: () => {}, signal };
    const drained = planDrain({
      ...common,
      queue: source,
      state: 'ready',
      destination: () => ({ put: () => Promise.reject(new Error('nothing is to be put')) }),
      destinationName: 'nowhere',
      follow: false,
      idleMs: null,
      worker: null,
    });
    await expect(drained.then((plan) => plan.run(run))).rejects.toMatchObject(refused);
    const moved = planMove({
      ...common,
      operation: 'move',
      source,
      target,
      state: 'ready',
      only: null,
      setHeaders: {},
      lossy: true,
    });
    await expect(moved.then((plan) => plan.run(run))).rejects.toMatchObject(refused);
    expect(await client.xlen(name)).toBe(6);
  },
);

it.each([true, false])('nor are entries taken that another group still needs; dry run: %s', async (dryRun) => {
  const name = await stream({ a: { read: 4, acked: 4 }, b: { read: 1, acked: 0 } });
  await expect(purge(name, '?group=a', 'ready', dryRun)).rejects.toMatchObject({
    code: 'PRECONDITION_FAILED',
    message: expect.stringContaining('b'),
  });
  expect(await client.xlen(name)).toBe(6);
});

it.each([
  ['ready', 2, 4, 2],
  ['dead', 2, 4, 0],
  ['all', 4, 2, 0],
] as const)(
  'a purge of %s takes that and nothing else, and its dry run says so',
  async (state, removed, length, pending) => {
    const name = await stream({ g: { read: 4, acked: 2 } });
    const parameters = `?${QUICK}`;
    expect(await purge(name, parameters, state, true)).toMatchObject({ moved: removed });
    expect(await purge(name, parameters, state)).toMatchObject({ moved: removed });
    expect(await client.xlen(name)).toBe(length);
    expect((await client.xpending(name, 'g'))[0]).toBe(pending);
    // What was read and acknowledged is history, and in no state.
    expect((await client.xrange(name, '-', '2-1')).map(([id]) => id)).toEqual(['1-1', '2-1']);
  },
);

it('what is ready of several groups is what the one furthest behind has not read, for peek as for the count', async () => {
  const name = await stream({ a: { read: 4, acked: 2 }, b: { read: 2, acked: 2 } });
  const queue = await (await open()).queue(name, signal);
  expect((await queue.stats(signal)).ready).toBe(4);
  expect((await peek(queue)).map(({ id }) => id)).toEqual(['3-1', '4-1', '5-1', '6-1']);
});

it('pending entries without content are counted apart, shown by nobody, passed over by a redrive, and cleared by a purge', async () => {
  const name = await stream({ g: { read: 5, acked: 0 } });
  await client.xdel(name, '2-1', '4-1');
  const queue = await (await open(`?${QUICK}`)).queue(name, signal);
  const before = await queue.stats(signal);
  expect(before).toMatchObject({ ready: 1, inFlight: 0, dead: 3 });
  expect(before.notes.dead).toMatch(/^2 pending entries were deleted from the stream/);
  expect(await peek(queue, { state: 'dead' })).toHaveLength(3);
  const move = await queue.nativeMove?.(moveRequest({ state: 'dead' }));
  expect(await move?.next({ upTo: 500 })).toMatchObject({ moved: 3, skipped: [], exhausted: true });
  expect(await purge(name, `?${QUICK}`, 'dead')).toMatchObject({ moved: 0 });
  const after = await queue.stats(signal);
  expect(after).toMatchObject({ inFlight: 0, dead: 0, ready: 4 });
  expect(after.notes.dead).toBeUndefined();
});

it('pending entries that were trimmed away are told without reading any', async () => {
  const name = await stream({ g: { read: 5, acked: 0 } });
  await client.xtrim(name, 'MAXLEN', 3);
  const queue = await (await open('?deadDeliveries=9')).queue(name, signal);
  const { inFlight, dead, notes } = await queue.stats(signal);
  expect({ inFlight, dead }).toEqual({ inFlight: 2, dead: 0 });
  expect(notes.dead).toMatch(/^3 pending entries/);
});

it.each(['ready', 'dead'] as const)(
  'an entry of more fields than a script can add does not end a move of %s',
  async (state) => {
    const name = await stream({ g: { read: 0, acked: 0 } });
    const fields = Array.from({ length: 4_500 }, (_, n) => [`f${n}`, `${n}`]).flat();
    await client.xadd(name, '7-1', ...fields);
    await client.xadd(name, '8-1', 'body', 'last');
    if (state === 'dead') await client.xreadgroup('GROUP', 'g', 'c', 'STREAMS', name, '>');
    await new Promise((resolve) => setTimeout(resolve, 3));
    const broker = await open(`?${QUICK}`);
    const [queue, target] = [await broker.queue(name, signal), `${name}:to`];
    await client.xadd(target, '*', 'body', 'first');
    const notices: string[] = [];
    const request = moveRequest({
      state,
      to: await broker.queue(target, signal),
      notice: (text) => notices.push(text),
    });
    const move = await queue.nativeMove?.(request);
    let moved = 0;
    for (let isOver = false; !isOver; ) {
      const page = await move?.next({ upTo: 500 });
      moved += page?.moved ?? 0;
      isOver = page?.exhausted ?? true;
    }
    expect(moved).toBe(8);
    expect(notices).toHaveLength(1);
    expect(await client.xlen(name)).toBe(0);
    const large = (await client.xrange(target, '-', '+'))[7]?.[1] ?? [];
    expect(large).toEqual([...fields, 'mq-origin-id', '7-1']);
  },
);

it('no script of a purge of many entries holds the server up', async () => {
  const name = fresh('large');
  const count = 60_000;
  for (let start = 0; start < count; start += 5_000) {
    const added = client.pipeline();
    for (let n = start; n < start + 5_000; n += 1) added.xadd(name, '*', 'n', String(n));
    await added.exec();
  }
  await client.xgroup('CREATE', name, 'g', '0');
  await client.xreadgroup('GROUP', 'g', 'c', 'COUNT', count / 2, 'STREAMS', name, '>');
  await client.config('SET', 'slowlog-log-slower-than', '0', 'slowlog-max-len', '100000');
  await client.slowlog('RESET');
  expect(await purge(name, '?deadDeliveries=9', 'all')).toMatchObject({ moved: count });
  const log = (await client.slowlog('GET', 100_000)) as [number, number, number, string[]][];
  const scripts = log.filter(([, , , [command]]) => command?.toUpperCase() === 'EVAL');
  // By their number and not by time: the machine may be busy. 500 entries each are 2 ms.
  expect(scripts.length).toBeGreaterThanOrEqual(count / 500);
  expect(await client.xlen(name)).toBe(0);
});
