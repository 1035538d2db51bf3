import { connect } from 'amqplib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { backend } from '../../src/backends/rabbitmq/index.ts';
import type { Queue } from '../../src/contract/queue.ts';
import { runMq } from '../support/mq.ts';
import { onChannel } from '../support/rabbitmq/channel.ts';
import { type RabbitmqServer, startRabbitmq } from '../support/rabbitmq-server.ts';
import { rabbitmqProgram } from '../support/servers.ts';

/** RabbitMQ says that a quorum queue is empty and has no consumers when its leader does not answer the broker within 250 ms. */

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
  await leader('resume');
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

/** Its leader answers nobody, until it is resumed. */
function leader(word: 'suspend' | 'resume'): Promise<void> {
  return broker.evaluate(
    `[sys:${word}(element(1, amqqueue:get_pid(Q))) || Q <- rabbit_amqqueue:list_by_type(rabbit_quorum_queue)].`,
  );
}

const at = (management = broker.managementUrl): readonly string[] => [
  ...['--url', `${broker.url}?management=${encodeURIComponent(management)}`],
];

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
