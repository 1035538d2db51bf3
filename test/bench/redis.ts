import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Queue as BullQueue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { backend } from '../../src/backends/redis/index.ts';
import type { OutgoingMessage } from '../../src/contract/message.ts';
import { queuePattern } from '../../src/core/name-pattern.ts';
import { planRedrive } from '../../src/core/redrive.ts';
import { EVERYTHING } from '../../src/core/selection.ts';
import { outgoing } from '../support/messages.ts';
import { provision, provisionHere } from '../support/provision.ts';
import { startRedis } from '../support/redis-server.ts';

const JOBS = 50_000;
const LINES = 200_000;
const OTHER_KEYS = 1_000_000;
const AT_ONCE = 200;
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
  while ((await queue.getFailedCount()) < JOBS) await new Promise((resolve) => setTimeout(resolve, 100));
  await worker.close();
}

async function redrive(url: string, client: Redis): Promise<void> {
  const queue = new BullQueue('bench', { connection: { host: '127.0.0.1', port: client.options.port ?? 6379 } });
  await fill(queue, client);
  const broker = await backend.open(url, { connectTimeoutMs: 5000, notice, signal });
  const plan = await planRedrive({
    ...EVERYTHING,
    broker,
    queue: await broker.queue('bench', signal),
    to: null,
    max: null,
    ratePerSec: null,
    setHeaders: {},
    keepDeathHeaders: false,
    lossy: false,
    notice,
    signal,
  });
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

async function enqueue(url: string, kind: 'list' | 'stream', client: Redis): Promise<void> {
  const lines = Array.from({ length: LINES }, (_, n) => `{"order":${n},"note":"${'x'.repeat(80)}"}`);
  const broker = await backend.open(`${url}?kind=${kind}`, { connectTimeoutMs: 5000, notice, signal });
  if (kind === 'stream')
    await broker.create?.('ours', { kind, deadLetterQueue: null, maxReceives: null, settings: {}, signal });
  const publisher = await (await broker.queue('ours', signal)).publisher?.({
    expected: LINES,
    lossy: false,
    notice,
    signal,
  });
  const start = performance.now();
  const waiting = new Set<Promise<unknown>>();
  for (const line of lines) {
    const message: OutgoingMessage = outgoing({ body: Buffer.from(line) });
    const sent: Promise<unknown> = (publisher?.send(message) ?? Promise.resolve()).finally(() => waiting.delete(sent));
    waiting.add(sent);
    // Not a race for each: watching thousands of promises would be most of what is measured.
    if (waiting.size >= 4000) await Promise.all([...waiting].slice(0, 2000));
  }
  await publisher?.close();
  const ours = performance.now() - start;
  await broker.close();
  const cli = spawn(await provisionHere('redis-cli'), ['-p', String(client.options.port), '--pipe'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const began = performance.now();
  const input = lines
    .map((line) => resp(kind === 'list' ? ['LPUSH', 'theirs', line] : ['XADD', 'theirs', '*', 'body', line]))
    .join('');
  cli.stdin.end(input);
  await once(cli, 'close');
  const theirs = performance.now() - began;
  console.log(
    `enqueue of ${LINES} lines into a ${kind}: ${rate(LINES, ours)}; redis-cli --pipe ${rate(LINES, theirs)}; mq does ${(theirs / ours).toFixed(2)} of it`,
  );
  await client.del('ours', 'theirs');
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
    console.log(
      `ls among ${OTHER_KEYS} other keys${budget}: ${ms.toFixed(0)} ms, ${found} queues, longest SCAN ${longest.toFixed(1)} ms, longest stall of another client ${longestStallMs.toFixed(1)} ms`,
    );
  }
}

function rate(count: number, ms: number): string {
  return `${Math.round((count * 1000) / ms).toLocaleString('en')}/s`;
}

const server = await startRedis(await provision('redis-server'));
const client = new Redis(server.url);
try {
  await enqueue(server.url, 'list', client);
  await enqueue(server.url, 'stream', client);
  await list(server.url, client);
  await client.flushall();
  if (process.argv[2] !== 'quick') await redrive(server.url, client);
} finally {
  client.disconnect();
  await server.stop();
}
