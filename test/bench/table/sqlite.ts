// SQLite in bulk: enqueue of lines against a script on node:sqlite, and what claim and stats cost in a queue of
// 10,000,000 messages against one of 10,000.

import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { backend } from '../../../src/backends/sqlite/index.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import { highWaterOf, MQ } from '../measure.ts';
import type { Line } from './line.ts';

const LINES = 200_000;
const ROUNDS = 5;
const MANY = 10_000_000;
const FEW = 10_000;
const signal = new AbortController().signal;
const notice = (): void => {};

export default async function* (): AsyncGenerator<Line> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-sqlite-'));
  try {
    yield* enqueue(folder);
    yield* large(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As durable as `mq`: WAL, a sync for each commit, and 5,000 lines a transaction, as `mq` has. */
const SCRIPT = `
  import { DatabaseSync } from 'node:sqlite';
  import { createInterface } from 'node:readline';
  const db = new DatabaseSync(process.argv[1]);
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE m (id INTEGER PRIMARY KEY, body BLOB NOT NULL)');
  const insert = db.prepare('INSERT INTO m (body) VALUES (?)');
  let count = 0;
  db.exec('BEGIN');
  for await (const line of createInterface({ input: process.stdin })) {
    insert.run(Buffer.from(line));
    if (++count % 5000 === 0) db.exec('COMMIT; BEGIN');
  }
  db.exec('COMMIT');`;

async function* enqueue(folder: string): AsyncGenerator<Line> {
  const lines = join(folder, 'lines');
  const note = 'x'.repeat(60);
  const numbers = Array.from({ length: LINES }, (_, index) => index);
  writeFileSync(lines, numbers.map((n) => `{"order":${n},"customer":"c${n % 977}","note":"${note}"}\n`).join(''));
  const [ours, theirs, memory]: [number[], number[], number[]] = [[], [], []];
  for (let round = -1; round < ROUNDS; round++) {
    const mine = join(folder, `mine-${round}.db`);
    const other = join(folder, `other-${round}.db`);
    const mq = await timed([MQ, 'enqueue', 'q', '--lines'], lines, { MQ_URL: `sqlite:${mine}` });
    const script = await timed(['--input-type=module', '-e', SCRIPT, other], lines, {});
    for (const file of [mine, other]) rmSync(file, { force: true });
    if (round < 0) continue;
    ours.push(LINES / mq.seconds);
    theirs.push(LINES / script.seconds);
    memory.push(mq.peakMiB);
  }
  const work = 'enqueue 200,000 lines, SQLite';
  yield { work, against: 'a node:sqlite batch', goal: { atLeast: 0.6 }, ours, theirs, unit: '/s', note: 'same sync' };
  yield { work: `${work}, memory`, against: '', goal: { atMost: 150 }, ours: memory, theirs: [], unit: 'MiB' };
}

async function timed(args: readonly string[], stdin: string, env: Readonly<Record<string, string>>) {
  const input = openSync(stdin, 'r');
  const start = performance.now();
  const child = spawn(process.execPath, args, {
    stdio: [input, 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
  let peakMiB = 0;
  const watch = setInterval(() => {
    peakMiB = Math.max(peakMiB, highWaterOf(child.pid));
  }, 20);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const seconds = (performance.now() - start) / 1_000;
  clearInterval(watch);
  closeSync(input);
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`);
  return { seconds, peakMiB };
}

async function* large(folder: string): AsyncGenerator<Line> {
  const [many, few] = [await filled(join(folder, 'many.db'), MANY), await filled(join(folder, 'few.db'), FEW)];
  try {
    const claims: [number[], number[]] = [[], []];
    const figures: [number[], number[]] = [[], []];
    for (let round = -1; round < ROUNDS; round++) {
      for (const [at, broker] of [many, few].entries()) {
        const [claim, stats] = [await claimMs(broker), await statsMs(broker)];
        if (round < 0) continue;
        claims[at]?.push(claim);
        figures[at]?.push(stats);
      }
    }
    const common = { against: 'in 10,000', unit: 'ms', note: 'in one process, 500 claims and one reading' } as const;
    yield { ...common, work: 'claim in 10,000,000', goal: { atMost: 1.5 }, ours: claims[0], theirs: claims[1] };
    yield { ...common, work: 'stats of 10,000,000', goal: { atMost: 2 }, ours: figures[0], theirs: figures[1] };
  } finally {
    await many.close();
    await few.close();
  }
}

/** By SQL: sending so many would take a minute. */
async function filled(path: string, count: number): Promise<Broker> {
  const broker = await backend.open(`sqlite:${path}`, { connectTimeoutMs: 5_000, notice, signal });
  const options = { kind: null, deadLetterQueue: null, maxReceives: null, settings: {}, signal };
  await broker.create?.('q', options);
  const database = new DatabaseSync(path);
  const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count})`;
  database.exec(`PRAGMA synchronous = OFF; BEGIN;
    ${numbers} INSERT INTO message (key, queue, state, rank, position, enqueued_at, receives, deaths, replays)
      SELECT i, 1, 0, 0, i, ${Date.now()} + i / 1000, 0, 0, 0 FROM n;
    ${numbers} INSERT INTO payload (key, body) SELECT i, CAST('body ' || i AS BLOB) FROM n;
    UPDATE file SET sequence = ${count}; UPDATE queue SET enqueued = ${count};
    COMMIT; PRAGMA wal_checkpoint(TRUNCATE)`);
  database.close();
  return broker;
}

/** Takes 500, one page, and gives them back. */
async function claimMs(broker: Broker): Promise<number> {
  const queue = await broker.queue('q', signal);
  const start = performance.now();
  const consumer = await queue.consume?.({
    ...{ state: 'ready', limit: 500, window: 500, follow: false, idleMs: null, notice, signal },
  });
  if (consumer === undefined) throw new Error('nothing to consume with');
  let taken = 0;
  for await (const { receipt } of consumer) {
    receipt.hold?.();
    if (++taken === 500) break;
  }
  const ms = performance.now() - start;
  await consumer.close();
  return ms;
}

async function statsMs(broker: Broker): Promise<number> {
  const queue = await broker.queue('q', signal);
  const start = performance.now();
  await queue.stats(signal);
  return performance.now() - start;
}
