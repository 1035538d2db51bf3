import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runMq, startMq } from '../../support/mq.ts';
import { onChannel, readyOn } from '../../support/rabbitmq/channel.ts';
import { fillWithDeadLetters, takeNumbers } from '../../support/rabbitmq/dead-letters.ts';
import { type RabbitmqServer, startRabbitmq } from '../../support/rabbitmq/server.ts';
import { rabbitmqProgram } from '../../support/servers.ts';

const COUNT = 20_000;
/** So that the kill is in the middle for certain: between the half and the end are four seconds. */
const RATE = '2500/s';

let broker: RabbitmqServer;
let target: readonly string[];

beforeAll(async () => {
  broker = await startRabbitmq(await rabbitmqProgram());
  target = ['--url', `${broker.url}?management=${encodeURIComponent(broker.managementUrl)}`];
});
afterAll(() => broker.stop());

const depth = (queue: string): Promise<number> => readyOn(broker.url, queue);

/** Resolves when at least that many have arrived, or when `mq` has ended before. */
function arrived(queue: string, count: number, running: () => boolean): Promise<void> {
  return onChannel(broker.url, async (channel) => {
    while (running() && (await channel.checkQueue(queue)).messageCount < count);
  });
}

describe.each(['classic', 'quorum'])('%s', (kind) => {
  test('a broker killed in the middle of a redrive: the exit code says so, nothing is lost, the next run ends it', {
    timeout: 240_000,
  }, async () => {
    const queue = `restarted ${kind}`;
    const dlq = `${queue}-dlq`;
    expect(await runMq([...target, 'create', queue, '--kind', kind, '--dlq', dlq])).toMatchObject({ code: 0 });
    await broker.declarationsWritten();
    await fillWithDeadLetters(broker.url, queue, dlq, COUNT);

    const mq = startMq([...target, 'redrive', queue, '--yes', '--rate', RATE, '-o', 'json']);
    let running = true;
    mq.process.once('close', () => {
      running = false;
    });
    await arrived(queue, COUNT / 2, () => running);
    expect(running).toBe(true);
    const closed = once(mq.process, 'close');
    await broker.kill();
    await closed;
    const { code, stdout, stderr } = await mq.finished;
    expect({ code, stderr }).toMatchObject({ code: 3 });
    const report = JSON.parse(stdout) as { moved: number; complete: boolean };
    expect(report.complete).toBe(false);

    await broker.restart();
    await expect.poll(() => depth(queue).catch(() => -1), { timeout: 30_000 }).toBeGreaterThanOrEqual(report.moved);
    await expect
      .poll(async () => (await depth(queue)) + (await depth(dlq)), { timeout: 30_000 })
      .toBeGreaterThanOrEqual(COUNT);
    expect(await runMq([...target, 'redrive', queue, '--yes'])).toMatchObject({ code: 0 });
    expect(await depth(dlq)).toBe(0);
    expect(new Set(await takeNumbers(broker.url, queue)).size).toBe(COUNT);
  });
});
