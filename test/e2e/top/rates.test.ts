import { connect } from 'amqplib';
import { describe, expect, test } from 'vitest';
import { BuiltProgram } from '../../support/built-program.ts';
import { expectLoad, expectTrue, isFull, RABBITMQ_LAG_MS } from '../../support/top/expect-rates.ts';
import { FIGURES, RateLedger } from '../../support/top/rate-ledger.ts';
import { BullLoad, rabbitmqTicks, StreamLoad, sqliteTicks, TICK_MS } from '../../support/top/rate-loads.ts';
import { ratedBrokers } from '../../support/top/rated-brokers.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';
import { WatchedLoad } from '../../support/top/watched-load.ts';

/** So many lines with a whole window are compared, a second apart. */
const LINES = 5;

// All at once: each takes little, and one after the other would take a minute.
describe.concurrent('rates within 10 % of the truth over ten seconds', () => {
  const brokers = ratedBrokers();

  test('the embedded queue', async () => {
    const { sqliteUrl: url } = brokers();
    await using load = await SqliteLoad.open(url);
    const queue = await load.create('busy');
    const { ledger, tick } = sqliteTicks(load, () => queue);
    await using watched = new WatchedLoad(['busy'], { MQ_URL: url }, ledger, TICK_MS, tick);
    const lines = await watched.until(isFull, LINES);
    expectLoad(lines, ledger, FIGURES);
    expectTrue(lines, ledger, FIGURES);
  });

  test('BullMQ workers whose jobs remove themselves', async () => {
    const { redis } = brokers();
    await using load = new BullLoad(redis.url, 'busy-jobs');
    const { ledger } = load;
    await using watched = new WatchedLoad(['busy-jobs'], { MQ_URL: redis.url }, ledger, TICK_MS, () => load.tick());
    const lines = await watched.until(isFull, LINES);
    expectLoad(lines, ledger, FIGURES);
    expectTrue(lines, ledger, FIGURES);
  });

  test('a Redis stream; the entries that were read are deleted', async () => {
    const { redis } = brokers();
    using load = new StreamLoad(redis.url, 'busy-stream');
    await load.create();
    const { ledger } = load;
    await using watched = new WatchedLoad(['busy-stream'], { MQ_URL: redis.url }, ledger, TICK_MS, () => load.tick());
    const lines = await watched.until(isFull, LINES);
    expectLoad(lines, ledger, ['inPerSec', 'outPerSec']);
    expectTrue(lines, ledger, ['inPerSec', 'outPerSec']);
    // Redis counts no failures, and then none are claimed.
    expect(new Set(watched.shown.map(({ rates }) => rates.errorPerSec))).toEqual(new Set([null]));
  });

  test('RabbitMQ', { timeout: 60_000 }, async () => {
    const { vhost } = brokers();
    const client = await connect(vhost.url);
    try {
      const channel = await client.createConfirmChannel();
      await channel.assertQueue('busy', { durable: true });
      const { ledger, tick } = rabbitmqTicks(channel, 'busy');
      await using watched = new WatchedLoad(['busy'], { MQ_URL: vhost.mqUrl }, ledger, TICK_MS, tick);
      // Whatever they are of, the load was there then.
      const since = Date.now() + RABBITMQ_LAG_MS + 10_000;
      const lines = await watched.until((line) => isFull(line) && line.sampledAt >= since, LINES);
      expectLoad(lines, ledger, ['inPerSec', 'outPerSec']);
      expectTrue(lines, ledger, ['inPerSec', 'outPerSec'], { lagMs: RABBITMQ_LAG_MS });
      // Nor does RabbitMQ.
      expect(new Set(watched.shown.map(({ rates }) => rates.errorPerSec))).toEqual(new Set([null]));
    } finally {
      await client.close();
    }
  });

  test('RabbitMQ: dead letters that come in are not counted by the broker, and no zero is told of them', {
    timeout: 60_000,
  }, async () => {
    const { vhost } = brokers();
    const client = await connect(vhost.url);
    try {
      const channel = await client.createConfirmChannel();
      await channel.assertQueue('lossy.dlq', { durable: true });
      await channel.assertQueue('lossy', { deadLetterExchange: '', deadLetterRoutingKey: 'lossy.dlq' });
      // So that the broker has counted something: without this it says nothing of the queue at all.
      channel.sendToQueue('lossy.dlq', Buffer.from('directly'));
      const dieAndTake = async (): Promise<void> => {
        channel.sendToQueue('lossy', Buffer.from('x'));
        await channel.waitForConfirms();
        const dying = await channel.get('lossy');
        if (dying !== false) channel.nack(dying, false, false);
        const dead = await channel.get('lossy.dlq');
        if (dead !== false) channel.ack(dead);
      };
      const env = { MQ_URL: vhost.mqUrl };
      await using watched = new WatchedLoad(['lossy*'], env, new RateLedger(), TICK_MS, dieAndTake);
      const lines = await watched.until(({ queue, rates }) => queue === 'lossy.dlq' && (rates.outPerSec ?? 0) > 1, 3);
      expect(lines.map(({ rates }) => rates.inPerSec)).toEqual([null, null, null]);
      const published = await watched.until(({ queue, rates }) => queue === 'lossy' && (rates.inPerSec ?? 0) > 1, 1);
      expect(published).not.toEqual([]);
      const { stdout } = await new BuiltProgram(['stats', 'lossy.dlq', '-o', 'ndjson'], env).finished;
      expect(JSON.parse(stdout)).toMatchObject({
        rates: { inPerSec: null, outPerSec: expect.any(Number) },
        notes: { rates: 'the broker does not count the dead letters that come in from lossy' },
      });
    } finally {
      await client.close();
    }
  });
});
