import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue as BullQueue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { backend } from '../../../src/backends/redis/index.ts';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { provision, provisionHere } from '../../support/provision.ts';
import { startRedis } from '../../support/redis/server.ts';
import { MQ, mq, run } from '../measure.ts';
import type { Line } from './line.ts';

const LINES = 200_000;
const JOBS = 50_000;
const AT_ONCE = 200;
const ROUNDS = 5;
const [MANY, FEW] = [1_000_000, 100_000];
const signal = new AbortController().signal;
const notice = (): void => {};

/** Much at once on Redis: lines are enqueued, failed jobs are redriven, a list is moved by a filter. */
export default async function* (): AsyncGenerator<Line> {
  const server = await startRedis(await provision('redis-server'));
  const client = new Redis(server.url);
  try {
    yield await enqueue(server.url, 'list', client);
    yield await enqueue(server.url, 'stream', client);
    yield* filtered(server.url, client);
    yield await redrive(server.url, client);
  } finally {
    client.disconnect();
    await server.stop();
  }
}

/** The built program and `redis-cli --pipe`, each reading a file, as whole processes, in turn. */
async function enqueue(url: string, kind: 'list' | 'stream', client: Redis): Promise<Line> {
  const lines = Array.from({ length: LINES }, (_, n) => `{"order":${n},"note":"${'x'.repeat(80)}"}`);
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
  try {
    writeFileSync(join(folder, 'lines'), `${lines.join('\n')}\n`);
    const command = (line: string) =>
      kind === 'list' ? ['LPUSH', 'theirs', line] : ['XADD', 'theirs', '*', 'body', line];
    writeFileSync(join(folder, 'resp'), lines.map((line) => resp(command(line))).join(''));
    const cli = await provisionHere('redis-cli');
    const [ours, theirs]: [number[], number[]] = [[], []];
    for (let round = -1; round < ROUNDS; round++) {
      await client.del('ours', 'theirs');
      if (kind === 'stream') await client.xgroup('CREATE', 'ours', 'g', '0', 'MKSTREAM');
      const args = ['--url', `${url}?kind=${kind}`, 'enqueue', 'ours', '--lines', '--file', join(folder, 'lines')];
      const mine = await timed(process.execPath, [MQ, ...args], null);
      const other = await timed(cli, ['-p', String(client.options.port), '--pipe'], join(folder, 'resp'));
      const [stored, reference] =
        kind === 'list'
          ? [await client.llen('ours'), await client.llen('theirs')]
          : [await client.xlen('ours'), await client.xlen('theirs')];
      if (stored !== LINES || reference !== LINES) throw new Error(`stored ${stored} and ${reference} of ${LINES}`);
      if (round < 0) continue;
      ours.push((LINES / mine) * 1000);
      theirs.push((LINES / other) * 1000);
    }
    const work = `enqueue ${LINES.toLocaleString('en')} lines, ${kind}`;
    return { work, against: 'redis-cli --pipe', goal: { atLeast: 0.7 }, ours, theirs, unit: '/s' };
  } finally {
    await client.del('ours', 'theirs');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Time for each element of a large list against a small one: how it grows. */
async function* filtered(url: string, client: Redis): AsyncGenerator<Line> {
  const [ours, theirs, memory]: [number[], number[], number[]] = [[], [], []];
  const filter = ['--filter', 'int(body.n) % 100 == 0'];
  for (let round = -1; round < ROUNDS; round++) {
    for (const count of [FEW, MANY]) {
      if (round < 0 && count === MANY) continue;
      await client.flushall();
      for (let from = 0; from < count; from += 10_000) await client.eval(FILL, 0, from, from + 10_000);
      const move = ['--url', `${url}?kind=list`, 'move', 'orders', 'other', ...filter, '--yes', '-q'];
      const { wallMs, peakMiB } = await run(mq('mq move', move), { watchMemory: true });
      const moved = await client.llen('other');
      if (moved !== count / 100) throw new Error(`moved ${moved} of ${count / 100}`);
      if (round < 0) continue;
      (count === MANY ? ours : theirs).push((wallMs * 1000) / count);
      if (count === MANY) memory.push(peakMiB);
    }
  }
  await client.flushall();
  const work = 'filtered redrive of a list, 1 % of 1,000,000, per 1,000 messages';
  yield { work, against: '1 % of 100,000', goal: { atMost: 1.3 }, ours, theirs, unit: 'ms' };
  yield { work: `${work}, memory`, against: '', goal: { atMost: 150 }, ours: memory, theirs: [], unit: 'MiB' };
}

const FILL = `for n = ARGV[1], ARGV[2] - 1 do
  redis.call('LPUSH', 'orders', '{"n":' .. n .. ',"note":"' .. string.rep('x', 80) .. '"}')
end`;

/** Attempts and priorities are kept by both, so `retryJobs`, which loses them, is no peer. */
async function redrive(url: string, client: Redis): Promise<Line> {
  const connection = { host: '127.0.0.1', port: client.options.port ?? 6379 };
  const queue = new BullQueue('bench', { connection });
  const [ours, theirs]: [number[], number[]] = [[], []];
  await fill(queue, connection);
  for (let round = -1; round < ROUNDS; round++) {
    const broker = await backend.open(url, { connectTimeoutMs: 5000, notice, signal });
    const plan = await planRedrive(redriveOf(broker, await broker.queue('bench', signal), { notice, signal }));
    const mine = await during(() => plan.run({ dryRun: false, onProgress: () => {}, signal }));
    await broker.close();
    await failAll(queue, connection);
    const other = await during(async () => {
      for (let done = 0; done < JOBS; ) {
        const jobs = await queue.getFailed(0, 999);
        const waiting = [...jobs];
        const work = async (): Promise<void> => {
          for (let job = waiting.shift(); job !== undefined; job = waiting.shift())
            await job.retry('failed', { resetAttemptsMade: true, resetAttemptsStarted: true });
        };
        await Promise.all(Array.from({ length: AT_ONCE }, work));
        done += jobs.length;
      }
    });
    if (round < ROUNDS - 1) await failAll(queue, connection);
    if (round < 0) continue;
    ours.push((JOBS / mine) * 1000);
    theirs.push((JOBS / other) * 1000);
  }
  await queue.close();
  const work = `redrive ${JOBS.toLocaleString('en')} jobs of 1 KB, BullMQ`;
  return { work, against: `job.retry, ${AT_ONCE} at once`, goal: { atLeast: 2.3 }, ours, theirs, unit: '/s' };
}

interface Address {
  readonly host: string;
  readonly port: number;
}

async function fill(queue: BullQueue, connection: Address): Promise<void> {
  const data = { to: 'someone@example.com', padding: 'x'.repeat(900) };
  for (let n = 0; n < JOBS; n += 1000)
    await queue.addBulk(Array.from({ length: 1000 }, () => ({ name: 'send', data, opts: { attempts: 1 } })));
  await failAll(queue, connection);
}

/** Made failed by a real worker, as many at once as it can. */
async function failAll(queue: BullQueue, connection: Address): Promise<void> {
  const worker = new Worker(queue.name, async () => Promise.reject(new Error('ETIMEDOUT')), {
    connection,
    concurrency: AT_ONCE,
  });
  let failed = 0;
  await new Promise<void>((resolve) => {
    worker.on('failed', () => {
      failed += 1;
      if (failed === JOBS) resolve();
    });
  });
  await worker.close();
}

async function during(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Milliseconds of a whole process, from start to end. */
async function timed(program: string, args: readonly string[], input: string | null): Promise<number> {
  const stdin = input === null ? null : openSync(input, 'r');
  return await during(async () => {
    const child = spawn(program, args, { stdio: [stdin ?? 'ignore', 'ignore', 'inherit'] });
    const [code] = (await once(child, 'close')) as [number | null];
    if (stdin !== null) closeSync(stdin);
    if (code !== 0) throw new Error(`${program} ended with ${code}`);
  });
}

function resp(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;
}
