// mq top over idle SQLite queues at 1 Hz: processor time and memory of the whole process.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';
import { MQ } from '../measure.ts';
import type { Line } from './line.ts';

/** Until rates and trends, which look back for 20 s, have come to rest as well. */
const WARM_UP_MS = 25_000;
const ROUNDS = 5;
const ROUND_MS = 6_000;
/** Linux counts processor time in hundredths of a second. */
const TICKS_PER_SEC = 100;

export default async function* (): AsyncGenerator<Line> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-top-'));
  try {
    for (const [queues, percent] of [
      [2_000, 3],
      [10_000, 8],
    ] as const) {
      const url = `sqlite:${join(folder, `${queues}.db`)}`;
      await fill(url, queues);
      const { cpu, memory } = await watch(url, queues);
      const work = `top, ${queues.toLocaleString('en')} idle SQLite queues, 1 Hz`;
      yield { work, against: '', goal: { atMost: percent }, ours: cpu, theirs: [], unit: '% of a core' };
      if (queues === 2_000)
        yield { work: `${work}, memory`, against: '', goal: { atMost: 150 }, ours: memory, theirs: [], unit: 'MiB' };
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A tenth of the queues has a message. */
async function fill(url: string, count: number): Promise<void> {
  await using load = await SqliteLoad.open(url);
  const name = (index: number): string => `service-${String(index).padStart(5, '0')}.events`;
  const queues = await Promise.all(Array.from({ length: count }, (_, index) => load.create(name(index))));
  await Promise.all(queues.filter((_, index) => index % 10 === 0).map((queue) => load.send(queue, ['x'])));
}

async function watch(url: string, queues: number) {
  const args = [MQ, 'top', '--interval', '1s'];
  await using view = new PseudoTerminal(process.execPath, args, { columns: 120, rows: 40, env: { MQ_URL: url } });
  await view.until(new RegExp(`1-36 of ${queues}`), 60_000);
  await sleep(WARM_UP_MS);
  const [cpu, memory]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    const [before, start] = [cpuSeconds(view.pid), performance.now()];
    await sleep(ROUND_MS);
    cpu.push(((cpuSeconds(view.pid) - before) / ((performance.now() - start) / 1_000)) * 100);
    memory.push(residentMiB(view.pid));
  }
  view.write('q');
  await view.exited;
  return { cpu, memory };
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC;
}

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}
