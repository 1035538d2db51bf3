import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BuiltProgram } from '../support/built-program.ts';
import { rabbitmqVhost } from '../support/rabbitmq-vhost.ts';
import { startRedis } from '../support/redis-server.ts';
import { redisProgram, sqs } from '../support/servers.ts';
import { createQueue, openAt, outgoing as sqsOutgoing } from '../support/sqs/harness.ts';
import { SqliteLoad } from '../support/top/sqlite-load.ts';

/** What is sent, done and failed a second; counted by whoever does it. */
interface Done {
  sent: number;
  worked: number;
  failed: number;
}

interface Shown {
  readonly inPerSec: number | null;
  readonly outPerSec: number | null;
  readonly errorPerSec: number | null;
  readonly windowMs: number | null;
}

interface Load {
  readonly done: Done;
  /** One tick: sends and works off. */
  tick(): Promise<void>;
  readonly tickMs: number;
  /** Done once, between the first readings and those that are compared. */
  disturb?(): Promise<void>;
}

const WINDOW_MS = 10_000;
const TOLERANCE = 0.1;
/** Between the broker's reading and the line's arrival here. */
const ARRIVAL_MS = 500;
/** As old as RabbitMQ's own figures may be: what the note on them says. */
const RABBITMQ_LAG_MS = 7_000;

interface Range {
  readonly least: number;
  readonly most: number;
}
type Truth = Readonly<Record<(typeof ALL)[number], Range>>;

/**
 * Runs the load and `mq top -o ndjson`, and gives back the last line, and what was really done over the window that this line names. The truth is
 * noted at every tick, so that the same seconds are compared however uneven the machine is; where the broker's figures lag, it is a range.
 */
async function compared(url: string, queue: string, load: Load, lagMs = 0): Promise<{ shown: Shown; truth: Truth }> {
  const stop = new AbortController();
  const truth: (Done & { readonly at: number })[] = [];
  const started = performance.now();
  const working = (async () => {
    for (let tick = 1; !stop.signal.aborted; tick++) {
      await load.tick();
      truth.push({ ...load.done, at: performance.now() });
      await new Promise((resolve) =>
        setTimeout(resolve, Math.max(0, started + tick * load.tickMs - performance.now())),
      );
    }
  })();
  // Told where it is awaited, below.
  working.catch(() => stop.abort());
  const program = new BuiltProgram(['--url', url, 'top', queue, '--interval', '1s', '-o', 'ndjson'], {
    ...(process.env.AWS_ACCESS_KEY_ID === undefined ? {} : { AWS_ACCESS_KEY_ID: process.env.AWS_ACCESS_KEY_ID }),
    ...(process.env.AWS_SECRET_ACCESS_KEY === undefined
      ? {}
      : { AWS_SECRET_ACCESS_KEY: process.env.AWS_SECRET_ACCESS_KEY }),
  });
  let shown: Shown | null = null;
  let shownAt = 0;
  let from = performance.now();
  let isDisturbed = load.disturb === undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      program.finished.then(({ stderr }) => reject(new Error(`mq top has ended: ${stderr}`)));
      program.child.stdout?.on('data', (chunk: Buffer) => {
        const line = chunk.toString().trimEnd().split('\n').at(-1) ?? '';
        shown = JSON.parse(line).rates;
        shownAt = performance.now();
        if (!isDisturbed) {
          isDisturbed = true;
          void load.disturb?.().then(() => {
            from = performance.now();
          }, reject);
          from = Number.POSITIVE_INFINITY;
        }
        if (performance.now() - from >= WINDOW_MS + lagMs + 1_500) resolve();
      });
    });
  } finally {
    program.kill('SIGTERM');
    stop.abort();
    await working;
  }
  if (shown === null) throw new Error('nothing was shown');
  const windowMs = (shown as Shown).windowMs ?? WINDOW_MS;
  const spans = truth
    .filter(({ at }) => at <= shownAt && at >= shownAt - lagMs - ARRIVAL_MS)
    .flatMap((last) => {
      const first = truth.findLast(({ at }) => at <= last.at - windowMs);
      return first === undefined ? [] : [{ first, last }];
    });
  const range = (figure: keyof Done): Range => {
    const rates = spans.map(({ first, last }) => ((last[figure] - first[figure]) * 1_000) / (last.at - first.at));
    return { least: Math.min(...rates), most: Math.max(...rates) };
  };
  return { shown, truth: { inPerSec: range('sent'), outPerSec: range('worked'), errorPerSec: range('failed') } };
}

function expectClose(shown: Shown, truth: Truth, figures: readonly (typeof ALL)[number][]): void {
  for (const figure of figures) {
    const { least, most } = truth[figure];
    const is = shown[figure] ?? Number.NaN;
    expect(least, `${figure} of the load`).toBeGreaterThan(1);
    expect(is, `${figure}: ${is} shown, ${least} to ${most} true`).toBeGreaterThan(least * (1 - TOLERANCE));
    expect(is, `${figure}: ${is} shown, ${least} to ${most} true`).toBeLessThan(most * (1 + TOLERANCE));
  }
}

const ALL = ['inPerSec', 'outPerSec', 'errorPerSec'] as const;
const PER_TICK = { sent: 10, worked: 6, failed: 3 };

// All at once: each takes little, and one after the other would take a minute.
describe.concurrent('rates within 10 % of the truth over ten seconds', () => {
  let redis: Awaited<ReturnType<typeof startRedis>>;
  let vhost: Awaited<ReturnType<typeof rabbitmqVhost>>;
  let emulator: string;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mq-rates-'));
    redis = await startRedis(await redisProgram());
    vhost = await rabbitmqVhost();
    emulator = (await sqs()).fauxqs;
  });
  afterAll(async () => {
    await redis?.stop();
    await vhost?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test('the embedded queue, and its counters begin anew in between', async () => {
    const url = `sqlite:${join(folder, 'queues.db')}`;
    await using load = await SqliteLoad.open(url);
    let queue = await load.create('busy');
    const done: Done = { sent: 0, worked: 0, failed: 0 };
    const never = new AbortController().signal;
    let renewed: PromiseWithResolvers<void> | null = null;
    const tick = async (): Promise<void> => {
      if (renewed !== null) {
        // The same name with counters from zero, as after a restart.
        await load.broker.delete?.('busy', never);
        queue = await load.create('busy');
        renewed.resolve();
        renewed = null;
      }
      const bodies = Array.from({ length: PER_TICK.sent }, (_, index) => String(index));
      await load.send(queue, bodies, 1);
      done.sent += bodies.length;
      let taken = 0;
      await load.work(queue, PER_TICK.worked + PER_TICK.failed, () => (taken++ < PER_TICK.worked ? null : 'broken'));
      done.worked += PER_TICK.worked;
      done.failed += PER_TICK.failed;
    };
    const disturb = (): Promise<void> => {
      renewed = Promise.withResolvers<void>();
      return renewed.promise;
    };
    const { shown, truth } = await compared(url, 'busy', { done, tick, tickMs: 250, disturb });
    expectClose(shown, truth, ALL);
    expect(shown.windowMs).toBeGreaterThan(8_000);
  });

  test('BullMQ workers whose jobs remove themselves', async () => {
    const connection = { host: '127.0.0.1', port: Number(new URL(redis.url).port) };
    const queue = new Queue('busy-jobs', { connection });
    const done: Done = { sent: 0, worked: 0, failed: 0 };
    const worker = new Worker(
      'busy-jobs',
      async (job) => {
        if (job.name === 'bad') throw new Error('no');
      },
      { connection, concurrency: 4 },
    );
    worker.on('completed', () => {
      done.worked += 1;
    });
    worker.on('failed', () => {
      done.failed += 1;
    });
    const tick = async (): Promise<void> => {
      const jobs = Array.from({ length: PER_TICK.sent }, (_, index) => ({
        name: index < PER_TICK.failed ? 'bad' : 'good',
        data: {},
        opts: { removeOnComplete: true, removeOnFail: true },
      }));
      await queue.addBulk(jobs);
      done.sent += jobs.length;
    };
    try {
      const { shown, truth } = await compared(redis.url, 'busy-jobs', { done, tick, tickMs: 250 });
      expectClose(shown, truth, ALL);
    } finally {
      await worker.close();
      await queue.close();
    }
  });

  test('a Redis stream; the entries that were read are trimmed away', async () => {
    const client = new Redis(redis.url);
    await client.xgroup('CREATE', 'busy-stream', 'workers', '0', 'MKSTREAM');
    const done: Done = { sent: 0, worked: 0, failed: 0 };
    const tick = async (): Promise<void> => {
      for (let index = 0; index < PER_TICK.sent; index++) await client.xadd('busy-stream', '*', 'n', String(index));
      done.sent += PER_TICK.sent;
      const taken = await client.xreadgroup(
        'GROUP',
        'workers',
        'w1',
        'COUNT',
        PER_TICK.worked,
        'STREAMS',
        'busy-stream',
        '>',
      );
      const ids = ((taken as [string, [string, string[]][]][] | null)?.[0]?.[1] ?? []).map(([id]) => id);
      done.worked += await client.xack('busy-stream', 'workers', ...ids);
      await client.xdel('busy-stream', ...ids);
    };
    try {
      const { shown, truth } = await compared(redis.url, 'busy-stream', { done, tick, tickMs: 250 });
      expectClose(shown, truth, ['inPerSec', 'outPerSec']);
      // Redis counts no failures, and then none are claimed.
      expect(shown.errorPerSec).toBeNull();
    } finally {
      client.disconnect();
    }
  });

  test('RabbitMQ', async () => {
    const client = await connect(vhost.url);
    const channel = await client.createConfirmChannel();
    await channel.assertQueue('busy', { durable: true });
    const done: Done = { sent: 0, worked: 0, failed: 0 };
    const tick = async (): Promise<void> => {
      for (let index = 0; index < PER_TICK.sent; index++) channel.sendToQueue('busy', Buffer.from('x'));
      await channel.waitForConfirms();
      done.sent += PER_TICK.sent;
      const taken = await Promise.all(Array.from({ length: PER_TICK.worked }, () => channel.get('busy')));
      for (const message of taken) {
        if (message === false) continue;
        channel.ack(message);
        done.worked += 1;
      }
    };
    try {
      const url = vhost.mqUrl;
      const { shown, truth } = await compared(url, 'busy', { done, tick, tickMs: 250 }, RABBITMQ_LAG_MS);
      expectClose(shown, truth, ['inPerSec', 'outPerSec']);
      // Nor does RabbitMQ.
      expect(shown.errorPerSec).toBeNull();
    } finally {
      await client.close();
    }
  });

  test('SQS says no rates, and none are made up; the depth is right', async () => {
    const broker = await openAt(emulator);
    const queue = await createQueue(broker, 'busy-sqs');
    const never = new AbortController().signal;
    const publisher = await queue.publisher?.({ expected: null, lossy: false, notice: () => {}, signal: never });
    for (let index = 0; index < 40; index++) await publisher?.send(sqsOutgoing('x'));
    await publisher?.close();
    await broker.close();
    const url = `sqs://us-east-1?endpoint=${encodeURIComponent(emulator)}`;
    const { code, stdout } = await new BuiltProgram(
      ['--url', url, 'top', 'busy-sqs', '--once', '--interval', '500ms', '-o', 'ndjson'],
      { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    ).finished;
    expect(code).toBe(0);
    const stats = JSON.parse(stdout.trim());
    expect(stats).toMatchObject({ queue: 'busy-sqs', ready: 40 });
    expect(Object.values({ ...stats.rates, windowMs: null })).toEqual([null, null, null, null]);
  });
});
