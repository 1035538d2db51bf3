import { once } from 'node:events';
import { connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEFAULT_WINDOW } from '../../../src/core/transfer.ts';
import { type CountingRelay, countingRelay } from '../../support/counting-relay.ts';
import { runMq, startMq } from '../../support/mq.ts';
import { fillWithDeadLetters, takeNumbers } from '../../support/rabbitmq/dead-letters.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/** More kills, in more messages. */
const IS_LONG = process.env.MQ_TEST_LONG === '1';
const COUNT = IS_LONG ? 20_000 : 12_000;
const KILLS = IS_LONG ? 20 : 8;
/** What a redrive with a filter leaves is held until its end, among what it takes and acknowledges. */
const FILTERED_COUNT = IS_LONG ? 15_000 : 8_000;
const FILTERED_KILLS = IS_LONG ? 5 : 3;
/** What may be in the air, and what may arrive between two looks. */
const LAST_WINDOWS = 5;
const isLeft = (n: number): boolean => n % 10 === 0;

let vhost: RabbitmqVhost;
let relay: CountingRelay;
let target: readonly string[];

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  // All that `mq` hears of the broker comes through this process. So when this one stands still, a redrive can at most
  // send what its window allows, and never comes to its end before the kill.
  relay = await countingRelay(new URL(vhost.url));
  target = ['--url', `${relay.url}?management=${encodeURIComponent(vhost.managementUrl)}`];
});
afterAll(async () => {
  await relay?.close();
  await vhost?.remove();
});

/**
 * Kills a redrive at random instants, each in its own share of the work, as soon as the target says that it has come
 * that far. Ends with a whole one.
 */
async function redriveKilled(kind: string, count: number, kills: number, filter: readonly string[]) {
  const queue = `killed ${kind} ${filter.length}`;
  const dlq = `${queue}-dlq`;
  expect(await runMq([...target, 'create', queue, '--kind', kind, '--dlq', dlq])).toMatchObject({ code: 0 });
  await fillWithDeadLetters(vhost.url, queue, dlq, count);

  const connection = await connect(vhost.url);
  const channel = await connection.createChannel();
  const depth = async (name: string): Promise<number> => (await channel.checkQueue(name)).messageCount;

  // Of those that match, all but the last few windows.
  const killable = count * (filter.length === 0 ? 1 : 0.9) - LAST_WINDOWS * DEFAULT_WINDOW;
  const instants = Array.from({ length: kills }, (_, kill) => Math.floor(((kill + Math.random()) * killable) / kills));
  let killed = 0;
  for (const instant of instants) {
    const mq = startMq([...target, 'redrive', queue, ...filter, '--yes', '-q']);
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
  expect(killed, `instants ${instants.join(' ')}`).toBe(kills);

  // Once the broker has noticed the death of the last one, it gives back what that held and forgets its consumer in one
  // step. The counts alone do not tell: what the kills have doubled makes up for what is still held.
  await expect.poll(async () => (await channel.checkQueue(dlq)).consumerCount).toBe(0);
  expect((await depth(queue)) + (await depth(dlq))).toBeGreaterThanOrEqual(count);
  const last = await runMq([...target, 'redrive', queue, ...filter, '--yes', '-o', 'json']);
  expect(last).toMatchObject({ code: 0 });
  await connection.close();
  return { arrived: await takeNumbers(vhost.url, queue), left: await takeNumbers(vhost.url, dlq) };
}

describe.each(['classic', 'quorum'])('%s', (kind) => {
  test(`${KILLS} times SIGKILL in a redrive of ${COUNT}: nothing is lost, and no kill doubles more than the window`, {
    timeout: 300_000,
  }, async () => {
    const { arrived, left } = await redriveKilled(kind, COUNT, KILLS, []);
    expect(left).toEqual([]);
    expect(new Set(arrived).size).toBe(COUNT);
    expect(arrived.length - COUNT).toBeLessThanOrEqual(KILLS * DEFAULT_WINDOW);
  });

  test(`${FILTERED_KILLS} times SIGKILL in a redrive with a filter: the same, and what does not match stays, once each`, {
    timeout: 120_000,
  }, async () => {
    const filter = ['--filter', 'int(raw) % 10 != 0'];
    const { arrived, left } = await redriveKilled(kind, FILTERED_COUNT, FILTERED_KILLS, filter);
    const all = Array.from({ length: FILTERED_COUNT }, (_, n) => n);
    const matching = all.filter((n) => !isLeft(n));
    expect(new Set(arrived)).toEqual(new Set(matching));
    expect(arrived.length - matching.length).toBeLessThanOrEqual(FILTERED_KILLS * DEFAULT_WINDOW);
    // A quorum queue itself mixes up what the channels of a killed consumer held; nothing else may change the order.
    if (kind === 'quorum') left.sort((a, b) => a - b);
    expect(left).toEqual(all.filter(isLeft));
  });
});
