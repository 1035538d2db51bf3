import { cpSync, createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { provision } from '../../support/provision.ts';
import { startRedis } from '../../support/redis/server.ts';
import { EMPTY, mq, run } from '../measure.ts';
import type { Line } from './line.ts';

const COUNT = Number(process.env.MQ_BENCH_ITEMS ?? 1_000_000);
const ROUNDS = Number(process.env.MQ_BENCH_ROUNDS ?? 5);
const BODY_BYTES = 60;

/** One page: written, synced, and then removed. As safe as `mq`, and nothing more. */
const WRITE = `
  import { appendFileSync, fdatasyncSync, openSync } from 'node:fs';
  const [place, out] = process.argv.slice(1);
  const file = openSync(out, 'a');
  const write = (bodies) => {
    appendFileSync(file, bodies.map((body) => JSON.stringify({ body: String(body) }) + '\\n').join(''));
    fdatasyncSync(file);
  };`;

const SQLITE = `${WRITE}
  import { DatabaseSync } from 'node:sqlite';
  const db = new DatabaseSync(place);
  db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL');
  const page = db.prepare('SELECT id, body FROM m ORDER BY id LIMIT 500');
  const remove = db.prepare('DELETE FROM m WHERE id <= ?');
  for (let rows = page.all(); rows.length > 0; rows = page.all()) {
    write(rows.map(({ body }) => Buffer.from(body)));
    remove.run(rows.at(-1).id);
  }`;

const LIST = `${WRITE}
  import { Redis } from 'ioredis';
  const client = new Redis(place);
  for (;;) {
    const page = await client.lrange('theirs', -500, -1);
    if (page.length === 0) break;
    write(page.reverse());
    await client.ltrim('theirs', 0, -501);
  }
  client.disconnect();`;

const STREAM = `${WRITE}
  import { Redis } from 'ioredis';
  const client = new Redis(place);
  for (;;) {
    const [stream] = (await client.xreadgroup('GROUP', 'g', 'me', 'COUNT', 500, 'STREAMS', 'theirs', '>')) ?? [];
    if (stream === undefined) break;
    const ids = stream[1].map(([id]) => id);
    write(stream[1].map(([, fields]) => fields[1]));
    await client.multi().xack('theirs', 'g', ...ids).xdel('theirs', ...ids).exec();
  }
  client.disconnect();`;

/** `drain --to FILE` of 1,000,000 messages against a script of twenty lines that is as safe, and their memory. */
export default async function* (): AsyncGenerator<Line> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-drain-'));
  try {
    yield* sqlite(folder);
    yield* redis(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function* sqlite(folder: string): AsyncGenerator<Line> {
  const { DatabaseSync } = await import('node:sqlite');
  const [ours, theirs] = [join(folder, 'ours.db'), join(folder, 'theirs.db')];
  const lines = join(folder, 'lines');
  writeFileSync(lines, Array.from({ length: COUNT }, (_, n) => `${body(n)}\n`).join(''));
  await run(mq('enqueue', ['--url', `sqlite:${ours}`, 'enqueue', 'q', '--lines', '--file', lines, '-q']));
  const database = new DatabaseSync(theirs);
  database.exec('PRAGMA journal_mode=WAL; CREATE TABLE m (id INTEGER PRIMARY KEY, body BLOB NOT NULL); BEGIN');
  const insert = database.prepare('INSERT INTO m (body) VALUES (?)');
  for (let n = 0; n < COUNT; n++) insert.run(Buffer.from(body(n)));
  database.exec('COMMIT');
  database.close();
  yield* compared('SQLite', folder, {
    prepare: async () => {
      for (const name of ['ours', 'theirs']) {
        for (const end of ['-wal', '-shm']) rmSync(join(folder, `${name}-copy.db${end}`), { force: true });
        cpSync(join(folder, `${name}.db`), join(folder, `${name}-copy.db`));
      }
    },
    ours: ['--url', `sqlite:${join(folder, 'ours-copy.db')}`, 'drain', 'q'],
    script: SQLITE,
    place: join(folder, 'theirs-copy.db'),
  });
}

async function* redis(folder: string): AsyncGenerator<Line> {
  const server = await startRedis(await provision('redis-server'));
  const client = new Redis(server.url);
  const fill = async (add: string): Promise<void> => {
    await client.flushall();
    const script = `for n = ARGV[1], ARGV[2] - 1 do
      local body = '{"order":' .. n .. ',"note":"' .. string.rep('x', ${BODY_BYTES}) .. '"}'
      for _, key in ipairs({'ours', 'theirs'}) do ${add} end
    end`;
    for (let from = 0; from < COUNT; from += 10_000) await client.eval(script, 0, from, Math.min(from + 10_000, COUNT));
  };
  try {
    yield* compared('list', folder, {
      prepare: () => fill(`redis.call('LPUSH', key, body)`),
      ours: ['--url', `${server.url}?kind=list`, 'drain', 'ours'],
      script: LIST,
      place: server.url,
    });
    yield* compared('stream', folder, {
      prepare: async () => {
        await fill(`redis.call('XADD', key, '*', 'body', body)`);
        for (const key of ['ours', 'theirs']) await client.xgroup('CREATE', key, 'g', '0');
      },
      ours: ['--url', `${server.url}?kind=stream&group=g`, 'drain', 'ours'],
      script: STREAM,
      place: server.url,
    });
  } finally {
    client.disconnect();
    await server.stop();
  }
}

interface Pair {
  readonly prepare: () => Promise<void>;
  readonly ours: readonly string[];
  readonly script: string;
  readonly place: string;
}

async function* compared(kind: string, folder: string, pair: Pair): AsyncGenerator<Line> {
  const [ours, theirs, memory]: [number[], number[], number[]] = [[], [], []];
  const out = (name: string): string => join(folder, `${name}.out`);
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ['ours', 'theirs']) rmSync(out(name), { force: true });
    await pair.prepare();
    const mine = await run(mq('mq drain', [...pair.ours, '--to', out('ours'), '--yes', '-q']), { watchMemory: true });
    const other = await run({ ...EMPTY, args: ['--input-type=module', '-e', pair.script, pair.place, out('theirs')] });
    for (const name of ['ours', 'theirs']) {
      const lines = await lineCount(out(name));
      if (lines !== COUNT) throw new Error(`${kind}: ${name} wrote ${lines} of ${COUNT} lines`);
    }
    ours.push((COUNT / mine.wallMs) * 1000);
    theirs.push((COUNT / other.wallMs) * 1000);
    memory.push(mine.peakMiB);
  }
  const work = `drain --to of ${COUNT.toLocaleString('en')}, ${kind}`;
  yield { work, against: 'a 20-line script', goal: { atLeast: 0.5 }, ours, theirs, unit: '/s', note: 'same sync' };
  yield { work: `${work}, memory`, against: '', goal: { atMost: 150 }, ours: memory, theirs: [], unit: 'MiB' };
}

function body(n: number): string {
  return `{"order":${n},"note":"${'x'.repeat(BODY_BYTES)}"}`;
}

/** Without reading the file into memory: it may have 100 MB. */
async function lineCount(path: string): Promise<number> {
  let count = 0;
  for await (const chunk of createReadStream(path)) for (const byte of chunk as Buffer) if (byte === 0x0a) count += 1;
  return count;
}
