import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backendFor } from '../../../src/backends/registry.ts';
import { jsonOf, runMq, startMq } from '../../support/mq.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';
import { redis } from '../../support/servers.ts';

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
  if (kind === 'rabbitmq') return vhost.mqUrl;
  return `${redisUrl}?kind=${kind}`;
}

async function make(kind: Kind, bodies: readonly string[]): Promise<string> {
  const name = `moves-${kind}-${crypto.randomUUID().slice(0, 8)}`;
  const url = ['--url', urlOf(kind)];
  const settings = kind === 'sqlite' ? ['--set', `leaseMs=${LEASE_MS}`] : [];
  if (kind !== 'list') expect(await runMq([...url, 'create', name, ...settings])).toMatchObject({ code: 0 });
  if (bodies.length > 0) {
    const input = `${bodies.join('\n')}\n`;
    expect(await runMq([...url, 'enqueue', name, '--lines', '-q'], { input })).toMatchObject({ code: 0 });
  }
  return name;
}

/** Read through `mq`, as an operator would: one envelope a message. */
async function bodiesOf(kind: Kind, name: string, state = 'ready'): Promise<readonly string[]> {
  const messages = await jsonOf<readonly { readonly body: string }[]>([
    '--url',
    urlOf(kind),
    'peek',
    name,
    '-n',
    '0',
    '--state',
    state,
    '-o',
    'json',
  ]);
  return messages.map(({ body }) => body);
}

/** How long SQLite keeps what a killed process held. */
const LEASE_MS = 3000;

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

/** Looks through the backend itself: a process for each look would be too slow to kill another in its middle. */
async function watch(kind: Kind, name: string) {
  const signal = new AbortController().signal;
  const notice = () => {};
  const broker = await (await backendFor(urlOf(kind))).open(urlOf(kind), { connectTimeoutMs: 10_000, notice, signal });
  const queue = await broker.queue(name, signal);
  return {
    ready: async () => (await queue.stats(signal)).ready ?? 0,
    /**
     * What another process still holds: on RabbitMQ its consumer, as the count of messages it holds is told seconds
     * late.
     */
    async held(): Promise<number | null> {
      const { inFlight, consumers } = await queue.stats(signal);
      return (kind === 'rabbitmq' ? consumers : inFlight) ?? null;
    },
    async bodies(): Promise<readonly string[]> {
      const look = await queue.peek?.({ state: 'ready', limit: null, force: false, notice, signal });
      const found: string[] = [];
      for await (const { body } of look ?? []) found.push(Buffer.from(body).toString());
      return found;
    },
    [Symbol.asyncDispose]: () => broker.close(),
  };
}

describe.concurrent('killed in the middle', () => {
  it.for(PAIRS)(
    '%s → %s: every message is in one of the two, and the next run brings the rest',
    { timeout: 120_000 },
    async ([from, to], { expect }) => {
      const bodies = Array.from({ length: 1000 }, (_, n) => `{"n":${n}}`);
      const source = await make(from, bodies);
      const target = await make(to, []);
      const args = [
        ...moveArgs(from, source, to, target),
        ...(from === 'bullmq' && LOSES_THE_NAME.has(to) ? ['--lossy'] : []),
      ];
      await using here = await watch(from, source);
      await using there = await watch(to, target);
      // Paced, so that it has enough left to do when the kill comes, however busy the machine is: nine seconds.
      const mover = startMq([...args, '--rate', '100/s']);
      while (mover.process.exitCode === null && (await there.ready()) < 100) await pause(5);
      mover.process.kill('SIGKILL');
      expect(await mover.finished).toMatchObject({ signal: 'SIGKILL' });
      // SQLite keeps what the dead one held until its lease ends; RabbitMQ gives it back and forgets the consumer in
      // one step, when it sees that the connection is gone. A look in the middle of that would meet other messages than
      // it counted.
      if (from === 'sqlite' || from === 'rabbitmq')
        await expect.poll(here.held, { timeout: 10 * LEASE_MS, interval: 200 }).toBe(0);
      const left = await here.bodies();
      const arrived = await there.bodies();
      expect(left.length, 'it was cut short').toBeGreaterThan(0);
      expect(arrived.length).toBeGreaterThan(0);
      expect(new Set([...left, ...arrived])).toEqual(new Set(bodies));
      expect(await jsonOf<Report>(args)).toMatchObject({ matched: left.length, moved: left.length, complete: true });
      expect(await here.ready()).toBe(0);
      const all = await there.bodies();
      expect(new Set(all)).toEqual(new Set(bodies));
      // Twice at most what was in the air.
      expect(all.length - bodies.length).toBeLessThanOrEqual(500);
    },
  );
});
