// mq top over 2,000 queues at 1 Hz on an embedded queue that changes all the time: processor, memory, and how soon a key is answered.
// npm run bench -- top [SECONDS]
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PseudoTerminal } from '../support/pseudo-terminal.ts';
import { SqliteLoad } from '../support/top/sqlite-load.ts';
import { MQ } from './measure.ts';

const QUEUES = 2_000;
const CHANGES_PER_SEC = 50;
const KEYS = 200;
const WARM_UP_MS = 8_000;
/** Linux counts processor time in hundredths of a second. */
const TICKS_PER_SEC = 100;

const seconds = Number(process.argv[2] ?? 60);
const folder = mkdtempSync(join(tmpdir(), 'mq-bench-top-'));
const url = `sqlite:${join(folder, 'queues.db')}`;

interface Usage {
  readonly cpuSeconds: number;
  readonly residentMiB: number;
}

function usageOf(pid: number): Usage {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC,
    residentMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024,
  };
}

/** Share of one core in percent, and resident memory at the start and the end, over the time of the benchmark. */
async function watchProcess(pid: number): Promise<{ readonly percent: number; readonly memory: readonly number[] }> {
  await sleep(WARM_UP_MS);
  const before = usageOf(pid);
  const memory = [before.residentMiB];
  for (let part = 0; part < 4; part++) {
    await sleep((seconds * 1_000) / 4);
    memory.push(usageOf(pid).residentMiB);
  }
  return { percent: ((usageOf(pid).cpuSeconds - before.cpuSeconds) / seconds) * 100, memory };
}

const load = await SqliteLoad.open(url);
const changing = new AbortController();
try {
  for (let index = 0; index < QUEUES; index++) {
    const queue = await load.create(`service-${String(index).padStart(4, '0')}.events`);
    if (index % 10 === 0) await load.send(queue, ['x']);
  }
  const busy = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      load.broker.queue(`service-${String(index * 97).padStart(4, '0')}.events`, changing.signal),
    ),
  );
  const change = setInterval(() => {
    const queue = busy[Math.floor(Math.random() * busy.length)];
    if (queue !== undefined) void load.send(queue, ['x']);
  }, 1_000 / CHANGES_PER_SEC);

  const program = new URL('top-load.ts', import.meta.url).pathname;
  const reader = spawn(process.execPath, [program, url], { stdio: 'ignore' });
  const alone = await watchProcess(reader.pid ?? 0);
  reader.kill();

  const args = [MQ, 'top', '--interval', '1s'];
  await using view = new PseudoTerminal(process.execPath, args, { columns: 120, rows: 40, env: { MQ_URL: url } });
  await view.until(/1-36 of 2000/);
  const top = await watchProcess(view.pid);

  const latencies: number[] = [];
  view.write('s');
  await view.until(/by|QUEUE[▲▼]/);
  for (let key = 0; key < KEYS; key++) {
    // At any point of a tick, so also in the middle of a poll.
    await sleep(Math.random() * 300);
    const direction = key % 40 < 20 ? 'j' : 'k';
    const before = selected(view);
    const start = performance.now();
    view.write(direction);
    while (selected(view) === before) {
      if (performance.now() - start > 5_000) throw new Error(`no answer to ${direction}:\n${view.text()}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    latencies.push(performance.now() - start);
  }
  clearInterval(change);
  view.write('q');
  await view.exited;

  latencies.sort((a, b) => a - b);
  const at = (share: number): string => `${(latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(1)} ms`;
  const mib = (memory: readonly number[]): string => memory.map((one) => one.toFixed(0)).join(' ');
  process.stdout.write(
    [
      `${QUEUES} queues, 1 Hz, ${seconds} s, Node ${process.version}`,
      `the broker's answer alone: ${alone.percent.toFixed(1)} % of a core, MiB over time ${mib(alone.memory)}`,
      `mq top, all of it:         ${top.percent.toFixed(1)} % of a core, MiB over time ${mib(top.memory)}`,
      `besides the answer:        ${(top.percent - alone.percent).toFixed(1)} % of a core`,
      `a key is answered within:  median ${at(0.5)}, 95 % ${at(0.95)}, 99 % ${at(0.99)}, most ${at(0.9999)} (${KEYS} keys)`,
      '',
    ].join('\n'),
  );
} finally {
  await load[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
}

function selected(view: PseudoTerminal): string | undefined {
  return view
    .lines()
    .find((line) => line.startsWith('>'))
    ?.slice(0, 24);
}
