import { describe, expect, it } from 'vitest';
import type { Queue } from '../../../src/contract/queue.ts';
import { exitOf } from '../../../src/core/exit-codes.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { planMove } from '../../../src/core/move.ts';
import type { Plan } from '../../../src/core/plan.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import type { AnyReport } from '../../../src/core/report.ts';
import { EVERYTHING, type SelectionOptions } from '../../../src/core/selection.ts';
import { after, client, fresh, moveRequest, open, peek, signal, url } from '../../support/redis/lab.ts';
import { relayBefore } from '../../support/redis/relay-before.ts';

const COUNT = 4_000;
const BODIES = Array.from({ length: COUNT }, (_, n) => JSON.stringify({ n }));
/** In the scripts that move, and in no other. */
const MOVES = 'the target is not a';

interface Refusal {
  readonly refuse: () => Promise<unknown>;
  readonly says: RegExp;
  readonly code: string;
}

const REFUSALS: readonly (readonly [string, Refusal])[] = [
  [
    'too few replicas',
    { refuse: () => client.config('SET', 'min-replicas-to-write', 1), says: /too few replicas/, code: 'UNAVAILABLE' },
  ],
  [
    'a replica',
    { refuse: () => client.replicaof('127.0.0.1', '1'), says: /read-only replica/, code: 'PRECONDITION_FAILED' },
  ],
  [
    'no right to write',
    {
      refuse: () => client.acl('SETUSER', 'default', '-rpush', '-lpush', '-xadd'),
      says: /may not/,
      code: 'PERMISSION_DENIED',
    },
  ],
];

async function writable(): Promise<void> {
  await client.config('SET', 'min-replicas-to-write', 0);
  await client.replicaof('NO', 'ONE');
  await client.acl('SETUSER', 'default', '+@all');
}

interface Ended {
  readonly report: AnyReport;
  readonly told: readonly string[];
}

type Request = Parameters<typeof planMove>[0] & Parameters<typeof planRedrive>[0];
/** What both plans ask for, of the queue that `openAt` opens. */
type Planned = (
  request: Omit<Request, 'queue' | 'source' | 'target' | 'to'>,
  openAt: (name: string) => Promise<Queue>,
) => Promise<Plan>;

/** Runs a plan through a relay that makes the server refuse before it hears the `nth` script. */
async function until(
  nth: number,
  { refuse }: Refusal,
  plan: Planned,
  { selection = EVERYTHING, marker = MOVES }: { readonly selection?: SelectionOptions; readonly marker?: string } = {},
): Promise<Ended> {
  after(writable);
  await using relay = await relayBefore(url, { marker, nth }, refuse);
  const broker = await open('?next=right&group=workers&as=sidekiq', relay.url);
  const told: string[] = [];
  const request = {
    ...({ ...selection, broker, operation: 'move', state: 'ready', only: null, max: null, ratePerSec: null } as const),
    ...{ setHeaders: {}, lossy: false, keepDeathHeaders: false, signal },
    notice: (said: string) => void told.push(said),
  };
  const { run } = await plan(request, (name) => broker.queue(name, signal));
  return { report: await run({ dryRun: false, onProgress: () => {}, signal }), told };
}

const moving =
  (from: string, to: string): Planned =>
  async (request, openAt) =>
    planMove({ ...request, source: await openAt(from), target: await openAt(to) });

const filtered = async (text: string): Promise<SelectionOptions> => ({
  ...EVERYTHING,
  filter: await compileFilter(text),
});
const UNTOUCHED = { unknown: 0, failed: 0, skipped: 0, complete: false };

describe.each([
  {
    kind: 'a list',
    fill: async (from: string, to: string) => {
      await client.lpush(to, 'there before');
      await client.lpush(from, ...BODIES);
    },
    size: (name: string) => client.llen(name),
    chosen: [{ when: 'before a page', filter: 'int(body.n) % 2 == 0', nth: 3, moved: 1_000, left: 1_999 }],
  },
  {
    kind: 'a stream',
    fill: async (from: string, to: string) => {
      await client.xadd(to, '*', 'n', 'there before');
      await client.xgroup('CREATE', from, 'workers', '0', 'MKSTREAM');
      const adding = client.pipeline();
      for (let n = 0; n < COUNT; n++) adding.xadd(from, '*', 'n', n);
      await adding.exec();
    },
    size: (name: string) => client.xlen(name),
    chosen: [{ when: 'before a page', filter: 'int(body.n) % 2 == 0', nth: 3, moved: 1_000, left: 1_999 }],
  },
])('$kind whose server refuses while it is moved', ({ fill, size, chosen }) => {
  async function filled(): Promise<readonly [from: string, to: string]> {
    const names = [fresh('from'), fresh('to')] as const;
    await fill(...names);
    return names;
  }
  async function expectMoved(from: string, to: string, { report, told }: Ended, refusal: Refusal): Promise<void> {
    expect([await size(from), await size(to)]).toEqual([COUNT - Number(report.moved), 1 + Number(report.moved)]);
    expect(told).toEqual([expect.stringMatching(refusal.says)]);
    expect(told[0]).not.toMatch(/may have been moved/);
    expect(exitOf(report)).toBe(3);
  }

  describe.each(REFUSALS)('%s', (_, refusal) => {
    it.each(chosen)('chosen ones, $when', async ({ filter, nth, moved, left }) => {
      const [from, to] = await filled();
      const ended = await until(nth, refusal, moving(from, to), { selection: await filtered(filter) });
      expect(ended.report).toMatchObject({ ...UNTOUCHED, moved, matched: moved, left });
      await expectMoved(from, to, ended, refusal);
    });

    it('all', async () => {
      const [from, to] = await filled();
      const ended = await until(4, refusal, moving(from, to));
      expect(ended.report).toMatchObject({ ...UNTOUCHED, moved: 660, matched: 660, left: 0 });
      await expectMoved(from, to, ended, refusal);
    });

    it('from the first on: the run fails with that refusal', async () => {
      const [from, to] = await filled();
      for (const selection of [EVERYTHING, await filtered('int(body.n) % 2 == 0')]) {
        const failing = until(1, refusal, moving(from, to), { selection });
        await expect(failing).rejects.toMatchObject({
          code: refusal.code,
          message: expect.stringMatching(refusal.says),
        });
        expect([await size(from), await size(to)]).toEqual([COUNT, 1]);
      }
    });
  });
});

describe.each(REFUSALS)('a list whose server refuses within a page of chosen ones: %s', (_, refusal) => {
  it('tells what the scripts before did', async () => {
    // So far in, a script moves 100 of the 500 of a page, and the next one 99.
    const [count, first, moved] = [104_000, 100_000, 199];
    const [from, to] = [fresh('from'), fresh('to')];
    const numbers = Array.from({ length: count }, (__, n) => n);
    await client.lpush(to, 'there before');
    for (let n = 0; n < count; n += 4_000)
      await client.lpush(from, ...numbers.slice(n, n + 4_000).map((one) => JSON.stringify({ n: one })));
    const selection = await filtered(`int(body.n) >= ${first}`);
    const { report, told } = await until(3, refusal, moving(from, to), { selection });
    expect(report).toMatchObject({ ...UNTOUCHED, moved, matched: moved, left: first + 500 - moved });
    expect(told).toEqual([expect.stringMatching(refusal.says)]);
    const [before, ...stored] = (await client.lrange(to, 0, -1)).reverse();
    expect(before).toBe('there before');
    expect(stored).toEqual(numbers.slice(first, first + moved).map((n) => JSON.stringify({ n })));
    expect(await client.llen(from)).toBe(count - moved);
  });
});

describe('what the server lets be added, and then not be removed, is uncertain, and nothing else is', () => {
  const IN_BOTH = { reason: expect.stringContaining('it is in both places') };
  const NOTHING_ELSE = { moved: 0, skipped: [], failed: [], unknown: [], exhausted: false };

  /** After one was moved, the user loses the right to remove any. */
  async function twoPages(from: string, to: string, ...denied: readonly string[]) {
    after(() => client.acl('SETUSER', 'default', '+@all'));
    const broker = await open('?next=left&group=workers');
    const [source, target] = [await broker.queue(from, signal), await broker.queue(to, signal)];
    const messages = await peek(source);
    const move = await source.nativeMove?.(moveRequest({ to: target, selective: true }));
    expect(await move?.next({ messages: messages.slice(0, 1) })).toMatchObject({ moved: 1 });
    const rest = messages.slice(1);
    await client.acl('SETUSER', 'default', ...denied.map((name) => `-${name}`));
    return { move, rest };
  }

  it.each([['ltrim', 'lset'], ['lrem']])('elements of a list (%s)', async (...denied) => {
    const [from, to] = [fresh('from'), fresh('to')];
    await client.rpush(from, 'a', 'b', 'c', 'b', 'd');
    await client.rpush(to, 'there before');
    const { move, rest } = await twoPages(from, to, ...denied);
    const page = await move?.next({ messages: rest.filter((_, index) => index < 3) });
    expect(page).toEqual({
      ...NOTHING_ELSE,
      unknown: [IN_BOTH, IN_BOTH, IN_BOTH].map((one) => ({ id: null, ...one })),
    });
    expect(await client.lrange(from, 0, -1)).toEqual(['b', 'c', 'b', 'd']);
    expect((await client.lrange(to, 0, -1)).toSorted()).toEqual(['a', 'b', 'b', 'c', 'there before']);
    if (denied.includes('ltrim'))
      expect(await move?.next({ upTo: 2 })).toEqual({
        ...NOTHING_ELSE,
        unknown: [IN_BOTH, IN_BOTH].map((one) => ({ id: null, ...one })),
      });
  });

  it('entries of a stream: the first; those behind it are not tried', async () => {
    const [from, to] = [fresh('from'), fresh('to')];
    for (const n of [1, 2, 3]) await client.xadd(from, `${n}-0`, 'n', n);
    await client.xgroup('CREATE', from, 'workers', '0');
    await client.xadd(to, '*', 'n', 'there before');
    const { move, rest } = await twoPages(from, to, 'xdel');
    expect(await move?.next({ messages: rest })).toEqual({ ...NOTHING_ELSE, unknown: [{ id: '2-0', ...IN_BOTH }] });
    expect([await client.xlen(from), await client.xlen(to)]).toEqual([2, 3]);
  });
});

describe("Sidekiq's dead jobs whose server refuses while they are redriven", () => {
  const REQUEUES = "redis.call('LPUSH'";
  it.each(REFUSALS)('%s', async (_, refusal) => {
    const name = fresh('jobs');
    const key = `queue:${name}`;
    after(() => client.del('dead', 'queues'));
    await client.sadd('queues', name);
    const job = (n: number): string => JSON.stringify({ jid: `job${n}`, class: 'Job', queue: name, args: [n] });
    await client.lpush(key, job(0));
    for (let n = 1; n <= 1_200; n++) await client.zadd('dead', n, job(n));
    const redriving: Planned = async (request, openAt) =>
      planRedrive({ ...request, queue: await openAt(key), to: null });
    for (const [nth, counts, selection] of [
      [1_001, { moved: 1_000, left: 200 }, await filtered("body.jid != 'no'")],
      [151, { moved: 150, left: 0 }, EVERYTHING],
    ] as const) {
      const { report, told } = await until(nth, refusal, redriving, { selection, marker: REQUEUES });
      expect(report).toMatchObject({ ...UNTOUCHED, ...counts, matched: counts.moved });
      expect(told).toEqual([expect.stringMatching(refusal.says)]);
      await writable();
    }
    expect([await client.zcard('dead'), await client.llen(key)]).toEqual([50, 1_151]);
  });
});
