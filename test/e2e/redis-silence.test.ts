import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { startMq } from '../support/mq.ts';
import { startRedis } from '../support/redis-server.ts';
import { redisProgram } from '../support/servers.ts';
import { type Silence, silentProxy } from '../support/silent-proxy.ts';

const server = await startRedis(await redisProgram());
/** Runs wait more than they work, so some of them run at once, each in a database of its own. */
const AT_ONCE = 8;
const clients = Array.from({ length: AT_ONCE }, (_, db) => new Redis(server.url, { db }));
const free = clients.map((_, db) => db);
const waiting: ((db: number) => void)[] = [];
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await server.stop();
});

const TIMEOUT_MS = 1_500;
/** To end, and to start on a machine that others use, too. */
const SLACK_MS = 2_000;
/** A proxy that is silent from the first piece on is so before the program has begun. */
const START_MS = 6_000;
/** After so many of the pieces of each verb; the next verb takes others. `MQ_TEST_LONG=1` takes all of them. */
const POINTS = process.env.MQ_TEST_LONG === '1' ? Number.POSITIVE_INFINITY : 2;
const IMPATIENT = { MQ_CONNECT_TIMEOUT: `${TIMEOUT_MS}ms`, MQ_TIMEOUT: `${TIMEOUT_MS}ms` };

interface Case {
  readonly verb: string;
  readonly args: readonly string[];
  readonly parameters?: string;
  readonly input?: string;
}

const CHANGES = ['--yes'] as const;

function verbsOf(kind: 'bullmq' | 'stream' | 'list'): readonly Case[] {
  const both = (state: string): Case[] =>
    kind === 'list' ? [] : [{ verb: `purge ${state}`, args: ['purge', 'q', '--state', state, ...CHANGES] }];
  return [
    { verb: 'ls', args: ['ls'] },
    { verb: 'stats', args: ['stats', 'q'] },
    { verb: 'inspect', args: ['inspect', 'q'] },
    { verb: 'peek', args: ['peek', 'q'] },
    { verb: 'enqueue', args: ['enqueue', 'q', '{"n":1}'] },
    { verb: 'enqueue --lines', args: ['enqueue', 'q', '--lines', '-'], input: '{"n":1}\n{"n":2}\n' },
    { verb: 'drain', args: ['drain', 'q', ...CHANGES] },
    { verb: 'move', args: ['move', 'q', 'to', ...CHANGES] },
    { verb: 'move --filter', args: ['move', 'q', 'to', '--filter', 'body.n == 1', ...CHANGES] },
    { verb: 'copy', args: ['copy', 'q', 'to', ...CHANGES] },
    { verb: 'purge', args: ['purge', 'q', ...CHANGES] },
    { verb: 'purge --filter', args: ['purge', 'q', '--filter', 'body.n == 1', ...CHANGES] },
    ...both('dead'),
    ...(kind === 'list' ? [] : [{ verb: 'redrive', args: ['redrive', 'q', ...CHANGES] }]),
    ...(kind === 'list' ? [] : [{ verb: 'pause', args: ['pause', 'q', ...CHANGES] }]),
    { verb: 'delete', args: ['delete', 'q', '--yes', '--confirm', 'q'] },
  ];
}

async function fill(kind: 'bullmq' | 'stream' | 'list', db: number): Promise<string> {
  const client = clients[db];
  if (client === undefined) throw new Error('no such database');
  await client.flushdb();
  if (kind === 'list') {
    await client.lpush('q', '{"n":1}', '{"n":2}');
    await client.lpush('to', '{"n":0}');
    return '';
  }
  if (kind === 'stream') {
    for (const name of ['q', 'to']) await client.xgroup('CREATE', name, 'g', '0', 'MKSTREAM');
    for (let n = 1; n <= 4; n += 1) await client.xadd('q', '*', 'body', `{"n":${n % 2}}`);
    await client.xreadgroup('GROUP', 'g', 'c', 'COUNT', 2, 'STREAMS', 'q', '>');
    return '?deadDeliveries=1&deadIdle=1ms';
  }
  const connection = { host: '127.0.0.1', port: server.port, db };
  for (const name of ['q', 'to']) {
    const queue = new Queue(name, { connection });
    for (let n = 1; n <= 3; n += 1) await queue.add('job', { n: n % 2 });
    await queue.close();
  }
  const id = await client.rpop('bull:q:wait');
  await client.zadd('bull:q:failed', Date.now(), id ?? '');
  await client.hset(`bull:q:${id}`, 'failedReason', 'no', 'attemptsMade', '1');
  return '';
}

async function run(
  kind: 'bullmq' | 'stream' | 'list',
  one: Case,
  db: number,
  silence: Silence | null,
  interrupts = false,
) {
  const parameters = await fill(kind, db);
  await using proxy = await silentProxy(server.url, silence);
  const running = startMq(['--url', `${proxy.url}/${db}${parameters}`, '--no-input', ...one.args], {
    ...(silence === null ? {} : { env: IMPATIENT }),
    ...(one.input === undefined ? {} : { input: one.input }),
  });
  let silentAt: number | null = null;
  const watch = setInterval(() => {
    if (!proxy.isSilent || silentAt !== null) return;
    silentAt = Date.now();
    if (interrupts) running.process.kill('SIGINT');
  }, 10);
  const killer = setTimeout(() => running.process.kill('SIGKILL'), 30_000);
  const { code, stderr } = await running.finished;
  clearInterval(watch);
  clearTimeout(killer);
  return {
    code,
    stderr,
    afterMs: silentAt === null ? null : Date.now() - silentAt,
    steps: proxy.passed.server,
    said: proxy.passed.client,
  };
}

async function inDatabase<T>(work: (db: number) => Promise<T>): Promise<T> {
  const db = free.pop() ?? (await new Promise<number>((resolve) => waiting.push(resolve)));
  try {
    return await work(db);
  } finally {
    const next = waiting.shift();
    if (next === undefined) free.push(db);
    else next(db);
  }
}

/** Pieces spread over all of them; `shift`, from 0 to 1, says which. */
function spread(steps: number, points: number, shift: number): readonly number[] {
  const count = Math.min(points, steps);
  return Array.from({ length: count }, (_, index) => Math.floor(((index + shift) * steps) / count));
}

interface Point {
  readonly after: 'client' | 'server';
  readonly pieces: number;
  readonly interrupts: boolean;
}

/** What went wrong at this point; null: nothing. `steps`: how many pieces there are from that side. */
async function wrongAt(kind: 'bullmq' | 'stream' | 'list', one: Case, steps: number, point: Point) {
  const { after, pieces, interrupts } = point;
  const ran = await inDatabase((db) => run(kind, one, db, { after, pieces }, interrupts));
  // What was said last may have been all that there was to say.
  if (ran.afterMs === null || (ran.code === 0 && pieces >= steps - 2)) return null;
  const codes = interrupts ? [130, 3, 5] : [3, 5];
  const most = interrupts ? SLACK_MS + 500 : TIMEOUT_MS + SLACK_MS + (pieces < 2 ? START_MS : 0);
  return codes.includes(ran.code ?? -1) && ran.afterMs <= most ? null : { ...ran, ...point };
}

describe.concurrent.each(['stream', 'list', 'bullmq'] as const)('a Redis that falls silent, kind %s', (kind) => {
  it.each(verbsOf(kind).map((one, index) => ({ ...one, shift: (index % 4) / 4 + 0.1 })))(
    '$verb ends in time after each piece that it says, and at once when it is interrupted',
    async ({ shift, ...one }) => {
      const { steps, said, ...whole } = await inDatabase((db) => run(kind, one, db, null));
      expect(whole, whole.stderr).toMatchObject({ code: 0 });
      const points = [
        ...spread(steps, POINTS, shift).map((pieces): Point => ({ after: 'server', pieces, interrupts: false })),
        ...spread(steps, 1, 1 - shift).map((pieces): Point => ({ after: 'server', pieces, interrupts: true })),
        // The server has heard it, and nobody hears the answer.
        ...(one.verb === 'move --filter' || POINTS > steps
          ? spread(said, Math.max(POINTS, 3), shift).map(
              (pieces): Point => ({ after: 'client', pieces, interrupts: false }),
            )
          : []),
      ];
      const wrong = await Promise.all(
        points.map((point) => wrongAt(kind, one, point.after === 'server' ? steps : said, point)),
      );
      expect(wrong.filter((fault) => fault !== null)).toEqual([]);
    },
    240_000,
  );
});
