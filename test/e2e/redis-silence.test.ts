import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, it } from 'vitest';
import { startMq } from '../support/mq.ts';
import { startRedis } from '../support/redis-server.ts';
import { redisProgram } from '../support/servers.ts';
import { type Silence, silentProxy } from '../support/silent-proxy.ts';

const server = await startRedis(await redisProgram());
/** Runs wait more than they work, so some of them run at once, each in a database of its own. */
const AT_ONCE = 6;
const clients = Array.from({ length: AT_ONCE }, (_, db) => new Redis(server.url, { db }));
afterAll(async () => {
  for (const client of clients) client.disconnect();
  await server.stop();
});

const TIMEOUT_MS = 1_500;
/** To end, and to start on a machine that others use, too. */
const SLACK_MS = 2_000;
/** A proxy that is silent from the first piece on is so before the program has begun. */
const START_MS = 6_000;
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
  return { code, stderr, afterMs: silentAt === null ? null : Date.now() - silentAt, steps: proxy.passed.server };
}

// The kind bullmq is written as far as here (`fill`, `verbsOf`), and not yet run.
describe.each(['stream', 'list'] as const)('a Redis that falls silent, kind %s', (kind) => {
  it.each(verbsOf(kind))(
    '$verb ends in time after each piece that it says, and at once when it is interrupted',
    async (one) => {
      const { steps, ...whole } = await run(kind, one, 0, null);
      expect(whole, whole.stderr).toMatchObject({ code: 0 });
      const cases = Array.from({ length: steps }, (_, pieces) => ({ pieces, interrupts: false }));
      cases.push(
        { pieces: Math.min(2, steps - 1), interrupts: true },
        { pieces: Math.floor((steps * 2) / 3), interrupts: true },
      );
      const wrong: unknown[] = [];
      const workers = Array.from({ length: AT_ONCE }, async (_, db) => {
        for (let next = cases.shift(); next !== undefined; next = cases.shift()) {
          const { pieces, interrupts } = next;
          const ran = await run(kind, one, db, { after: 'server', pieces }, interrupts);
          // What was said last may have been all that there was to say.
          if (ran.afterMs === null || (ran.code === 0 && pieces >= steps - 2)) continue;
          const codes = interrupts ? [130, 3, 5] : [3, 5];
          const most = interrupts ? SLACK_MS + 500 : TIMEOUT_MS + SLACK_MS + (pieces < 2 ? START_MS : 0);
          if (!codes.includes(ran.code ?? -1) || ran.afterMs > most) wrong.push({ ...ran, pieces, interrupts });
        }
      });
      await Promise.all(workers);
      expect(wrong).toEqual([]);
    },
    240_000,
  );
});
