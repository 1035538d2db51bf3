import { connect } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { runMq } from '../../support/mq.ts';
import { onChannel } from '../../support/rabbitmq/channel.ts';
import { type RabbitmqServer, startRabbitmq } from '../../support/rabbitmq/server.ts';
import { rabbitmqProgram } from '../../support/servers.ts';

/**
 * RabbitMQ says that a quorum queue is empty and has no consumers when its leader does not answer the broker within 250
 * ms.
 */

const COUNT = 5;
const signal = new AbortController().signal;
const notice = (): void => undefined;
let broker: RabbitmqServer;
beforeAll(async () => {
  broker = await startRabbitmq(await rabbitmqProgram());
});
afterAll(() => broker.stop());

beforeEach(() =>
  onChannel(broker.url, async (channel) => {
    await channel.assertQueue('orders', { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await channel.assertQueue('elsewhere', { durable: true });
  }).then(fill),
);
afterEach(async () => {
  if (isSuspended) await leader('resume');
  await onChannel(broker.url, async (channel) => {
    await channel.deleteQueue('orders');
    await channel.deleteQueue('elsewhere');
  });
});

async function fill(): Promise<void> {
  const connection = await connect(broker.url);
  const channel = await connection.createConfirmChannel();
  for (let n = 0; n < COUNT; n++) channel.sendToQueue('orders', Buffer.from(`${n}`), { persistent: true });
  await channel.waitForConfirms();
  await connection.close();
}

/** Each word takes a `rabbitmqctl` of a second and more. */
let isSuspended = false;

/** Its leader answers nobody, until it is resumed. */
async function leader(word: 'suspend' | 'resume'): Promise<void> {
  if (word === 'suspend') isSuspended = true;
  await broker.evaluate(
    `[sys:${word}(element(1, amqqueue:get_pid(Q))) || Q <- rabbit_amqqueue:list_by_type(rabbit_quorum_queue)].`,
  );
  if (word === 'resume') isSuspended = false;
}

/** As `leader`, of a classic queue. */
function classic(word: 'suspend' | 'resume', name: string): Promise<void> {
  return broker.evaluate(
    `[sys:${word}(amqqueue:get_pid(Q)) || Q <- rabbit_amqqueue:list_by_type(rabbit_classic_queue), element(4, amqqueue:get_name(Q)) =:= <<"${name}">>].`,
  );
}

const at = (management = broker.managementUrl): readonly string[] => [
  ...['--url', `${broker.url}?management=${encodeURIComponent(management)}`],
];

test('one queue of fifty that does not answer, classic or quorum, costs its own figures', {
  timeout: 120_000,
}, async () => {
  const names = Array.from({ length: 48 }, (_, n) => `one-${n}`);
  await onChannel(broker.url, async (channel) => {
    for (const name of names) await channel.assertQueue(name, { durable: true });
  });
  const all = async (...args: string[]) => {
    const { code, stdout, stderr } = await runMq([...at(), ...args, '-o', 'ndjson', '--timeout', '10s']);
    expect(code, stderr).toBe(0);
    return stdout
      .trimEnd()
      .split('\n')
      .map((row) => JSON.parse(row) as { queue: string; ready: number | null; notes: { ready?: string } });
  };
  await expect.poll(async () => (await all('ls')).filter(({ ready }) => ready !== null).length).toBe(50);
  await leader('suspend');
  await classic('suspend', 'one-7');
  try {
    for (const args of [['ls'], ['stats', '*'], ['top', '--once', '--interval', '100ms']]) {
      const startedAt = performance.now();
      const rows = await all(...args);
      // Without waiting for the one as long as for a broker.
      const tookMs = performance.now() - startedAt;
      expect(tookMs).toBeLessThan(10_000);
      expect(rows).toHaveLength(50);
      expect(rows.filter(({ queue }) => names.includes(queue)).every(({ ready }) => ready === 0)).toBe(true);
      expect(rows.find(({ queue }) => queue === 'one-7')?.notes.ready).toMatch(/^from the management API/);
    }
  } finally {
    await classic('resume', 'one-7');
    await onChannel(broker.url, async (channel) => {
      for (const name of names) await channel.deleteQueue(name);
    });
  }
});

describe('a quorum queue whose leader does not answer is not empty', () => {
  test('stats and ls: what the management API knew last, and without it nothing', async () => {
    await expect.poll(async () => (await runMq([...at(), 'ls', '-o', 'json'])).stdout).toContain(`"ready":${COUNT}`);
    await leader('suspend');
    expect(await channelSays()).toEqual({ messageCount: 0, consumerCount: 0 });
    for (const verb of ['stats', 'ls']) {
      const known = await runMq([...at(), verb, 'orders', '-o', 'json']);
      expect(known).toMatchObject({ code: 0 });
      expect(JSON.parse(known.stdout)).toMatchObject([
        { ready: COUNT, approximate: expect.arrayContaining(['ready']), notes: { ready: expect.any(String) } },
      ]);
    }
    const unknown = await runMq([...at('http://127.0.0.1:1'), 'stats', 'orders', '-o', 'json']);
    expect(unknown).toMatchObject({ code: 0 });
    expect(JSON.parse(unknown.stdout)).toMatchObject([
      { ready: null, consumers: null, notes: { ready: expect.stringContaining('leader') } },
    ]);
  });

  test.each([
    ['move', 'orders', 'elsewhere', '--yes'],
    ['drain', 'orders'],
    ['peek', 'orders'],
  ])('%s %s: worth trying again, and not "there is nothing"', async (...args) => {
    await leader('suspend');
    const ran = await runMq([...at(), ...args]);
    expect(ran).toMatchObject({ code: 5, stderr: expect.stringContaining('cannot count') });
    await leader('resume');
    await expect.poll(channelSays).toEqual({ messageCount: COUNT, consumerCount: 0 });
  });

  test('taking goes on when it answers again', async () => {
    const opened = await backend.open(at()[1] ?? '', { connectTimeoutMs: 5_000, notice, signal });
    try {
      const queue: Queue = await opened.queue('orders', signal);
      const options = { state: 'ready', limit: null, window: 1, follow: false, idleMs: null, notice, signal } as const;
      const consumer = await queue.consume?.(options);
      if (consumer === undefined) throw new Error('no consume');
      const bodies: string[] = [];
      let resumed: Promise<void> | null = null;
      for await (const { message, receipt } of consumer) {
        bodies.push(Buffer.from(message.body).toString());
        if (resumed === null) await leader('suspend');
        await receipt.ack();
        // By `rabbitmqctl`, which takes a second and more.
        resumed ??= leader('resume');
      }
      await resumed;
      await consumer.close();
      expect(bodies).toEqual(Array.from({ length: COUNT }, (_, n) => `${n}`));
    } finally {
      await opened.close();
    }
  });
});

async function channelSays(): Promise<{ readonly messageCount: number; readonly consumerCount: number }> {
  return onChannel(broker.url, async (channel) => {
    const { messageCount, consumerCount } = await channel.checkQueue('orders');
    return { messageCount, consumerCount };
  });
}
