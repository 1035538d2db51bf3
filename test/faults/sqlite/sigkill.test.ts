import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { STORED } from '../../../src/backends/sqlite/file/schema.ts';
import { DEFAULT_WINDOW } from '../../../src/core/transfer.ts';
import { jsonOf, runMq, startMq } from '../../support/mq.ts';
import { consumer, createQueue, openBroker, sendBodies } from '../../support/sqlite/lab.ts';

const COUNT = 20_000;
const KILLS = process.env.MQ_TEST_LONG === '1' ? 20 : 8;
const LEASE_MS = 500;

let folder: string;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-sigkill-'));
  env = { MQ_URL: `sqlite:${join(folder, 'queues.db')}` };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Counts {
  readonly ready: number;
  readonly inFlight: number;
  readonly dead: number;
}
async function counts(): Promise<Counts> {
  return (await jsonOf<readonly [Counts]>(['ls', 'q', '-o', 'json'], { env }))[0];
}

/** Dead letters by the thousand, made by a consumer that gives up on each. */
async function fill(): Promise<void> {
  const broker = await openBroker(join(folder, 'queues.db'));
  const queue = await createQueue(broker, 'q', { maxReceives: 1, leaseMs: LEASE_MS });
  await sendBodies(queue, COUNT);
  const givenUp: Promise<void>[] = [];
  const taker = await consumer(queue, { window: COUNT });
  for await (const { receipt } of taker) givenUp.push(receipt.release({ failure: 'no luck' }));
  await Promise.all(givenUp);
  await taker.close();
  expect(await counts()).toMatchObject({ ready: 0, inFlight: 0, dead: COUNT });
}

async function bodies(state: string): Promise<readonly number[]> {
  const found = await jsonOf<readonly { body: string }[]>(['peek', 'q', '-n', '0', '--state', state, '-o', 'json'], {
    env,
  });
  return found.map(({ body }) => Number(body));
}

// Moved by the queue itself, in transactions, and by the general way of send, confirm and ack.
test.each([
  ['moved by the file itself', [], 0],
  ['sent and acked one by one', ['--set-header', 'again=1'], KILLS * DEFAULT_WINDOW],
])(
  `${KILLS} times SIGKILL in a redrive of ${COUNT} that are %s: nothing is lost`,
  { timeout: 300_000 },
  async (...row) => {
    const [, flags, mostDoubled] = row;
    await fill();
    const file = new DatabaseSync(join(folder, 'queues.db'), { readOnly: true });
    const ready = file.prepare(`SELECT count(*) AS count FROM message WHERE state = ${STORED.ready}`);
    const arrived = (): number => Number(ready.get()?.count);
    let killed = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      // Each run has its own share of the work, so that none of them is the last.
      const share = ['--max', String(Math.floor(COUNT / (KILLS + 1)))];
      const before = arrived();
      const instant = Math.floor(Math.random() * Number(share[1])) - 1;
      const mq = startMq(['redrive', 'q', '--yes', '-q', ...share, ...flags], { env });
      let running = true;
      mq.finished.then(() => {
        running = false;
      });
      // Below zero: before anything has arrived.
      while (running && arrived() - before <= instant) await new Promise(setImmediate);
      if (!running) continue;
      mq.process.kill('SIGKILL');
      if (mq.process.exitCode === null) await once(mq.process, 'close');
      killed += 1;
    }
    file.close();
    expect(killed).toBeGreaterThan(0);
    await expect.poll(async () => (await counts()).inFlight, { timeout: 20 * LEASE_MS }).toBe(0);
    const last = await runMq(['redrive', 'q', '--yes', '-o', 'json', ...flags], { env });
    expect(last).toMatchObject({ code: 0 });
    const moved = await bodies('ready');
    expect(await counts()).toMatchObject({ inFlight: 0, dead: 0 });
    expect(new Set(moved).size).toBe(COUNT);
    expect(moved.length - COUNT).toBeLessThanOrEqual(mostDoubled);
  },
);
