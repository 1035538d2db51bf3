import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { provision } from '../../support/provision.ts';
import { type RedisServer, startRedis } from '../../support/redis/server.ts';
import { mq, run } from '../measure.ts';
import type { Line } from './line.ts';

const COUNT = Number(process.env.MQ_BENCH_ITEMS ?? 500_000);
const ROUNDS = Number(process.env.MQ_BENCH_ROUNDS ?? 5);
const FILTER = ['--filter', 'body.n % 100 == 0'];

type Kind = 'list' | 'stream' | 'bullmq';

interface Work {
  readonly kind: Kind;
  readonly args: readonly string[];
}

const WORK: readonly Work[] = [
  { kind: 'list', args: ['stats', 'orders'] },
  { kind: 'list', args: ['peek', 'orders', '-n', '1000'] },
  { kind: 'list', args: ['move', 'orders', 'other', ...FILTER, '--yes'] },
  { kind: 'list', args: ['drain', 'orders', '--to', 'FILE'] },
  { kind: 'list', args: ['purge', 'orders', ...FILTER, '--yes'] },
  { kind: 'list', args: ['purge', 'orders', '--yes', '--force'] },
  { kind: 'stream', args: ['stats', 'orders'] },
  { kind: 'stream', args: ['move', 'orders', 'other', ...FILTER, '--yes'] },
  { kind: 'stream', args: ['drain', 'orders', '--to', 'FILE'] },
  { kind: 'stream', args: ['purge', 'orders', '--yes', '--force'] },
  { kind: 'bullmq', args: ['stats', 'orders'] },
  { kind: 'bullmq', args: ['redrive', 'orders', '--yes'] },
  { kind: 'bullmq', args: ['purge', 'orders', '--dead', '--yes', '--force'] },
];

/**
 * How long one command of `mq` keeps the server from answering others, by the server's own slow log: the longest
 * command of each verb over a queue of 500,000.
 */
export default async function* (): AsyncGenerator<Line> {
  const server = await startRedis(await provision('redis-server'), {
    settings: { 'slowlog-log-slower-than': '1000', 'slowlog-max-len': '10000' },
  });
  const client = new Redis(server.url);
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
  try {
    for (const { kind, args } of WORK) {
      const longest: number[] = [];
      const rounds = changes(args) ? Math.min(ROUNDS, 3) : ROUNDS;
      for (let round = 0; round < rounds; round++) {
        if (round === 0 || changes(args)) await fill(client, kind);
        await client.slowlog('RESET');
        const words = args.map((word) => (word === 'FILE' ? join(folder, `${kind}-${round}`) : word));
        await run(mq('mq', ['--url', urlOf(server, kind), ...words, '-q']));
        longest.push(await longestMs(client));
      }
      const work = `longest stall of another client: ${args.filter((word) => !word.startsWith('--y')).join(' ')}, ${kind} of ${COUNT.toLocaleString('en')}`;
      // One long stall is one too many, so it is the longest of all rounds and not their median.
      const ours = [Math.max(...longest)];
      yield { work, against: '', goal: { atMost: 20 }, ours, theirs: [], unit: 'ms', note: `the longest of ${rounds}` };
    }
  } finally {
    client.disconnect();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function changes([verb]: readonly string[]): boolean {
  return verb !== 'stats' && verb !== 'peek';
}

function urlOf(server: RedisServer, kind: Kind): string {
  return kind === 'stream' ? `${server.url}?kind=stream&group=g` : `${server.url}?kind=${kind}`;
}

async function longestMs(client: Redis): Promise<number> {
  const entries = (await client.slowlog('GET', '10000')) as [number, number, number, string[]][];
  return Math.max(0, ...entries.map(([, , micros]) => micros)) / 1000;
}

/** Written by the server itself, a thousand at a time. */
async function fill(client: Redis, kind: Kind): Promise<void> {
  await client.flushall();
  if (kind === 'bullmq') await client.hset('bull:orders:meta', 'opts.maxLenEvents', '10000', 'version', 'bullmq:5.0.0');
  for (let from = 0; from < COUNT; from += 1_000) await client.eval(FILL[kind], 0, from, Math.min(from + 1_000, COUNT));
  if (kind !== 'stream') return;
  await client.xgroup('CREATE', 'orders', 'g', '0');
  await client.xgroup('CREATE', 'other', 'g', '0', 'MKSTREAM');
}

const BODY = `'{"n":' .. n .. ',"note":"' .. string.rep('x', 80) .. '"}'`;
const FILL: Readonly<Record<Kind, string>> = {
  list: `for n = ARGV[1], ARGV[2] - 1 do redis.call('LPUSH', 'orders', ${BODY}) end`,
  stream: `for n = ARGV[1], ARGV[2] - 1 do redis.call('XADD', 'orders', '*', 'body', ${BODY}) end`,
  bullmq: `for n = ARGV[1], ARGV[2] - 1 do
    redis.call('HSET', 'bull:orders:' .. n, 'name', 'send', 'data', ${BODY}, 'opts', '{"attempts":1}', 'timestamp', 1790000000000 + n,
      'delay', 0, 'priority', 0, 'failedReason', 'ETIMEDOUT', 'atm', 1, 'ats', 1, 'finishedOn', 1790000000000 + n, 'processedOn', 1790000000000 + n)
    redis.call('ZADD', 'bull:orders:failed', 1790000000000 + n, n)
  end`,
};
