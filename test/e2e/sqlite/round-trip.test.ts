import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { jsonOf, MQ, runMq } from '../../support/mq.ts';

let folder: string;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-round-trip-'));
  env = { MQ_URL: `sqlite:${join(folder, 'queues.db')}` };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Each body goes in through a stdin of its own, so that the test does not lean on the envelope that it tests. */
const BODIES: readonly (readonly [string, Uint8Array])[] = [
  ['empty', Buffer.alloc(0)],
  ['one NUL', Buffer.from([0])],
  ['a byte-order mark', Buffer.from('\ufefftext')],
  ['only a byte-order mark', Buffer.from([0xef, 0xbb, 0xbf])],
  ['every byte', Buffer.from(Array.from({ length: 256 }, (_, at) => at))],
  ['UTF-8 that was cut', Buffer.from('ü').subarray(0, 1)],
  ['an encoded surrogate', Buffer.from([0xed, 0xa0, 0x80])],
  ['line ends', Buffer.from('\r\n\n\u2028\u2029\u0085')],
  ['control sequences', Buffer.from('\u001b]0;title\u0007\u009b2J')],
  ['a megabyte of noise', randomBytes(1_000_000)],
  ['a megabyte of text', Buffer.from('äöü€😀 '.repeat(62_500))],
];
const METADATA = [
  ...[
    '-H',
    'type=order.created',
    '-H',
    'empty=',
    '-H',
    'x=\u001b[31m"\\ ü😀\n',
    '--content-type',
    'application/x-thing',
  ],
  ...['--priority', '7', '--ttl', '1h', '--name', 'a name'],
];

interface Shown {
  readonly id: string;
  readonly body: string;
  readonly encoding: 'utf8' | 'base64';
}

async function everything(queue: string): Promise<readonly (Shown & Readonly<Record<string, unknown>>)[]> {
  return jsonOf(['peek', queue, '-n', '0', '-o', 'json'], { env });
}

it('drain --to and enqueue --ndjson give back what was there, byte for byte', async () => {
  for (const [at, [name, body]] of BODIES.entries()) {
    const sent = await runMq(['enqueue', 'q', '--id', `m${at}`, '--dedup', `d${at}`, '--allow-empty', ...METADATA], {
      env,
      input: body,
    });
    expect(sent, name).toMatchObject({ code: 0, stdout: `m${at}\n` });
  }
  const before = await everything('q');
  const file = join(folder, 'f');
  expect((await runMq(['drain', 'q', '--to', file, '-q'], { env })).code).toBe(0);
  expect(await everything('q')).toEqual([]);
  expect((await runMq(['enqueue', 'q', '--ndjson', '--file', file, '-q'], { env })).code).toBe(0);

  const after = await everything('q');
  expect(after).toHaveLength(BODIES.length);
  for (const [at, [name, body]] of BODIES.entries()) {
    const { body: text = '', encoding } = after.find(({ id }) => id === `m${at}`) ?? {};
    expect(Buffer.from(text, encoding).equals(body), name).toBe(true);
  }
  // What the broker itself sets anew: when it got the message, how often it was delivered, its row.
  const own = ({
    queue: _queue,
    enqueuedAt: _at,
    receiveCount: _count,
    native: _native,
    ...rest
  }: Shown & Readonly<Record<string, unknown>>) => rest;
  expect(after.map(own)).toEqual(before.map(own));
});

it('a file that takes more is appended to, and drained dead letters keep why they died', async () => {
  await runMq(['create', 'q', '--max-receives', '1'], { env });
  await runMq(['enqueue', 'q', 'dies', 'lives'], { env });
  const failing = ['drain', 'q', '-n', '1', '--exec', 'echo no luck >&2; exit 9', '-q'];
  expect((await runMq(failing, { env })).code).toBe(3);
  const file = join(folder, 'f');
  expect((await runMq(['drain', 'q', '--to', file, '-q'], { env })).code).toBe(0);
  const { size } = await stat(file);
  expect((await runMq(['drain', 'q', '--dead', '--to', file, '-q'], { env })).code).toBe(0);
  expect((await stat(file)).size).toBeGreaterThan(size);
  const [lives, dies] = (await readFile(file, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lives).toMatchObject({ body: 'lives', state: 'ready', dead: null });
  expect(dies).toMatchObject({ body: 'dies', state: 'dead', dead: { from: 'q', error: 'exit 9: no luck', count: 1 } });
});

it('--to /dev/stdout in a pipe, as programs without a dash for it are used', async () => {
  await runMq(['enqueue', 'q', 'one', 'two'], { env });
  const pipeline = '"$NODE" "$MQ" drain q --to /dev/stdout -q | cat';
  const { stdout } = await promisify(execFile)('bash', ['-o', 'pipefail', '-c', pipeline], {
    env: { PATH: process.env.PATH, HOME: folder, NODE: process.execPath, MQ, ...env },
  });
  const lines = stdout.trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line).body)).toEqual(['one', 'two']);
  expect(JSON.parse((await runMq(['ls', '-o', 'json'], { env })).stdout)).toMatchObject([{ ready: 0, inFlight: 0 }]);
});
