import { once } from 'node:events';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_WINDOW } from '../../src/core/transfer.ts';
import { runMq, startMq } from '../support/mq.ts';
import { fillWithDeadLetters, takeNumbers } from '../support/rabbitmq/dead-letters.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../support/rabbitmq-vhost.ts';

const COUNT = 20_000;
const KILLS = 20;

let vhost: RabbitmqVhost;
let target: readonly string[];

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  target = ['--url', `${vhost.url}?management=${encodeURIComponent(vhost.managementUrl)}`];
});
afterAll(() => vhost.remove());

describe.each(['classic', 'quorum'])('%s', (kind) => {
  test(`${KILLS} times SIGKILL in a redrive of ${COUNT}: nothing is lost, and no kill doubles more than the window`, {
    timeout: 300_000,
  }, async () => {
    const queue = `killed ${kind}`;
    const dlq = `${queue}-dlq`;
    expect(await runMq([...target, 'create', queue, '--kind', kind, '--dlq', dlq])).toMatchObject({ code: 0 });
    await fillWithDeadLetters(vhost.url, queue, dlq, COUNT);

    const connection = await connect(vhost.url);
    const channel = await connection.createChannel();
    const depth = async (name: string): Promise<number> => (await channel.checkQueue(name)).messageCount;

    // Each run is killed at a random instant of its own share of the work, as soon as the target says that it has come that far.
    const instants = Array.from({ length: KILLS }, (_, kill) =>
      Math.floor(((kill + Math.random()) * COUNT) / (KILLS + 1)),
    );
    let killed = 0;
    for (const instant of instants) {
      const mq = startMq([...target, 'redrive', queue, '--yes', '-q']);
      let running = true;
      mq.finished.then(() => {
        running = false;
      });
      while (running && (await depth(queue)) <= instant);
      if (!running) continue;
      mq.process.kill('SIGKILL');
      await once(mq.process, 'close');
      killed += 1;
    }
    expect(killed, `instants ${instants.join(' ')}`).toBe(KILLS);

    // The broker gives back what the last one held once it has noticed its death.
    await expect
      .poll(async () => (await depth(queue)) + (await depth(dlq)), { timeout: 10_000 })
      .toBeGreaterThanOrEqual(COUNT);
    const last = await runMq([...target, 'redrive', queue, '--yes', '-o', 'json']);
    expect(last).toMatchObject({ code: 0 });
    expect(await depth(dlq)).toBe(0);
    await connection.close();

    const arrived = await takeNumbers(vhost.url, queue);
    expect(new Set(arrived).size).toBe(COUNT);
    expect(arrived.length - COUNT).toBeLessThanOrEqual(KILLS * DEFAULT_WINDOW);
  });
});
