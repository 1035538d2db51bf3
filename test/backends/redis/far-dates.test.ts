import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { after, client, connection, fresh, url } from '../../support/redis/lab.ts';

let mq: CommandLine;
beforeAll(async () => {
  mq = await CommandLine.open();
});
afterAll(() => mq.close());

const HOUR_AGO = Date.now() - 3_600_000;
/** What producers write into a field of milliseconds. The first three mean an hour ago. */
const WRONG = {
  ns: HOUR_AGO * 1e6,
  us: HOUR_AGO * 1e3,
  s: Math.floor(HOUR_AGO / 1e3),
  far: 9e30,
  before: -62_135_596_800_000,
};

interface Shown {
  readonly name: string;
  readonly id: string;
  readonly enqueuedAt: string | null;
  readonly deliverAt: string | null;
  readonly dead: { readonly at: string | null } | null;
  readonly notes?: Readonly<Record<string, string>>;
}

const run = (...args: readonly string[]) => mq.run(['--url', url, ...args]);
const rows = async (...args: readonly string[]): Promise<readonly Shown[]> =>
  (await mq.ok(['--url', url, ...args, '-o', 'ndjson'])).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Shown);

it('BullMQ: a job whose timestamp is in another unit, or no date at all, costs its own field', async () => {
  const queue = new Queue(fresh('far'), { connection });
  after(() => queue.close());
  for (const [name, timestamp] of Object.entries(WRONG)) await queue.add(name, { name }, { timestamp });
  await queue.add('right', {});
  const shown = await rows('peek', queue.name);
  expect(shown.map(({ name }) => name)).toEqual([...Object.keys(WRONG), 'right']);
  for (const { name, enqueuedAt, notes } of shown) {
    if (name === 'right') expect(notes).toBeUndefined();
    else {
      expect(notes?.enqueuedAt, name).toContain(
        name === 'far' || name === 'before' ? 'beyond the calendar' : 'was read as',
      );
      const at = enqueuedAt === null ? null : Date.parse(enqueuedAt);
      if (name === 'far' || name === 'before') expect(at).toBeNull();
      else expect(Math.abs((at ?? 0) - HOUR_AGO), name).toBeLessThan(1_000);
    }
  }
  for (const format of ['text', 'table', 'json', 'yaml', 'body'])
    expect((await run('peek', queue.name, '-o', format)).code, format).toBe(0);
  expect((await run('stats', queue.name)).code).toBe(0);
  expect((await run('inspect', queue.name)).code).toBe(0);
  expect((await run('top', '--once', queue.name)).code).toBe(0);
  expect((await run('purge', queue.name, '--older-than', '30m', '--dry-run')).stderr).toContain(
    'would purge 3 messages',
  );
  const file = mq.path('taken');
  expect(await run('drain', queue.name, '--to', file)).toMatchObject({ code: 0 });
  expect(await queue.count()).toBe(0);
});

it('BullMQ: far instants of the delayed and the dead cost their own field, and a redrive goes on', async () => {
  const queue = new Queue(fresh('far'), { connection });
  after(() => queue.close());
  await queue.add('later', {}, { delay: 9e15, jobId: 'later' });
  const [{ deliverAt, notes } = {} as Partial<Shown>] = await rows('peek', queue.name, '--state', 'delayed');
  expect(deliverAt).toBe('9999-12-31T23:59:59.999Z');
  expect(notes?.deliverAt).toBeDefined();
  await queue.add('dead', {}, { jobId: 'dead' });
  await client.lrem(`bull:${queue.name}:wait`, 1, 'dead');
  await client.zadd(`bull:${queue.name}:failed`, 1, 'dead');
  await client.hset(`bull:${queue.name}:dead`, { finishedOn: '1e300', failedReason: 'no' });
  const [dead] = await rows('peek', queue.name, '--dead');
  expect(dead?.dead?.at).toBeNull();
  expect(dead?.notes?.['dead.at']).toContain('beyond the calendar');
  expect((await run('stats', queue.name, '--dead', '-o', 'json')).code).toBe(0);
  expect((await run('peek', queue.name, '--dead', '--filter', 'dead.at == null', '-o', 'body')).code).toBe(0);
  expect((await run('redrive', queue.name, '-y')).code).toBe(0);
  expect(await queue.getJobState('dead')).toBe('waiting');
});

it('Sidekiq: seconds, milliseconds, nanoseconds and nonsense', async () => {
  const queue = `queue:${fresh('sidekiq')}`;
  const jobs = [HOUR_AGO / 1e3, HOUR_AGO, HOUR_AGO * 1e6, 1e300, 'yesterday', -1].map((at, index) =>
    JSON.stringify({ class: 'Job', args: [], jid: `j${index}`, queue: queue.slice(6), enqueued_at: at, failed_at: at }),
  );
  for (const job of jobs) await client.lpush(queue, job);
  await client.sadd('queues', queue.slice(6));
  for (const job of jobs) await client.zadd('dead', 1e300, job);
  after(() => client.del('dead', 'queues'));
  const near = ({ at }: { readonly at: string | null }) =>
    at === null ? null : Math.abs(Date.parse(at) - HOUR_AGO) < 2;
  const ready = await rows('peek', queue);
  expect(ready.map(({ enqueuedAt }) => near({ at: enqueuedAt }))).toEqual([true, true, true, null, null, null]);
  expect(ready.map(({ notes }) => notes === undefined)).toEqual([true, true, false, false, false, false]);
  const dead = await rows('peek', queue, '--dead');
  expect(dead.map((one) => one.dead?.at ?? null).filter((at) => at !== null && near({ at }))).toHaveLength(3);
  expect((await run('stats', queue, '--dead', '-o', 'json')).code).toBe(0);
});
