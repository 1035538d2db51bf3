// How long `ls` takes among a million other keys of a Redis, and how long others wait meanwhile:
//   npm run bench -- redis-ls
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { backend } from '../../src/backends/redis/index.ts';
import { queuePattern } from '../../src/core/name-pattern.ts';
import { provision } from '../support/provision.ts';
import { startRedis } from '../support/redis/server.ts';

const OTHER_KEYS = 1_000_000;
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

const server = await startRedis(await provision('redis-server'));
const client = new Redis(server.url);
try {
  await list(server.url, client);
} finally {
  client.disconnect();
  await server.stop();
}
