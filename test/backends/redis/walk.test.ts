import { Queue as Bull, type JobType, Worker } from 'bullmq';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { brokenQueue } from '../../../src/conformance/broken-queue.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import type { Filter } from '../../../src/core/filter.ts';
import { planMove } from '../../../src/core/move.ts';
import { planPurge } from '../../../src/core/purge.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { after, client, connection, fresh, notice, open, signal, url } from '../../support/redis/lab.ts';

/*
 * Random verbs on queues of all kinds against a model in memory, on a real Redis: after each step every message is
 * where the model says, once. Two databases have queues of one name, so that their jobs have the same ids; workers
 * complete and fail jobs in between, so that ids are used again.
 */

/** `MQ_TEST_STEPS` more of them; `MQ_TEST_SEED` the same again. */
const STEPS = Number(process.env.MQ_TEST_STEPS ?? 200);
const SEED = Number(process.env.MQ_TEST_SEED ?? 11);
const GROUP = 'workers';
const KIND_PARAMETERS = { bullmq: '?kind=bullmq', stream: '?deadDeliveries=2&deadIdle=1ms', list: '?dlq=*:dead' };

const PLACES = ['jobs of 0', 'jobs of 1', 'more jobs', 'stream', 'list'] as const;
type Place = (typeof PLACES)[number];
/** The numbers in the bodies of the messages there; a copy has the number of its original. */
type Contents = { readonly ready: readonly number[]; readonly dead: readonly number[] };

interface Choice {
  readonly filtered: boolean;
  readonly max: number | null;
  readonly dryRun: boolean;
}
type Step =
  | { readonly does: 'enqueue' | 'work' | 'die'; readonly at: Place; readonly count: number }
  | ({ readonly does: 'redrive'; readonly at: Place } & Choice)
  | ({ readonly does: 'move' | 'copy'; readonly at: Place; readonly to: Place } & Choice)
  | { readonly does: 'move and break'; readonly at: Place; readonly to: Place }
  | ({ readonly does: 'purge'; readonly at: Place; readonly state: 'ready' | 'dead' } & Choice);

/** Jobs above all: their ids are what can collide. */
const place = fc.constantFrom(...PLACES, ...PLACES.slice(0, 3), ...PLACES.slice(0, 3));
const choice = {
  filtered: fc.boolean(),
  max: fc.option(fc.integer({ min: 1, max: 4 })),
  dryRun: fc.constantFrom(true, false, false, false),
};
const SEVERAL = { min: 1, max: 4 };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constantFrom('enqueue' as const, 'die' as const, 'work' as const),
      at: place,
      count: fc.integer(SEVERAL),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('enqueue' as const), at: place, count: fc.integer(SEVERAL) }) },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('redrive' as const), at: place, ...choice }) },
  {
    weight: 8,
    arbitrary: fc.record({ does: fc.constantFrom('move' as const, 'copy' as const), at: place, to: place, ...choice }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('move and break' as const), at: place, to: place }) },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('purge' as const),
      at: place,
      state: fc.constantFrom('ready' as const, 'dead' as const),
      ...choice,
    }),
  },
);

const EVEN: Filter = {
  text: 'body.n % 2 == 0',
  matches: ({ body }) => Number(/\d+/.exec(Buffer.from(body).toString())?.[0]) % 2 === 0,
};
const isEven = (n: number): boolean => n % 2 === 0;

/** What is there, and what an application does there. */
interface Site {
  readonly kind: keyof typeof KIND_PARAMETERS;
  queue(): Promise<Queue>;
  contents(): Promise<Contents>;
  /** Takes the next so many and is done with them; returns their numbers. */
  work(count: number): Promise<readonly number[]>;
  /** Takes the next so many and fails them for good; returns their numbers. */
  die(count: number): Promise<readonly number[]>;
}

async function bullSite(name: string, database: number): Promise<Site> {
  const at = { ...connection, db: database };
  const bull = new Bull(name, { connection: at });
  const worker = new Worker(name, null, { connection: at, autorun: false });
  await bull.waitUntilReady();
  await bull.getVersion();
  after(() => worker.close());
  after(() => bull.close());
  const numbers = async (...states: JobType[]) => (await bull.getJobs(states)).map(({ data }) => data.n as number);
  const each = async (
    count: number,
    then: (job: NonNullable<Awaited<ReturnType<typeof worker.getNextJob>>>) => unknown,
  ) => {
    const taken: number[] = [];
    while (taken.length < count) {
      const job = await worker.getNextJob('token', { block: false });
      if (job === undefined) break;
      taken.push(job.data.n);
      await then(job);
    }
    return taken;
  };
  return {
    kind: 'bullmq',
    queue: () => opened(name, 'bullmq', database),
    contents: async () => ({
      ready: await numbers('waiting', 'prioritized', 'delayed'),
      dead: await numbers('failed'),
    }),
    work: (count) => each(count, (job) => job.moveToCompleted('done', 'token', false)),
    async die(count) {
      return each(count, async (job) => {
        job.opts.attempts = 1;
        await job.moveToFailed(new Error('it does not work'), 'token');
      });
    },
  };
}

async function streamSite(name: string): Promise<Site> {
  await client.xgroup('CREATE', name, GROUP, '0', 'MKSTREAM');
  const read = async (count: number, from: '>' | '0') => {
    const reply = (await client.xreadgroup('GROUP', GROUP, 'app', 'COUNT', count, 'STREAMS', name, from)) as
      | [string, [string, string[]][]][]
      | null;
    return (reply?.[0]?.[1] ?? []).map(([id, fields]) => ({ id, n: numberOf(fields[fields.indexOf('body') + 1]) }));
  };
  return {
    kind: 'stream',
    queue: () => opened(name, 'stream', 0),
    async contents() {
      const [group] = (await client.call('XINFO', 'GROUPS', name)) as unknown[][];
      const last = String(group?.[(group?.indexOf('last-delivered-id') ?? 0) + 1]);
      const unread = await client.xrange(name, `(${last}`, '+');
      const pending = (await client.xpending(name, GROUP, '-', '+', 1000)) as [string][];
      const dead: number[] = [];
      for (const [id] of pending) {
        const [entry] = await client.xrange(name, id, id);
        if (entry !== undefined) dead.push(numberOf(entry[1][entry[1].indexOf('body') + 1]));
      }
      return { ready: unread.map(([, fields]) => numberOf(fields[fields.indexOf('body') + 1])), dead };
    },
    async work(count) {
      const entries = await read(count, '>');
      for (const { id } of entries) {
        await client.xack(name, GROUP, id);
        await client.xdel(name, id);
      }
      return entries.map(({ n }) => n);
    },
    async die(count) {
      const entries = await read(count, '>');
      for (const { id } of entries) await client.xclaim(name, GROUP, 'app', 0, id, 'RETRYCOUNT', 5);
      await new Promise((resolve) => setTimeout(resolve, 3));
      return entries.map(({ n }) => n);
    },
  };
}

async function listSite(name: string): Promise<Site> {
  await client.sadd(`_kombu.binding.${name}`, name);
  const numbers = async (key: string) => (await client.lrange(key, 0, -1)).map(numberOf);
  const popped = async (count: number) => {
    const taken: string[] = [];
    for (let i = 0; i < count; i++) {
      const body = await client.rpop(name);
      if (body === null) break;
      taken.push(body);
    }
    return taken;
  };
  return {
    kind: 'list',
    queue: () => opened(name, 'list', 0),
    contents: async () => ({ ready: await numbers(name), dead: await numbers(`${name}:dead`) }),
    work: async (count) => (await popped(count)).map(numberOf),
    async die(count) {
      const taken = await popped(count);
      for (const body of taken) await client.lpush(`${name}:dead`, body);
      return taken.map(numberOf);
    },
  };
}

function numberOf(body: string | undefined): number {
  return Number(/\d+/.exec(body ?? '')?.[0]);
}

const brokers = new Map<string, Promise<Broker>>();

/** One connection for each database and kind, however many steps there are. */
function brokerOf(kind: Site['kind'], database: number): Promise<Broker> {
  const parameters = `/${database}${KIND_PARAMETERS[kind]}`;
  const broker = brokers.get(parameters) ?? open(parameters, url);
  brokers.set(parameters, broker);
  return broker;
}

async function opened(name: string, kind: Site['kind'], database: number): Promise<Queue> {
  return (await brokerOf(kind, database)).queue(name, signal);
}

class World {
  readonly model = new Map<Place, { ready: number[]; dead: number[] }>(
    PLACES.map((name) => [name, { ready: [], dead: [] }]),
  );
  readonly sites: ReadonlyMap<Place, Site>;
  #serial = 0;

  constructor(sites: ReadonlyMap<Place, Site>) {
    this.sites = sites;
  }

  site(at: Place): Site {
    const site = this.sites.get(at);
    if (site === undefined) throw new Error(`no ${at}`);
    return site;
  }

  there(at: Place): { ready: number[]; dead: number[] } {
    const there = this.model.get(at);
    if (there === undefined) throw new Error(`no ${at}`);
    return there;
  }

  number(): number {
    return this.#serial++;
  }
}

const common = { ...EVERYTHING, ratePerSec: null, setHeaders: {}, lossy: true, notice, signal };
const running = { onProgress: () => {}, signal };

/** Takes numbers out of a list of the model. */
function without(numbers: number[], gone: readonly number[]): void {
  for (const n of gone) {
    const at = numbers.indexOf(n);
    expect(at, `${n} was taken where it was not`).toBeGreaterThanOrEqual(0);
    numbers.splice(at, 1);
  }
}

/** What applications do. */
type Deed = Extract<Step, { readonly count: number }>;

function isDeed(one: Step): one is Deed {
  return 'count' in one;
}

async function does(world: World, one: Deed): Promise<void> {
  const { at } = one;
  const site = world.site(at);
  const there = world.there(at);
  if (one.does === 'enqueue') {
    const queue = await site.queue();
    const publisher = await queue.publisher?.({ expected: null, lossy: true, notice, signal });
    for (let i = 0; i < one.count; i++) {
      const n = world.number();
      const body = Buffer.from(`{"n":${n}}`);
      expect(await publisher?.send(outgoing({ body }))).toMatchObject({ status: 'sent' });
      there.ready.push(n);
    }
    return void (await publisher?.close());
  }
  const taken = await site[one.does](one.count);
  without(there.ready, taken);
  if (one.does === 'die') there.dead.push(...taken);
}

async function take(world: World, one: Exclude<Step, Deed>): Promise<void> {
  const { at } = one;
  const there = world.there(at);
  const before = await everything(world);
  const { source, broker } = await handles(world, at);
  if (one.does === 'move and break') {
    // Elements of a list have no ids: nobody can tell that one was moved before. Of the kinds only BullMQ knows a
    // message again.
    if (one.at === one.to || world.site(one.to).kind !== 'bullmq' || world.site(one.at).kind === 'list') return;
    const target = await world.site(one.to).queue();
    const request = { ...common, operation: 'move', state: 'ready', only: null, target, max: null } as const;
    const broken = await planMove({ ...request, source: brokenQueue(source, 'ack-refused') });
    await broken.run({ ...running, dryRun: false });
    const again = await planMove({ ...request, source });
    expect(await again.run({ ...running, dryRun: false })).toMatchObject({ failed: 0, unknown: 0, complete: true });
    world.there(one.to).ready.push(...there.ready.splice(0));
    return;
  }
  const { filtered, dryRun } = one;
  const filter = filtered ? EVEN : null;
  const isChosen = (n: number): boolean => !filtered || isEven(n);
  if (one.does === 'purge') {
    const plan = await planPurge({ ...common, filter, broker, queue: source, state: one.state, backup: null });
    const report = await plan.run({ ...running, dryRun });
    const doomed = there[one.state].filter(isChosen);
    expect(report, 'report').toMatchObject({ moved: doomed.length, failed: 0, unknown: 0, complete: true });
    if (!dryRun) there[one.state] = there[one.state].filter((n) => !isChosen(n));
    return;
  }
  const { max } = one;
  const state = one.does === 'redrive' ? 'dead' : 'ready';
  const possible = there[state].filter(isChosen).length;
  const expected = Math.min(possible, max ?? possible);
  if (one.does !== 'redrive' && one.at === one.to) return;
  const target = one.does === 'redrive' ? source : await world.site(one.to).queue();
  const plan =
    one.does === 'redrive'
      ? await planRedrive({ ...common, filter, broker, queue: source, to: null, max, keepDeathHeaders: false })
      : await planMove({ ...common, filter, operation: one.does, source, state, only: null, target, max });
  const report = await plan.run({ ...running, dryRun });
  expect(report, 'report').toMatchObject({ moved: expected, failed: 0, unknown: 0 });
  if (dryRun) return;
  // Which of the messages went is the queue's own choice; that they are as many, chosen ones, and nowhere else, is ours
  // to check.
  const went = difference(before, await everything(world), one.at, state, one.does === 'copy' ? one.to : null);
  expect(
    went.filter((n) => !isChosen(n)),
    'went without being chosen',
  ).toEqual([]);
  expect(went).toHaveLength(expected);
  if (one.does !== 'copy') without(there[state], went);
  world.there(one.does === 'redrive' ? one.at : one.to).ready.push(...went);
}

async function handles(world: World, at: Place) {
  const site = world.site(at);
  const broker = await brokerOf(site.kind, at === 'jobs of 1' ? 1 : 0);
  return { source: await site.queue(), broker };
}

type Snapshot = ReadonlyMap<Place, Contents>;

async function everything(world: World): Promise<Snapshot> {
  const found = new Map<Place, Contents>();
  for (const [name, site] of world.sites) found.set(name, await site.contents());
  return found;
}

/** What left this place, or for a copy what came to the other. */
function difference(before: Snapshot, now: Snapshot, at: Place, state: 'ready' | 'dead', to: Place | null): number[] {
  const [less, more] =
    to === null
      ? [now.get(at)?.[state] ?? [], before.get(at)?.[state] ?? []]
      : [before.get(to)?.ready ?? [], now.get(to)?.ready ?? []];
  const rest = [...more];
  for (const n of less) {
    const index = rest.indexOf(n);
    if (index >= 0) rest.splice(index, 1);
  }
  return rest;
}

const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);

describe('random verbs on queues of every kind', () => {
  it(
    `leave each message where the model says, over ${STEPS} steps`,
    async () => {
      const jobs = fresh('jobs');
      const sites = new Map<Place, Site>([
        ['jobs of 0', await bullSite(jobs, 0)],
        ['jobs of 1', await bullSite(jobs, 1)],
        ['more jobs', await bullSite(fresh('more'), 0)],
        ['stream', await streamSite(fresh('stream'))],
        ['list', await listSite(fresh('list'))],
      ]);
      after(async () => {
        const other = new Redis(`${url}/1`);
        await other.flushdb();
        other.disconnect();
      });
      const world = new World(sites);
      const steps = fc.sample(step, { numRuns: STEPS, seed: SEED });
      for (const [index, one] of steps.entries()) {
        const title = `step ${index} of seed ${SEED}: ${JSON.stringify(one)}`;
        await (isDeed(one) ? does(world, one) : take(world, one)).catch((error: unknown) => {
          throw new Error(title, { cause: error });
        });
        for (const [name, contents] of await everything(world)) {
          const expected = world.there(name);
          expect({ name, ready: sorted(contents.ready), dead: sorted(contents.dead) }, title).toEqual({
            name,
            ready: sorted(expected.ready),
            dead: sorted(expected.dead),
          });
        }
      }
    },
    60_000 + STEPS * 500,
  );
});
