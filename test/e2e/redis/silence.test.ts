import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it, test } from 'vitest';
import { contextAt, verbsMissing } from '../../support/broker-verbs.ts';
import { CommandLine } from '../../support/command-line.ts';
import { startMq } from '../../support/mq.ts';
import { startRedis } from '../../support/redis/server.ts';
import { redisProgram } from '../../support/servers.ts';
import { type Silence, type SilentProxy, silentProxy } from '../../support/silent-proxy.ts';

const server = await startRedis(await redisProgram());
const line = await CommandLine.open();
/** Runs wait more than they work, so some of them run at once, each in a database of its own. */
const AT_ONCE = 8;
const clients = Array.from({ length: AT_ONCE }, (_, db) => new Redis(server.url, { db }));
const free = clients.map((_, db) => db);
const waiting: ((db: number) => void)[] = [];
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await line.close();
  await server.stop();
});

const TIMEOUT_MS = 1_000;
/** To end: beyond `--timeout`, or in all after an interruption. */
const SLACK_MS = 2_000;
/** After so many of the pieces of each verb; the next verb takes others. `MQ_TEST_LONG=1` takes all of them. */
const POINTS = process.env.MQ_TEST_LONG === '1' ? Number.POSITIVE_INFINITY : 2;
const LIMITS = ['--timeout', `${TIMEOUT_MS}ms`, '--connect-timeout', `${TIMEOUT_MS}ms`];

type Kind = 'bullmq' | 'stream' | 'list';

interface Case {
  readonly verb: string;
  readonly args: readonly string[];
  readonly input?: string;
  /** The exit codes that are right when the server says nothing more; else 3 and 5. */
  readonly codes?: readonly number[];
  /**
   * It asks again and again until a time is over: this many pieces more or fewer than in another run. Absent: none.
   */
  readonly polls?: number;
}

const CHANGES = ['--yes'] as const;
const FILTER = ['--filter', 'body.n == 1'] as const;

function verbsOf(kind: Kind): readonly Case[] {
  const unlessList = (...cases: Case[]): readonly Case[] => (kind === 'list' ? [] : cases);
  return [
    { verb: 'ls', args: ['ls'] },
    { verb: 'stats', args: ['stats', 'q'] },
    { verb: 'stats of a pattern', args: ['stats', 'q*', 'to'] },
    // It shows what it has: the first reading, where the second one, for the rates, does not come.
    { verb: 'top', args: ['top', '--once', '--interval', '100ms'], codes: [0, 5] },
    { verb: 'inspect', args: ['inspect', 'q'] },
    { verb: 'peek', args: ['peek', 'q'] },
    { verb: 'enqueue', args: ['enqueue', 'q', '{"n":1}'] },
    { verb: 'enqueue --lines', args: ['enqueue', 'q', '--lines', '-'], input: '{"n":1}\n{"n":2}\n' },
    { verb: 'drain', args: ['drain', 'q', ...CHANGES] },
    { verb: 'drain --exec', args: ['drain', 'q', '--exec', 'cat >/dev/null', ...CHANGES] },
    { verb: 'drain --follow', args: ['drain', 'q', '--follow', '--idle', '300ms', ...CHANGES], polls: 4 },
    { verb: 'move', args: ['move', 'q', 'to', ...CHANGES] },
    { verb: 'move --filter', args: ['move', 'q', 'to', ...FILTER, ...CHANGES] },
    { verb: 'copy', args: ['copy', 'q', 'to', ...CHANGES] },
    { verb: 'purge', args: ['purge', 'q', ...CHANGES] },
    { verb: 'purge --filter', args: ['purge', 'q', ...FILTER, ...CHANGES] },
    { verb: 'redrive', args: ['redrive', 'q', ...CHANGES] },
    { verb: 'redrive --dry-run', args: ['redrive', 'q', '--to', 'to', '--dry-run'] },
    { verb: 'redrive --filter', args: ['redrive', 'q', ...FILTER, ...CHANGES] },
    ...unlessList(
      { verb: 'purge dead', args: ['purge', 'q', '--state', 'dead', ...CHANGES] },
      { verb: 'pause', args: ['pause', 'q'] },
      { verb: 'resume', args: ['resume', 'paused'] },
      { verb: 'create', args: ['create', 'new', '--kind', kind] },
    ),
    { verb: 'delete', args: ['delete', 'q', '--yes', '--confirm', 'q'] },
    // Each of its checks says what it found; the verb fails when one of them did.
    { verb: 'doctor', args: ['doctor'], codes: [1, 5] },
    { verb: 'context test', args: ['context', 'test', 'c'] },
  ];
}

it('every verb that asks a broker is tried', () => {
  const missing = (kind: Kind) => verbsMissing(verbsOf(kind).map(({ args }) => args));
  expect([missing('bullmq'), missing('stream'), missing('list')]).toEqual([[], [], ['pause', 'resume', 'create']]);
});

/** Returns what the URL needs. */
async function fill(kind: Kind, db: number): Promise<string> {
  const client = clients[db];
  if (client === undefined) throw new Error('no such database');
  await client.flushdb();
  if (kind === 'list') {
    await client.lpush('q', '{"n":1}', '{"n":2}');
    await client.lpush('q:dead', '{"n":1}', '{"n":2}');
    await client.lpush('to', '{"n":0}');
    return '?kind=list&dlq=q:dead';
  }
  if (kind === 'stream') {
    for (const name of ['q', 'to', 'paused']) await client.xgroup('CREATE', name, 'g', '0', 'MKSTREAM');
    for (let n = 1; n <= 4; n += 1) await client.xadd('q', '*', 'body', `{"n":${n % 2}}`);
    await client.xreadgroup('GROUP', 'g', 'c', 'COUNT', 2, 'STREAMS', 'q', '>');
    await client.xgroup('SETID', 'paused', 'g', '18446744073709551615-18446744073709551615');
    await client.hset('mq:paused:{paused}:g', 'last-delivered-id', '0-0');
    return '?deadDeliveries=1&deadIdle=1ms';
  }
  const connection = { host: '127.0.0.1', port: server.port, db };
  for (const name of ['q', 'to', 'paused']) {
    const queue = new Queue(name, { connection });
    for (let n = 1; n <= 3; n += 1) await queue.add('job', { n: n % 2 });
    if (name === 'paused') await queue.pause();
    await queue.close();
  }
  const id = await client.rpop('bull:q:wait');
  await client.zadd('bull:q:failed', Date.now(), id ?? '');
  await client.hset(`bull:q:${id}`, 'failedReason', 'no', 'attemptsMade', '1');
  return '';
}

interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** In this process, because the program itself would take most of the time. */
function runHere({ args, input }: Case, env: Readonly<Record<string, string>>, limits: readonly string[]) {
  return line.run([...args, ...limits], { env, ...(input === undefined ? {} : { stdin: input }) });
}

/** The program, interrupted as soon as the server is silent. */
async function runInterrupted(
  { args, input }: Case,
  env: Readonly<Record<string, string>>,
  proxy: SilentProxy,
): Promise<Ended & { readonly toldAt: number | null }> {
  const running = startMq([...args, '--timeout', '60s'], { env, ...(input === undefined ? {} : { input }) });
  let toldAt: number | null = null;
  // Before its first word it may not listen to signals yet.
  void (proxy.isSilent ? proxy.spokenTo() : proxy.heard()).then(() => {
    toldAt = performance.now();
    running.process.kill('SIGINT');
  });
  const killer = setTimeout(() => running.process.kill('SIGKILL'), 30_000);
  const ended = await running.finished;
  clearTimeout(killer);
  return { ...ended, toldAt };
}

async function run(kind: Kind, one: Case, db: number, silence: Silence | null, interrupts = false) {
  const parameters = await fill(kind, db);
  await using proxy = await silentProxy(server.url, silence);
  const url = `${proxy.url}/${db}${parameters}`;
  const env = { MQ_URL: url, ...(await contextAt(line, url)) };
  const { code, stderr, toldAt } = interrupts
    ? await runInterrupted(one, env, proxy)
    : { ...(await runHere(one, env, silence === null ? [] : LIMITS)), toldAt: proxy.silentAt };
  const afterMs = toldAt === null ? null : performance.now() - toldAt;
  return { code, stderr, afterMs, steps: proxy.passed.server, said: proxy.passed.client };
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
async function wrongAt(kind: Kind, one: Case, steps: number, point: Point) {
  const { after, pieces, interrupts } = point;
  const ran = await inDatabase((db) => run(kind, one, db, { after, pieces }, interrupts));
  // What was said last may have been all that there was to say: then only the lease was to be given back.
  if (ran.afterMs === null || (ran.code === 0 && pieces >= steps - 2 - (one.polls ?? 0))) return null;
  const codes = interrupts ? [130] : (one.codes ?? [3, 5]);
  const most = interrupts ? SLACK_MS : TIMEOUT_MS + SLACK_MS;
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
        ...spread(steps, POINTS / 2, 1 - shift).map((pieces): Point => ({ after: 'server', pieces, interrupts: true })),
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
    1_800_000,
  );
});

test('a frame and a stream of top say how old the figures are when the second reading does not come', async () => {
  await inDatabase(async (db) => {
    const target = `${server.url}/${db}${await fill('stream', db)}`;
    const shown = async (...format: readonly string[]) => {
      await using proxy = await silentProxy(target);
      const record = join(line.folder, `silent-${format.length}.ndjson`);
      const args = ['top', '--once', 'q', '--interval', '2s', '--record', record, ...format, ...LIMITS];
      const running = line.run(args, { env: { MQ_URL: proxy.url } });
      await expect.poll(() => readFile(record, 'utf8').catch(() => '')).toContain('"state":"fresh"');
      proxy.silence();
      return await running;
    };
    const frame = await shown();
    expect(frame.code).toBe(0);
    expect(frame.stdout).toMatch(/^redis \(redis\) STALE \d\S*s: the broker did not answer within 1s$/m);
    expect(frame.stdout).toMatch(/^ \?q +running +\d/m);
    const lines = await shown('-o', 'ndjson');
    expect(lines.code).toBe(0);
    expect(lines.stderr).toMatch(/did not answer within 1s; its last figures are \d\S*s old/);
  });
});
