import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { peekMessages } from '../../../src/core/peek.ts';
import { planPurge } from '../../../src/core/purge.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { CommandLine } from '../../support/command-line.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/** Links that look like those of dead letters and are not, or not only: nobody's but the named messages move. */
const signal = new AbortController().signal;
const notices: string[] = [];
const notice = (text: string) => void notices.push(text);
let vhost: RabbitmqVhost;
let broker: Broker;
let connection: ChannelModel;
let channel: ConfirmChannel;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  connection = await connect(vhost.url);
  channel = await connection.createConfirmChannel();
});

let serial = 0;
/** Names of queues that no other test has. */
let q: (name: string) => string;
beforeEach(async () => {
  serial += 1;
  const own = serial;
  q = (name) => `${name}-${own}`;
  notices.length = 0;
  await broker?.close();
  broker = await backend.open(vhost.mqUrl, { connectTimeoutMs: 10_000, notice, signal });
});

afterAll(async () => {
  await connection.close();
  await broker.close();
  await vhost.remove();
});

interface Made {
  readonly dead?: string;
  readonly ttl?: number;
}

/** With `dead`, its dead letters go there by the default exchange. */
async function make(name: string, { dead, ttl }: Made = {}): Promise<void> {
  await channel.assertQueue(q(name), {
    durable: true,
    ...(dead === undefined ? {} : { deadLetterExchange: '', deadLetterRoutingKey: q(dead) }),
    ...(ttl === undefined ? {} : { messageTtl: ttl }),
  });
}

async function publish(name: string, bodies: readonly string[], expiration?: number): Promise<void> {
  for (const body of bodies)
    channel.sendToQueue(q(name), Buffer.from(body), {
      persistent: true,
      ...(expiration === undefined ? {} : { expiration }),
    });
  await channel.waitForConfirms();
}

async function reject(name: string, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const got = await channel.get(q(name));
    if (got === false) throw new Error(`nothing in ${name} to reject`);
    channel.reject(got, false);
  }
}

async function consumed(name: string): Promise<() => Promise<void>> {
  const consumer = await connection.createChannel();
  await consumer.prefetch(1);
  // It holds one message at most, and never the ones that a test counts.
  await publish(name, ['held by a consumer']);
  const held = Promise.withResolvers<void>();
  await consumer.consume(q(name), () => held.resolve());
  await held.promise;
  return async () => {
    await consumer.close();
  };
}

const depth = async (name: string): Promise<number> => (await channel.checkQueue(q(name))).messageCount;
const settled = (name: string, count: number) => expect.poll(() => depth(name)).toBe(count);

async function bodiesIn(name: string): Promise<string[]> {
  const bodies: string[] = [];
  const reader = await connection.createChannel();
  for (let got = await reader.get(q(name)); got !== false; got = await reader.get(q(name)))
    bodies.push(got.content.toString());
  await reader.close();
  return bodies.sort();
}

async function redrive(name: string, special: Parameters<typeof redriveOf>[2] = {}) {
  const plan = await planRedrive(
    redriveOf(broker, await broker.queue(q(name), signal), { notice, signal, ...special }),
  );
  return plan.run({ dryRun: false, onProgress: () => undefined, signal });
}

async function purgeDead(name: string) {
  const queue = await broker.queue(q(name), signal);
  const plan = await planPurge({ ...EVERYTHING, broker, queue, state: 'dead', backup: null, notice, signal });
  return plan.run({ dryRun: false, onProgress: () => undefined, signal });
}

async function dryRunOf(name: string, special: Parameters<typeof redriveOf>[2] = {}) {
  const plan = await planRedrive(
    redriveOf(broker, await broker.queue(q(name), signal), { notice, signal, ...special }),
  );
  return plan.run({ dryRun: true, onProgress: () => undefined, signal });
}

async function peekDead(name: string): Promise<(string | null | undefined)[]> {
  const queue = await broker.queue(q(name), signal);
  const found: (string | null | undefined)[] = [];
  const request = { ...EVERYTHING, broker, queue, state: 'dead', limit: null, force: false, notice, signal } as const;
  for await (const { dead } of peekMessages(request)) found.push(dead?.from);
  return found;
}

async function statsOf(name: string): Promise<readonly QueueStats[]> {
  const all: QueueStats[] = [await (await broker.queue(q(name), signal)).stats(signal)];
  for await (const stats of broker.queues(queuePattern([`${name}-*`]), { notice, signal }))
    if (stats.queue === q(name)) all.push(stats);
  expect(all).toHaveLength(2);
  return all;
}

const refused = { code: 'PRECONDITION_FAILED' };

describe('retries by time to live: work → wait → work', () => {
  beforeEach(async () => {
    await make('work', { dead: 'wait' });
    await make('wait', { dead: 'work', ttl: 3_600_000 });
    await publish('work', ['a', 'b']);
    await reject('work', 2);
    await settled('wait', 2);
    await publish('work', ['fresh 1', 'fresh 2', 'fresh 3']);
  });

  test('the wait queue has no dead letters: every verb says so, and no figure counts the work', async () => {
    await expect(purgeDead('wait')).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('only expires into'),
    });
    await expect(redrive('wait')).rejects.toMatchObject(refused);
    for (const stats of await statsOf('wait')) expect(stats.dead).toBe(0);
    expect(await bodiesIn('work')).toEqual(['fresh 1', 'fresh 2', 'fresh 3']);
  });

  test('a look into the wait queue shows what waits there with a mark of death, and says that it is not dead', async () => {
    await publish('wait', ['delayed by its producer']);
    expect(await peekDead('wait')).toEqual([q('work'), q('work')]);
    expect(notices.join('\n')).toMatch(/no dead letters of its own: .* only expires into/);
    expect(notices.join('\n')).toMatch(/1 message bears no known mark of a death/);
  });

  test('what waits is not counted as dead, and is the only thing that a redrive of the work queue takes', async () => {
    await publish('wait', ['delayed by its producer']);
    for (const stats of await statsOf('work'))
      expect(stats).toMatchObject({ dead: null, notes: { dead: expect.stringContaining('waits') } });
    expect(await redrive('work')).toMatchObject({ moved: 2, left: 1 });
    expect(await bodiesIn('work')).toEqual(['a', 'b', 'fresh 1', 'fresh 2', 'fresh 3']);
    expect(await bodiesIn('wait')).toEqual(['delayed by its producer']);
  });

  test('one wait queue for several: each of them gets its own back, though nobody can say where the wait queue leads', async () => {
    await channel.assertExchange(q('back'), 'direct', { durable: false });
    await channel.assertQueue(q('pause'), { durable: true, deadLetterExchange: q('back'), messageTtl: 3_600_000 });
    for (const name of ['one', 'two']) {
      await make(name, { dead: 'pause' });
      await channel.bindQueue(q(name), q('back'), q(name));
      await publish(name, [name]);
      await reject(name, 1);
    }
    await settled('pause', 2);
    await expect(redrive('pause')).rejects.toMatchObject(refused);
    expect(await purgeDead('two')).toMatchObject({ moved: 1, left: 1 });
    expect(await redrive('one')).toMatchObject({ moved: 1, to: [q('one')] });
    expect([await bodiesIn('one'), await bodiesIn('two'), await depth('pause')]).toEqual([['one'], [], 0]);
  });

  test('a ring of three: the same', async () => {
    await make('stage', { dead: 'pause' });
    await make('pause', { dead: 'again', ttl: 3_600_000 });
    await make('again', { dead: 'stage', ttl: 3_600_000 });
    await publish('again', ['fresh']);
    await expect(purgeDead('pause')).rejects.toMatchObject(refused);
    await publish('stage', ['fresh too']);
    await expect(purgeDead('again')).rejects.toMatchObject(refused);
    expect([await depth('again'), await depth('stage')]).toEqual([1, 1]);
  });
});

describe('delays: messages expire on their way to where they are worked on', () => {
  test.each(['by the queue', 'by each message'])(
    '%s: neither fresh work nor what has come through is dead',
    async (how) => {
      const ttl = how === 'by the queue' ? 200 : undefined;
      await make('orders');
      await make('delay', { dead: 'orders', ...(ttl === undefined ? {} : { ttl }) });
      await publish('delay', ['came through'], how === 'by the queue' ? undefined : 200);
      await settled('orders', 1);
      await publish('orders', ['fresh']);
      const stop = how === 'by the queue' ? null : await consumed('orders');
      const work = await depth('orders');
      await purgeDead('delay').catch((error: unknown) => expect(error).toMatchObject(refused));
      await redrive('delay').catch((error: unknown) => expect(error).toMatchObject(refused));
      await redrive('orders').catch((error: unknown) => expect(error).toMatchObject(refused));
      expect([await depth('orders'), await depth('delay')]).toEqual([work, 0]);
      for (const stats of await statsOf('delay')) expect(stats.dead).not.toBe(work);
      await stop?.();
    },
  );

  test('a time to live that an operator policy gives makes a delay too', async () => {
    await make('live');
    await make('later', { dead: 'live' });
    await vhost.request('PUT', `/api/operator-policies/${vhost.encodedName}/later`, {
      pattern: `^${q('later')}$`,
      definition: { 'message-ttl': 3_600_000 },
      'apply-to': 'queues',
    });
    await publish('live', ['fresh']);
    await purgeDead('later').catch((error: unknown) => expect(error).toMatchObject(refused));
    await redrive('live').catch((error: unknown) => expect(error).toMatchObject(refused));
    expect([await depth('live'), await depth('later')]).toEqual([1, 0]);
  });
});

describe('a dead-letter queue of several', () => {
  test.each(['deleted', 'without its link', 'as it was'])(
    'one source is %s: each verb takes only what the named queue lost',
    async (fate) => {
      await make('shared');
      await make('sa', { dead: 'shared' });
      await make('sb', { dead: 'shared' });
      await publish('sa', ['a1', 'a2', 'a3']);
      await publish('sb', ['b1', 'b2']);
      await reject('sa', 3);
      await reject('sb', 2);
      await settled('shared', 5);
      await publish('shared', ['put there by hand']);
      if (fate !== 'as it was') await channel.deleteQueue(q('sb'));
      if (fate === 'without its link') await make('sb');
      const filter = { matches: ({ body }: { body: Uint8Array }) => Buffer.from(body).toString() === 'a1' };
      expect(await redrive('sa', { filter: filter as never })).toMatchObject({ moved: 1 });
      const silent = fate === 'as it was' ? [] : ['put there by hand'];
      expect(await purgeDead('sa')).toMatchObject({ moved: 2 + silent.length });
      expect(await bodiesIn('sa')).toEqual(['a1']);
      expect(await bodiesIn('shared')).toEqual(fate === 'as it was' ? ['b1', 'b2', 'put there by hand'] : ['b1', 'b2']);
    },
  );

  test('one source is deleted: a dry run of the dead-letter queue says that it only counted', async () => {
    await make('counted');
    await make('ca', { dead: 'counted' });
    await make('cb', { dead: 'counted' });
    for (const name of ['ca', 'cb']) {
      await publish(name, ['x']);
      await reject(name, 1);
    }
    await settled('counted', 2);
    await channel.deleteQueue(q('cb'));
    expect(await dryRunOf('counted')).toMatchObject({ matched: 2 });
    expect(notices.join('\n')).toMatch(/only counted: one whose queue cannot be told, or is gone, fails/);
    expect(await redrive('counted')).toMatchObject({ moved: 1, failed: 1 });
  });

  test('a dry run is refused where the run is: the target is full', async () => {
    await make('lost');
    await make('la', { dead: 'lost' });
    await channel.assertQueue(q('full'), { durable: true, maxLength: 1 });
    await publish('full', ['there']);
    await publish('la', ['x']);
    await reject('la', 1);
    await settled('lost', 1);
    const to = await broker.queue(q('full'), signal);
    const refusal = { code: 'PRECONDITION_FAILED', message: expect.stringContaining('1 more does not fit') };
    await expect(redrive('lost', { to })).rejects.toMatchObject(refusal);
    await expect(dryRunOf('lost', { to })).rejects.toMatchObject(refusal);
  });

  test('a message that names a queue without a link goes there, and the report says so', async () => {
    await make('shared');
    await make('sa', { dead: 'shared' });
    await make('sb', { dead: 'shared' });
    await publish('sa', ['a1']);
    await publish('sb', ['b1', 'b2']);
    await reject('sa', 1);
    await reject('sb', 2);
    await settled('shared', 3);
    await channel.deleteQueue(q('sb'));
    await make('sb');
    const plan = await planRedrive(redriveOf(broker, await broker.queue(q('shared'), signal), { notice, signal }));
    const how = { onProgress: () => undefined, signal };
    expect(await plan.run({ dryRun: true, ...how })).toMatchObject({ moved: 3, to: [q('sa')] });
    expect(notices).toContain(`each message that names another queue than ${q('sa')} goes there`);
    const looked = await planRedrive(
      redriveOf(broker, await broker.queue(q('shared'), signal), {
        ...{ notice, signal },
        filter: { matches: () => true } as never,
      }),
    );
    expect(await looked.run({ dryRun: true, ...how })).toMatchObject({ moved: 3, to: [q('sa'), q('sb')] });
    expect(await plan.run({ dryRun: false, ...how })).toMatchObject({ moved: 3, to: [q('sa'), q('sb')] });
    expect([await depth('sa'), await depth('sb'), await depth('shared')]).toEqual([1, 2, 0]);
  });

  test('what a parking queue lost keeps its history there, so that it can still go back to where it failed first', async () => {
    await make('shared');
    await make('park', { dead: 'shared' });
    await make('first', { dead: 'park' });
    await make('other', { dead: 'shared' });
    await publish('first', ['x']);
    await reject('first', 1);
    await settled('park', 1);
    await reject('park', 1);
    await settled('shared', 1);
    expect(await redrive('park')).toMatchObject({ moved: 1, to: [q('park')] });
    await settled('park', 1);
    const peek = await (await broker.queue(q('park'), signal)).peek?.({
      state: 'ready',
      limit: 1,
      force: true,
      notice,
      signal,
    });
    for await (const message of peek ?? [])
      expect(message.dead).toMatchObject({ from: q('first'), reason: 'rejected' });
    await settled('park', 1);
    expect(await redrive('first')).toMatchObject({ moved: 1 });
    const got = await channel.get(q('first'), { noAck: true });
    expect(
      got === false ? null : Object.keys(got.properties.headers ?? {}).filter((name) => name.includes('death')),
    ).toEqual([]);
  });
});

describe('a dead-letter queue that has one of its own', () => {
  beforeEach(async () => {
    await make('archive');
    await make('dlq', { dead: 'archive' });
    await make('jobs', { dead: 'dlq' });
    await publish('jobs', ['once', 'twice']);
    await reject('jobs', 2);
    await settled('dlq', 2);
    await reject('dlq', 1);
    await settled('archive', 1);
  });

  test('each queue that is named gets back what it lost, and nothing else', async () => {
    expect(await redrive('jobs')).toMatchObject({ moved: 1, from: q('dlq'), to: [q('jobs')] });
    expect(await redrive('dlq')).toMatchObject({ moved: 1, from: q('archive'), to: [q('dlq')] });
    expect([await depth('jobs'), await depth('dlq'), await depth('archive')]).toEqual([1, 1, 0]);
  });

  test('the last one, named itself, gives back to the one before', async () => {
    expect(await redrive('archive')).toMatchObject({ moved: 1, to: [q('dlq')] });
    expect([await depth('jobs'), await depth('dlq'), await depth('archive')]).toEqual([0, 2, 0]);
  });
});

test('a chain of four queues: step by step all the way home, and the marks that stay keep their types', async () => {
  const chain = ['c1', 'c2', 'c3', 'c4'];
  for (const [at, name] of chain.entries()) {
    const dead = chain[at + 1];
    await make(name, dead === undefined ? {} : { dead });
  }
  await publish('c1', ['x']);
  for (const [at, name] of chain.slice(0, -1).entries()) {
    await reject(name, 1);
    await settled(chain[at + 1] ?? '', 1);
  }
  for (const [at, lost] of [
    ['c3', ['c2', 'c1']],
    ['c2', ['c1']],
    ['c1', []],
  ] as const) {
    expect(await redrive(at)).toMatchObject({ moved: 1, to: [q(at)] });
    await settled(at, 1);
    const got = await channel.get(q(at));
    if (got === false) throw new Error(`nothing is back in ${at}`);
    const deaths: { queue: string; time: unknown }[] = got.properties.headers?.['x-death'] ?? [];
    expect(deaths.map(({ queue }) => queue)).toEqual(lost.map(q));
    for (const { time } of deaths) expect(time).toMatchObject({ '!': 'timestamp' });
    channel.nack(got);
    await settled(at, 1);
  }
});

test('an application’s own parking queue: with --to and without, the marks of death are gone', async () => {
  await make('m', { dead: 'm-retry' });
  await make('m-retry', { dead: 'm', ttl: 50 });
  await make('m-park');
  await publish('m', ['to', 'back']);
  for (let n = 0; n < 3; n++) {
    await settled('m', 2);
    await reject('m', 2);
    await settled('m-retry', 0);
  }
  await settled('m', 2);
  for (let n = 0; n < 2; n++) {
    const got = await channel.get(q('m'));
    if (got === false) throw new Error('nothing to park');
    expect(got.properties.headers).toHaveProperty('x-death');
    const { headers, messageId } = got.properties;
    channel.sendToQueue(q('m-park'), got.content, { headers, ...(messageId && { messageId }), persistent: true });
    await channel.waitForConfirms();
    channel.ack(got);
  }
  await settled('m-park', 2);
  expect(await redrive('m-park', { to: await broker.queue(q('m'), signal), max: 1 })).toMatchObject({ moved: 1 });
  expect(await redrive('m-park')).toMatchObject({ moved: 1, to: [q('m')] });
  for (let n = 0; n < 2; n++) {
    const got = await channel.get(q('m'), { noAck: true });
    expect(got === false ? null : Object.keys(got.properties.headers ?? {})).toEqual([]);
  }
});

describe('dead letters on their way', () => {
  test('by more exchanges than anybody counts, in a circle too, they are found', async () => {
    const exchanges = Array.from({ length: 12 }, (_, n) => q(`hop-${n}`));
    for (const exchange of exchanges) await channel.assertExchange(exchange, 'fanout', { durable: true });
    for (const [n, exchange] of exchanges.entries())
      await channel.bindExchange(exchanges[(n + 1) % exchanges.length] ?? '', exchange, '');
    await make('far');
    await channel.bindQueue(q('far'), exchanges.at(-1) ?? '', '');
    await channel.assertQueue(q('near'), { durable: true, deadLetterExchange: exchanges[0] ?? '' });
    await publish('near', ['x']);
    await reject('near', 1);
    await settled('far', 1);
    for (const stats of await statsOf('near')) expect(stats).toMatchObject({ dead: 1 });
    expect(await redrive('near')).toMatchObject({ moved: 1, to: [q('near')] });
  });

  test('to no queue, from one that holds them until there is one: nobody says that they are dropped', async () => {
    await channel.assertQueue(q('held'), {
      durable: true,
      deadLetterExchange: '',
      deadLetterRoutingKey: q('missing'),
      arguments: {
        'x-queue-type': 'quorum',
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      },
    });
    await publish('held', ['x']);
    await expect
      .poll(() =>
        reject('held', 1).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const held = { dead: null, notes: { dead: expect.stringMatching(/holds them inside "held-\d+" until/) } };
    for (const stats of await statsOf('held')) expect(stats).toMatchObject(held);
    await expect(redrive('held')).rejects.toMatchObject(refused);
    const line = await CommandLine.open();
    const terminals = { stdin: true, stderr: true };
    const { stderr } = await line.run(['--url', vhost.mqUrl, 'delete', q('held')], { terminals, answers: ['no'] });
    await line.close();
    expect(stderr).toMatch(/holds them inside "held-\d+" until/);
    expect(stderr).not.toMatch(/stays? there/);
  });
});
