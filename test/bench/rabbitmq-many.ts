// What the view, Tab and looks at some queues take in a vhost of 10,000 queues:
//   npm run bench -- rabbitmq-many [QUEUES] [debian|rabbitmq-4] [busy]
// `busy`: each queue has had a message, as in a vhost that is used. The list of all is in the table: rabbitmq-queues.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newerProgram, newerReleases } from '../support/newer-debian.ts';
import { provision } from '../support/provision.ts';
import { PseudoTerminal } from '../support/pseudo-terminal.ts';
import { managementRequest } from '../support/rabbitmq/management.ts';
import { declareMany } from '../support/rabbitmq/many-queues.ts';
import { startRabbitmq } from '../support/rabbitmq/server.ts';
import { MQ, median, mq, run } from './measure.ts';

const ROUNDS = 5;
const GLOB_MS = 1_000;
const TOP_SECONDS = 30;
const TOP_WARM_UP_MS = 12_000;
const TICKS_PER_SEC = 100;
const IDLE_SECONDS = 10;

const [, , count = '10000', release = 'debian', use = 'idle'] = process.argv;
const QUEUES = Number(count);

if (release !== 'debian') {
  const missing = await newerReleases(false);
  if (missing !== null) throw new Error(missing);
}
const program = release === 'debian' ? await provision('rabbitmq-server') : newerProgram('rabbitmq-server');
const folder = mkdtempSync(join(tmpdir(), 'mq-bench-queues-'));
const broker = await startRabbitmq(program, { usualFigures: true });
try {
  await declareMany(broker, QUEUES, { busy: use === 'busy' });
  // The first figures of all queues have to be there, as they are in a vhost that was not made just now.
  await sleep(15_000);
  const { origin } = new URL(broker.managementUrl);
  const env = {
    HOME: folder,
    MQ_URL: `${broker.url}?management=${encodeURIComponent(origin)}`,
    MQ_CONTEXT: '',
    // A cache that cannot be written never answers.
    XDG_CACHE_HOME: '/dev/null/none',
    MQ_COMPLETE_LINE: 'mq peek svc-77',
  };
  say(
    `RabbitMQ ${broker.version}, ${QUEUES} queues (${use}), Node ${process.version}; medians of ${ROUNDS}; load ${loadText()}`,
  );
  const tab = mq('Tab, asking the broker', ['__complete', 'bash'], env);
  const names = (await run(tab)).stdout.trimEnd().split('\n').length;
  const meant = Array.from({ length: QUEUES }, (_, n) => `svc-${n}`).filter((name) => name.startsWith('svc-77')).length;
  say(`Tab offers ${names} names of ${meant}`);
  const one = [
    mq("mq ls 'svc-77?'", ['ls', 'svc-77?'], env),
    mq("mq stats 'svc-77?'", ['stats', 'svc-77?'], env),
    mq('mq stats ONE, with links', ['stats', 'svc-100'], env),
    mq('mq stats ONE, a dead-letter queue', ['stats', 'svc-101'], env),
    mq('mq redrive ONE --dry-run', ['redrive', 'svc-100', '--dry-run'], env),
    mq('mq peek ONE', ['peek', 'svc-200'], env),
  ];
  for (const command of one) {
    const times: number[] = [];
    for (let round = -1; round < ROUNDS; round++) {
      const { wallMs } = await run(command);
      if (round >= 0) times.push(wallMs);
    }
    verdict(command.name, median(times), GLOB_MS, 'ms');
  }
  for (const [name, globs] of [
    ['mq top', []],
    ["mq top 'svc-77?'", ['svc-77?']],
  ] as const)
    await watchTop(name, globs, env);
  say(`load ${loadText()}`);
} finally {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** What the view and the broker take of a core while it is open, and how often it shows something new. */
async function watchTop(name: string, globs: readonly string[], env: Readonly<Record<string, string>>): Promise<void> {
  await using view = new PseudoTerminal(process.execPath, [MQ, 'top', '--interval', '1s', ...globs], {
    columns: 120,
    rows: 40,
    env,
  });
  await view.until(/svc-/, 60_000);
  await sleep(TOP_WARM_UP_MS);
  const before = [cpuSeconds(view.pid), await brokerSeconds()] as const;
  await sleep(TOP_SECONDS * 1_000);
  const percent = (now: number, then: number): string => `${(((now - then) / TOP_SECONDS) * 100).toFixed(1)} %`;
  const [own, brokers] = [percent(cpuSeconds(view.pid), before[0]), percent(await brokerSeconds(), before[1])];
  view.write('q');
  await view.exited;
  const quitAt = await brokerSeconds();
  await sleep(IDLE_SECONDS * 1_000);
  const idle = `${((((await brokerSeconds()) - quitAt) / IDLE_SECONDS) * 100).toFixed(1)} %`;
  say(`${name.padEnd(34)} takes ${own} of a core, and the broker ${brokers} meanwhile (${idle} without it)`);
}

async function brokerSeconds(): Promise<number> {
  const nodes = (await managementRequest(broker.managementUrl, 'GET', '/api/nodes?columns=os_pid')) as readonly {
    readonly os_pid: string;
  }[];
  return cpuSeconds(Number(nodes[0]?.os_pid));
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC;
}

function verdict(name: string, value: number, limit: number, unit: string): void {
  const shown = unit === 'ms' ? value.toFixed(0) : value.toFixed(2);
  say(`${value <= limit ? 'within ' : 'OUTSIDE'} ${name.padEnd(34)} ${shown} of at most ${limit} ${unit}`);
}

function loadText(): string {
  return loadavg()
    .map((one) => one.toFixed(1))
    .join(' ');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
