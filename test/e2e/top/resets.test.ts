import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { expectLoad, expectTrue, isFull, RABBITMQ_LAG_MS } from '../../support/top/expect-rates.ts';
import { FIGURES, type Figure } from '../../support/top/rate-ledger.ts';
import { BullLoad, rabbitmqTicks, StreamLoad, sqliteTicks, TICK_MS } from '../../support/top/rate-loads.ts';
import { ratedBrokers } from '../../support/top/rated-brokers.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';
import { type Shown, WatchedLoad } from '../../support/top/watched-load.ts';

/**
 * Resets the counters of a queue under load, and looks at every line since then: no rate is negative, none is a spike,
 * and none is too low, as one would be that is made of what the counters say now over seconds of which they know
 * nothing. Then, ten seconds later, all are known again.
 */
async function expectHonest(
  watched: WatchedLoad,
  figures: readonly Figure[],
  reset: () => Promise<unknown>,
  lagMs = 0,
): Promise<void> {
  const { ledger } = watched;
  const isOfTimeSince = ({ sampledAt, rates }: Shown, instant: number): boolean =>
    isFull({ rates }) && sampledAt - (rates.windowMs ?? 0) - lagMs >= instant;
  const started = Date.now();
  // Counters that have not counted much would be overtaken between two readings, and nobody could tell.
  await watched.until((line) => isOfTimeSince(line, started), 1);
  const resetAt = await watched.between(reset);
  const settled = await watched.until((line) => isOfTimeSince(line, resetAt), 3);
  const since = watched.shown.filter(({ sampledAt }) => sampledAt >= resetAt);
  expect(since.length).toBeGreaterThan(8);
  expectTrue(since, ledger, figures, { lagMs, orUnknown: true });
  expectLoad(settled, ledger, figures);
  expectTrue(settled, ledger, figures, { lagMs });
}

// A window before and one after, and RabbitMQ tells its figures every five seconds, seconds late.
describe.concurrent('counters that begin anew while top looks on', { timeout: 120_000 }, () => {
  const brokers = ratedBrokers();

  test('the embedded queue: deleted and made anew', async () => {
    const { sqliteUrl: url } = brokers();
    await using load = await SqliteLoad.open(url);
    let queue = await load.create('busy');
    const { ledger, tick } = sqliteTicks(load, () => queue);
    await using watched = new WatchedLoad(['busy'], { MQ_URL: url }, ledger, TICK_MS, tick);
    await expectHonest(watched, FIGURES, async () => {
      await load.broker.delete?.('busy', new AbortController().signal);
      queue = await load.create('busy');
    });
  });

  test.for([
    ['obliterated', (load: BullLoad) => load.queue.obliterate({ force: true })],
    ['its events trimmed to none', (load: BullLoad) => load.queue.trimEvents(0)],
    ['its events trimmed to the last', (load: BullLoad) => load.queue.trimEvents(1)],
    ['its events deleted', (load: BullLoad, client: Redis) => client.del(load.queue.toKey('events'))],
  ] as const)('BullMQ: %s', async ([how, reset]) => {
    const { redis } = brokers();
    const name = `busy ${how}`;
    const client = new Redis(redis.url);
    try {
      await using load = new BullLoad(redis.url, name);
      const { ledger } = load;
      await using watched = new WatchedLoad([name], { MQ_URL: redis.url }, ledger, TICK_MS, () => load.tick());
      await expectHonest(watched, FIGURES, () => reset(load, client));
    } finally {
      client.disconnect();
    }
  });

  test.for([
    [
      'deleted and made anew',
      async (load: StreamLoad, key: string) => {
        await load.client.del(key);
        await load.create();
      },
    ],
    ['trimmed to nothing', (load: StreamLoad, key: string) => load.client.xtrim(key, 'MAXLEN', 0)],
    [
      'its counters set back',
      async ({ client }: StreamLoad, key: string) => {
        const [last] = await client.xrevrange(key, '+', '-', 'COUNT', 1);
        if (last === undefined) throw new Error('the stream is empty');
        await client.call('XSETID', key, last[0], 'ENTRIESADDED', await client.xlen(key), 'MAXDELETEDID', '0-0');
      },
    ],
    [
      'its group destroyed and made anew',
      async (load: StreamLoad, key: string) => {
        await load.client.xgroup('DESTROY', key, 'workers');
        await load.create();
      },
    ],
  ] as const)('a Redis stream: %s', async ([how, reset]) => {
    const { redis } = brokers();
    const key = `busy ${how}`;
    using load = new StreamLoad(redis.url, key);
    await load.create();
    await using watched = new WatchedLoad([key], { MQ_URL: redis.url }, load.ledger, TICK_MS, () => load.tick());
    await expectHonest(watched, ['inPerSec', 'outPerSec'], () => reset(load, key));
  });

  test('RabbitMQ: deleted and declared anew', async () => {
    const { vhost } = brokers();
    const client = await connect(vhost.url);
    try {
      const channel = await client.createConfirmChannel();
      await channel.assertQueue('busy', { durable: true });
      const { ledger, tick } = rabbitmqTicks(channel, 'busy');
      await using watched = new WatchedLoad(['busy'], { MQ_URL: vhost.mqUrl }, ledger, TICK_MS, tick);
      const reset = async (): Promise<void> => {
        await channel.deleteQueue('busy');
        await channel.assertQueue('busy', { durable: true });
      };
      await expectHonest(watched, ['inPerSec', 'outPerSec'], reset, RABBITMQ_LAG_MS);
    } finally {
      await client.close();
    }
  });
});
