import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jsonOf, runMq, startMq } from '../support/mq.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../support/rabbitmq-vhost.ts';
import { redis } from '../support/servers.ts';

const KINDS = ['list', 'stream', 'bullmq', 'rabbitmq', 'sqlite'] as const;
type Kind = (typeof KINDS)[number];
const PAIRS = KINDS.flatMap((from) => KINDS.filter((to) => to !== from).map((to) => [from, to] as const));
const COUNT = 20;
const BODIES = Array.from({ length: COUNT }, (_, n) => `{"n":${n},"big":12345678901234567890}`);

let vhost: RabbitmqVhost;
let redisUrl: string;
let client: Redis;
let folder: string;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  redisUrl = (await redis()).url;
  client = new Redis(redisUrl);
  folder = await mkdtemp(join(tmpdir(), 'mq-moves-'));
});
afterAll(async () => {
  const keys = await client.keys('*moves-*');
  if (keys.length > 0) await client.del(...keys);
  client.disconnect();
  await vhost.remove();
  rmSync(folder, { recursive: true, force: true });
});

function urlOf(kind: Kind): string {
  if (kind === 'sqlite') return `sqlite:${join(folder, 'moves.db')}`;
  if (kind === 'rabbitmq') return `${vhost.url}?management=${encodeURIComponent(vhost.managementUrl)}`;
  return `${redisUrl}?kind=${kind}`;
}

async function make(kind: Kind, bodies: readonly string[]): Promise<string> {
  const name = `moves-${kind}-${crypto.randomUUID().slice(0, 8)}`;
  const url = ['--url', urlOf(kind)];
  if (kind !== 'list') expect(await runMq([...url, 'create', name])).toMatchObject({ code: 0 });
  if (bodies.length > 0) {
    const input = `${bodies.join('\n')}\n`;
    expect(await runMq([...url, 'enqueue', name, '--lines', '-q'], { input })).toMatchObject({ code: 0 });
  }
  return name;
}

/** Read through `mq`, as an operator would: one envelope a message. */
async function bodiesOf(kind: Kind, name: string): Promise<readonly string[]> {
  const messages = await jsonOf<readonly { readonly body: string }[]>([
    '--url',
    urlOf(kind),
    'peek',
    name,
    '-n',
    '0',
    '-o',
    'json',
  ]);
  return messages.map(({ body }) => body);
}

interface Report {
  readonly matched: number;
  readonly moved: number;
}

const moveArgs = (from: Kind, source: string, to: Kind, target: string): readonly string[] => [
  ...['--url', urlOf(from), 'move', source, target, '--to-url', urlOf(to), '--yes', '-o', 'json'],
];

/** Only a job has a name, which these do not keep. */
const LOSES_THE_NAME: ReadonlySet<Kind> = new Set(['list', 'stream', 'rabbitmq']);

describe.concurrent('between any two kinds of queue', () => {
  it.each(PAIRS)(
    '%s → %s: what does not fit is told before anything is sent, and the counts balance',
    async (from, to) => {
      const source = await make(from, BODIES);
      const target = await make(to, []);
      const args = moveArgs(from, source, to, target);
      const isLossy = from === 'bullmq' && LOSES_THE_NAME.has(to);
      if (isLossy) {
        const refused = await runMq(args);
        expect(refused).toMatchObject({ code: 7, stderr: expect.stringMatching(/does not fit.*name/) });
        expect(await bodiesOf(from, source)).toEqual(BODIES);
        expect(await bodiesOf(to, target)).toEqual([]);
      }
      expect(await jsonOf(isLossy ? [...args, '--lossy'] : args)).toMatchObject({
        ...{ matched: COUNT, moved: COUNT, skipped: 0, failed: 0, unknown: 0, complete: true },
      });
      expect(await bodiesOf(to, target)).toEqual(BODIES);
      expect(await bodiesOf(from, source)).toEqual([]);
    },
  );
});

describe('killed in the middle', () => {
  it.each([
    ['list', 'sqlite'],
    ['list', 'rabbitmq'],
    ['stream', 'list'],
    ['rabbitmq', 'stream'],
    ['sqlite', 'bullmq'],
  ] as const)('%s → %s: every message is in one of the two, and the next run brings the rest', async (from, to) => {
    const bodies = Array.from({ length: 4000 }, (_, n) => `{"n":${n}}`);
    const source = await make(from, bodies);
    const target = await make(to, []);
    const args = moveArgs(from, source, to, target);
    const mover = startMq(args);
    // Killed as soon as something has arrived.
    while (mover.process.exitCode === null) {
      const [stats] = await jsonOf<readonly { readonly ready: number }[]>([
        '--url',
        urlOf(to),
        'stats',
        target,
        '-o',
        'json',
      ]);
      if ((stats?.ready ?? 0) > 0) break;
    }
    mover.process.kill('SIGKILL');
    await mover.finished;
    const left = await bodiesOf(from, source);
    const arrived = await bodiesOf(to, target);
    expect(new Set([...left, ...arrived])).toEqual(new Set(bodies));
    const report = await jsonOf<Report>(args);
    expect(report).toMatchObject({ matched: left.length, moved: left.length });
    expect(await bodiesOf(from, source)).toEqual([]);
    const all = await bodiesOf(to, target);
    expect(new Set(all)).toEqual(new Set(bodies));
    // Twice at most what was in the air.
    expect(all.length - bodies.length).toBeLessThanOrEqual(500);
  });
});
