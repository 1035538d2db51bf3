import { spawn } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { sqs } from '../../support/servers.ts';
import { failUntilDead } from '../../support/sqs/failing-worker.ts';
import { FaultProxy } from '../../support/sqs/fault-proxy.ts';
import {
  bodies,
  createQueue,
  never,
  openAt,
  outgoing,
  sendAll,
  takeAll,
  uniqueName,
} from '../../support/sqs/harness.ts';

const KILLS = 20;
/** What core keeps in the air at once: the most that one kill can send twice. */
const WINDOW = 500;
const LEASE_IN_TEST_SECONDS = 2;

describe('a redrive by hand on the emulator fauxqs', () => {
  let proxy: FaultProxy;
  let broker: Broker;
  beforeAll(async () => {
    proxy = await FaultProxy.start((await sqs()).fauxqs);
    broker = await openAt(proxy.url);
  });
  beforeEach(() => proxy.reset());
  afterAll(async () => {
    await broker.close();
    await proxy.stop();
  });

  async function linked(fifo: boolean) {
    const deadName = uniqueName('orders-dlq', fifo);
    const queue = await createQueue(broker, uniqueName('orders', fifo), { deadLetterQueue: deadName, maxReceives: 1 });
    return { queue, dead: await broker.queue(deadName, never) };
  }

  async function redrive(queue: Queue, rest: Partial<Parameters<typeof planRedrive>[0]> = {}) {
    const plan = await planRedrive({
      ...EVERYTHING,
      broker,
      queue,
      to: null,
      max: null,
      ratePerSec: null,
      setHeaders: {},
      keepDeathHeaders: false,
      lossy: false,
      notice: () => {},
      signal: never,
      ...rest,
    });
    return plan.run({ dryRun: false, onProgress: () => {}, signal: never });
  }

  /** Messages of a dead process come back when their lease ends; the test need not wait for the full one. */
  function shortenLeases(): void {
    proxy.spoil('ReceiveMessage', (call, forward) =>
      forward({ ...call.input, VisibilityTimeout: LEASE_IN_TEST_SECONDS }),
    );
  }

  /** As an operator does after a crash: again, until nothing is left. What a killed process held comes back with its lease. */
  async function redriveAll(queue: Queue, dead: Queue): Promise<void> {
    const deadline = Date.now() + 60_000;
    while ((await dead.stats(never)).depth !== 0) {
      expect(await redrive(queue)).toMatchObject({ failed: 0, unknown: 0, complete: true });
      if (Date.now() > deadline) throw new Error('dead letters are left after a minute');
    }
    proxy.reset();
  }

  /** Kills a redrive at a random instant of its work; resolves to whether it was still at work. */
  async function killedRedrive(name: string, withinMs: number): Promise<boolean> {
    const child = spawn(process.execPath, ['test/support/sqs/redrive-process.ts', proxy.url, name], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on('close', (_, signal) => resolve(signal)));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * withinMs));
    child.kill('SIGKILL');
    return (await ended) === 'SIGKILL';
  }

  it('of 10,000 messages that sqs-consumer has killed, with filter, max and rate', { timeout: 240_000 }, async () => {
    const { queue, dead } = await linked(false);
    const count = 10_000;
    const texts = Array.from({ length: count }, (_, i) => JSON.stringify({ order: i, kind: i % 5 === 0 ? 'a' : 'b' }));
    const sent = await sendAll(
      queue,
      texts.map((text) => outgoing(text)),
    );
    expect(sent.every(({ status }) => status === 'sent')).toBe(true);
    await failUntilDead(proxy.url, queue, dead, count);
    proxy.reset();

    const started = Date.now();
    const paced = await redrive(queue, { max: 60, ratePerSec: 40, filter: await compileFilter('body.kind == "a"') });
    expect(paced).toMatchObject({ moved: 60, failed: 0, unknown: 0, complete: true });
    expect(Date.now() - started).toBeGreaterThan(1200);

    const filtered = await redrive(queue, { filter: await compileFilter('body.kind == "a"') });
    expect(filtered).toMatchObject({ matched: 1940, moved: 1940, left: 8000, failed: 0, unknown: 0, complete: true });
    const rest = await redrive(queue, {});
    expect(rest).toMatchObject({ matched: 8000, moved: 8000, failed: 0, unknown: 0, complete: true });
    expect(await dead.stats(never)).toMatchObject({ depth: 0 });
    expect(bodies(await takeAll(queue)).sort()).toEqual([...texts].sort());
  });

  it(`killed ${KILLS} times at random instants loses nothing and doubles no more than its window`, {
    timeout: 240_000,
  }, async () => {
    const { queue, dead } = await linked(false);
    const texts = Array.from({ length: 6000 }, (_, i) => `order ${i}`);
    await sendAll(
      dead,
      texts.map((text) => outgoing(text)),
    );
    shortenLeases();
    let atWork = 0;
    for (let kill = 0; kill < KILLS; kill += 1) atWork += (await killedRedrive(queue.name, 150)) ? 1 : 0;
    expect(atWork).toBeGreaterThan(KILLS / 2);
    expect((await dead.stats(never)).depth).toBeGreaterThan(0);
    await redriveAll(queue, dead);
    const arrived = bodies(await takeAll(queue));
    expect(new Set(arrived)).toEqual(new Set(texts));
    expect(arrived.length - texts.length).toBeLessThanOrEqual(KILLS * WINDOW);
  });

  it(`on FIFO, killed ${KILLS} times at random instants, adds no duplicate and keeps the order of each group`, {
    timeout: 240_000,
  }, async () => {
    const { queue, dead } = await linked(true);
    const groups = 20;
    const texts = Array.from({ length: 2000 }, (_, i) => `order ${i}`);
    await sendAll(
      dead,
      texts.map((text, i) => outgoing(text, { groupId: `g${i % groups}`, deduplicationId: `d${i}` })),
    );
    shortenLeases();
    let atWork = 0;
    for (let kill = 0; kill < KILLS; kill += 1) atWork += (await killedRedrive(queue.name, 150)) ? 1 : 0;
    expect(atWork).toBeGreaterThan(KILLS / 2);
    expect((await dead.stats(never)).depth).toBeGreaterThan(0);
    await redriveAll(queue, dead);
    const arrived = await takeAll(queue);
    expect(arrived.length).toBe(texts.length);
    for (let group = 0; group < groups; group += 1) {
      const ours = arrived.filter(({ groupId }) => groupId === `g${group}`);
      expect(bodies(ours)).toEqual(texts.filter((_, i) => i % groups === group));
    }
  });
});
