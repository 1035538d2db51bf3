import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Queue as BullQueue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { backend } from '../../src/backends/redis/index.ts';
import { redriveOf } from '../../src/conformance/redrive.ts';
import { queuePattern } from '../../src/core/name-pattern.ts';
import { planRedrive } from '../../src/core/redrive.ts';
import { provision, provisionHere } from '../support/provision.ts';
import { startRedis } from '../support/redis/server.ts';
import { MQ, median } from './measure.ts';

const JOBS = 50_000;
const LINES = 200_000;
const OTHER_KEYS = 1_000_000;
const AT_ONCE = 200;
const ROUNDS = 5;
const PARTS = ['enqueue', 'ls', 'redrive'];
const signal = new AbortController().signal;
const notice = (text: string): void => console.log(`  note: ${text}`);

/** The longest that another client waited for an answer while `work` ran, in ms, and how long the work took. */
async function watched(
  url: string,
  work: () => Promise<unknown>,
): Promise<{ readonly ms: number; readonly longestStallMs: number }> {
  const child = spawn(process.execPath, ['-e', PROBE, url], {
    cwd: new URL('../..', import.meta.url).pathname,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  child.stdin.end();
  const [answer] = (await once(child.stdout, 'data')) as [Buffer];
  await once(child, 'close');
  return { ms, longestStallMs: Number(answer.toString()) };
}

/** A client in a process of its own, so that only the server's stalls are seen and not ours. */
const PROBE = `
const { Redis } = require('ioredis');
const client = new Redis(process.argv[1]);
let worst = 0, over = false;
process.stdin.on('end', () => { over = true; }).resume();
(async () => {
  await client.ping();
  console.log('ready');
  while (!over) {
    const start = performance.now();
    await client.ping();
    worst = Math.max(worst, performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  console.log(String(worst));
  client.disconnect();
})();
`;

async function fill(queue: BullQueue, client: Redis): Promise<void> {
  const data = { to: 'someone@example.com', padding: 'x'.repeat(900) };
  for (let n = 0; n < JOBS; n += 1000)
    await queue.addBulk(Array.from({ length: 1000 }, () => ({ name: 'send', data, opts: { attempts: 1 } })));
  // Made failed by a real worker, as many at once as it can.
  const worker = new Worker(queue.name, async () => Promise.reject(new Error('ETIMEDOUT')), {
    connection: { host: '127.0.0.1', port: client.options.port ?? 6379 },
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

async function redrive(url: string, client: Redis): Promise<void> {
  const queue = new BullQueue('bench', { connection: { host: '127.0.0.1', port: client.options.port ?? 6379 } });
  await fill(queue, client);
  const broker = await backend.open(url, { connectTimeoutMs: 5000, notice, signal });
  const plan = await planRedrive(redriveOf(broker, await broker.queue('bench', signal), { notice, signal }));
  const ours = await watched(url, () => plan.run({ dryRun: false, onProgress: () => {}, signal }));
  await broker.close();
  console.log(
    `redrive of ${JOBS} jobs of 1 KB: ${rate(JOBS, ours.ms)}, longest stall of another client ${ours.longestStallMs.toFixed(1)} ms`,
  );
  await queue.obliterate({ force: true });
  await fill(queue, client);
  const theirs = await watched(url, async () => {
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
  console.log(
    `bullmq's own job.retry, ${AT_ONCE} at once: ${rate(JOBS, theirs.ms)}; mq does ${(theirs.ms / ours.ms).toFixed(2)} of it`,
  );
  await queue.close();
}

/** The built program and `redis-cli --pipe`, each reading a file, as whole processes, in turn. */
async function enqueue(url: string, kind: 'list' | 'stream', client: Redis): Promise<void> {
  const lines = Array.from({ length: LINES }, (_, n) => `{"order":${n},"note":"${'x'.repeat(80)}"}`);
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
  try {
    writeFileSync(join(folder, 'lines'), `${lines.join('\n')}\n`);
    const command = (line: string) =>
      kind === 'list' ? ['LPUSH', 'theirs', line] : ['XADD', 'theirs', '*', 'body', line];
    writeFileSync(join(folder, 'resp'), lines.map((line) => resp(command(line))).join(''));
    const cli = await provisionHere('redis-cli');
    const ratios: number[] = [];
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
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
      ours.push(mine);
      theirs.push(other);
      ratios.push(other / mine);
    }
    console.log(
      `enqueue of ${LINES} lines into a ${kind}: ${rate(LINES, median(ours))}; redis-cli --pipe ${rate(LINES, median(theirs))}; mq does ${median(ratios).toFixed(2)} of it`,
    );
    await client.del('ours', 'theirs');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of a whole process, from start to end. */
async function timed(program: string, args: readonly string[], input: string | null): Promise<number> {
  const stdin = input === null ? null : openSync(input, 'r');
  const start = performance.now();
  const child = spawn(program, args, { stdio: [stdin ?? 'ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'close')) as [number | null];
  const ms = performance.now() - start;
  if (stdin !== null) closeSync(stdin);
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return ms;
}

function resp(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;
}

async function list(url: string, client: Redis): Promise<void> {
  for (let n = 0; n < OTHER_KEYS; n += 5000) {
    await client.mset(Array.from({ length: 5000 }, (_, i) => [`other:${n + i}`, 'x']).flat());
  }
  await client.lpush('a-list', 'x');
  await client.config('RESETSTAT');
  await client.config('SET', 'slowlog-log-slower-than', '1000');
  await client.call('SLOWLOG', 'RESET');
  for (const budget of ['', '?scanBudget=300ms']) {
    const broker = await backend.open(`${url}${budget}`, { connectTimeoutMs: 5000, notice, signal });
    let found = 0;
    const { ms, longestStallMs } = await watched(url, async () => {
      for await (const _ of broker.queues(queuePattern([]), { notice, signal })) found += 1;
    });
    await broker.close();
    const slow = (await client.call('SLOWLOG', 'GET', '128')) as [number, number, number, string[]][];
    const longest =
      Math.max(0, ...slow.filter(([, , , args]) => args[0] === 'SCAN').map(([, , micros]) => micros)) / 1000;
    const scans =
      /latency_percentiles_usec_scan:(.*)/.exec(await client.info('latencystats'))?.[1]?.trim() ?? 'unknown';
    const calls = /cmdstat_scan:calls=(\d+),usec=\d+,usec_per_call=([\d.]+)/.exec(await client.info('commandstats'));
    console.log(
      `  ${calls?.[1]} SCANs of ${calls?.[2]} µs on average, by the server's own clock, which runs on while others have the processor: ${scans} µs`,
    );
    console.log(
      `ls among ${OTHER_KEYS} other keys${budget}: ${ms.toFixed(0)} ms, ${found} queues, longest SCAN ${longest.toFixed(1)} ms, longest stall of another client ${longestStallMs.toFixed(1)} ms`,
    );
  }
}

function rate(count: number, ms: number): string {
  return `${Math.round((count * 1000) / ms).toLocaleString('en')}/s`;
}

// npm run bench -- redis [enqueue] [ls] [redrive]; without names all of them.
const asked = process.argv.slice(2).filter((part) => PARTS.includes(part));
const does = (part: string): boolean => asked.length === 0 || asked.includes(part);
const server = await startRedis(await provision('redis-server'));
const client = new Redis(server.url);
try {
  if (does('enqueue')) {
    await enqueue(server.url, 'list', client);
    await enqueue(server.url, 'stream', client);
  }
  if (does('ls')) await list(server.url, client);
  await client.flushall();
  if (does('redrive')) await redrive(server.url, client);
} finally {
  client.disconnect();
  await server.stop();
}
