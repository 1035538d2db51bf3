// mq top over 2,000 queues at 1 Hz that change all the time: processor, memory, and how soon a key is answered.
// npm run bench -- top [sqlite|rabbitmq] [SECONDS]
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { provision } from '../support/provision.ts';
import { PseudoTerminal } from '../support/pseudo-terminal.ts';
import { startRabbitmq } from '../support/rabbitmq/server.ts';
import { MQ } from './measure.ts';

const QUEUES = 2_000;
const KEYS = 400;
const WARM_UP_MS = 15_000;
/** Memory is looked at so often. */
const LOOK_MS = 10_000;
/** Linux counts processor time in hundredths of a second. */
const TICKS_PER_SEC = 100;
const KEY_LIMIT_MS = 50;

const [, , kind = 'sqlite', time = '60'] = process.argv;
const seconds = Number(time);

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

interface Watched {
  /** Of one core. */
  readonly percent: number;
  readonly memory: readonly number[];
}

async function watchProcess(pid: number): Promise<Watched> {
  await sleep(WARM_UP_MS);
  const before = usageOf(pid);
  const memory = [before.residentMiB];
  for (let left = seconds * 1_000; left > 0; left -= LOOK_MS) {
    await sleep(Math.min(left, LOOK_MS));
    memory.push(usageOf(pid).residentMiB);
  }
  return { percent: ((usageOf(pid).cpuSeconds - before.cpuSeconds) / seconds) * 100, memory };
}

/** MiB a minute, by least squares over all looks. */
function slopeOf(memory: readonly number[]): number {
  const [middle, mean] = [(memory.length - 1) / 2, memory.reduce((sum, one) => sum + one, 0) / memory.length];
  const along = memory.reduce((sum, one, index) => sum + (index - middle) * (one - mean), 0);
  const across = memory.reduce((sum, _one, index) => sum + (index - middle) ** 2, 0);
  return (along / across) * (60_000 / LOOK_MS);
}

const nextTo = (file: string): string => new URL(file, import.meta.url).pathname;

async function ended(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode === null && child.kill()) await gone;
}

/**
 * Answers every key with a new line and does nothing else: what the machine and the terminal take of a latency just
 * then.
 */
const ECHO = `
  let keys = 0;
  const show = () => process.stdout.write('\\u001b[H>' + keys++);
  process.stdin.setRawMode(true).on('data', show);
  show();
`;

interface Latencies {
  readonly top: readonly number[];
  /** Without the time in which the view was ready to go on and had no processor. */
  readonly running: readonly number[];
  readonly echo: readonly number[];
}

/** In pairs, so that both meet the same machine. */
async function keyLatencies(view: PseudoTerminal): Promise<Latencies> {
  await using echo = new PseudoTerminal(process.execPath, ['-e', ECHO], { columns: 120, rows: 40 });
  await echo.until(/^>0/);
  view.write('s');
  await view.until(/QUEUE[▲▼]/);
  const latencies: { readonly [name in keyof Latencies]: number[] } = { top: [], running: [], echo: [] };
  for (let key = 0; key < KEYS; key++) {
    // At any point of a tick, so also in the middle of a poll.
    await sleep(Math.random() * 150);
    const direction = key % 40 < 20 ? 'j' : 'k';
    const waitedBefore = waitedMs(view.pid);
    const latency = await answered(view, direction);
    latencies.top.push(latency);
    latencies.running.push(latency - (waitedMs(view.pid) - waitedBefore));
    latencies.echo.push(await answered(echo, direction));
  }
  const ascending = (all: readonly number[]): readonly number[] => all.toSorted((a, b) => a - b);
  return {
    top: ascending(latencies.top),
    running: ascending(latencies.running),
    echo: ascending(latencies.echo),
  };
}

/**
 * How long the main thread of a process has waited for a processor since it began, by the kernel's own count
 * (nanoseconds).
 */
function waitedMs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}

/** Milliseconds until the line with `>` has changed on the screen. */
async function answered(view: PseudoTerminal, key: string): Promise<number> {
  const before = selected(view);
  const start = performance.now();
  view.write(key);
  while (selected(view) === before) {
    if (performance.now() - start > 5_000) throw new Error(`no answer to ${key}:\n${view.text()}`);
    await sleep(1);
  }
  return performance.now() - start;
}

function selected(view: PseudoTerminal): string | undefined {
  return view
    .lines()
    .find((line) => line.startsWith('>'))
    ?.slice(0, 24);
}

const folder = mkdtempSync(join(tmpdir(), 'mq-bench-top-'));
const rabbitmq = kind === 'rabbitmq' ? await startRabbitmq(await provision('rabbitmq-server')) : null;
const url =
  rabbitmq === null
    ? `sqlite:${join(folder, 'queues.db')}`
    : `${rabbitmq.url}?management=${encodeURIComponent(new URL(rabbitmq.managementUrl).origin)}`;
const churnUrl = rabbitmq?.url ?? url;
const churn = spawn(process.execPath, [nextTo('top-churn.ts'), churnUrl, String(QUEUES)], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  await new Promise((resolve, reject) => {
    churn.stdout.once('data', resolve);
    churn.once('exit', (code) => reject(new Error(`the load has ended with ${code}`)));
  });
  const reader = spawn(process.execPath, [nextTo('top-load.ts'), url], { stdio: ['ignore', 'ignore', 'inherit'] });
  const alone = await watchProcess(reader.pid ?? 0);
  await ended(reader);

  const args = [MQ, 'top', '--interval', '1s'];
  await using view = new PseudoTerminal(process.execPath, args, { columns: 120, rows: 40, env: { MQ_URL: url } });
  await view.until(/1-36 of 2000/, 30_000);
  const top = await watchProcess(view.pid);
  const latencies = await keyLatencies(view);
  view.write('q');
  await view.exited;

  const spread = (all: readonly number[]): string => {
    const at = (share: number): string => `${(all[Math.floor((all.length - 1) * share)] ?? Number.NaN).toFixed(1)} ms`;
    return `median ${at(0.5)}, 95 % ${at(0.95)}, 99 % ${at(0.99)}, most ${at(1)} (${all.length} keys)`;
  };
  const largest = latencies.top.at(-1) ?? Number.NaN;
  const mib = (memory: readonly number[]): string => memory.map((one) => one.toFixed(0)).join(' ');
  const slope = (memory: readonly number[]): string => `${slopeOf(memory).toFixed(1)} MiB a minute`;
  const besides = Math.max(...top.memory) - Math.max(...alone.memory);
  const load = loadavg().map((one) => one.toFixed(1));
  process.stdout.write(
    [
      `${kind}: ${QUEUES} queues, 1 Hz, ${seconds} s, Node ${process.version}, load of the machine ${load.join(' ')}`,
      `the broker's answer alone: ${alone.percent.toFixed(1)} % of a core, MiB ${mib(alone.memory)}, ${slope(alone.memory)}`,
      `mq top, all of it:         ${top.percent.toFixed(1)} % of a core, MiB ${mib(top.memory)}, ${slope(top.memory)}`,
      `besides the answer:        ${(top.percent - alone.percent).toFixed(1)} % of a core, ${besides.toFixed(0)} MiB at most`,
      `a key is answered within:  ${spread(latencies.top)}`,
      `  when it had a processor: ${spread(latencies.running)}`,
      `by a program that echoes:  ${spread(latencies.echo)}`,
      `${largest <= KEY_LIMIT_MS ? 'within ' : 'OUTSIDE'} ${KEY_LIMIT_MS} ms a key`,
      '',
    ].join('\n'),
  );
} finally {
  await ended(churn);
  await rabbitmq?.stop();
  rmSync(folder, { recursive: true, force: true });
}
