import { expect, it } from 'vitest';
import { eventually } from '../../../src/conformance/bench.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
import { losingRelay } from '../../support/losing-relay.ts';
import {
  after,
  client,
  commandsDuring,
  consumeOptions,
  expectReadOnly,
  fresh,
  moveRequest,
  notice,
  open,
  peek,
  queue,
  signal,
  text,
  url,
} from '../../support/redis/lab.ts';

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `m${from + index}`);

it('looks at the end from which consumers take, and writes nothing', async () => {
  const right = fresh('right');
  await client.lpush(right, ...numbers(1, 3));
  const left = fresh('rq:queue:left');
  await client.rpush(left, ...numbers(1, 3));
  const commands = await commandsDuring(async () => {
    const broker = await open();
    expect((await peek(await broker.queue(right, signal))).map(text)).toEqual(numbers(1, 3));
    expect((await peek(await broker.queue(left, signal))).map(text)).toEqual(numbers(1, 3));
    expect((await peek(await queue(right, '?next=left'), { limit: 1 })).map(text)).toEqual(['m3']);
    await (await broker.queue(right, signal)).describe(signal);
    for await (const _ of broker.queues(queuePattern(['*']), { notice, signal }));
    await expect(broker.queue(`${right}-ghost`, signal)).rejects.toMatchObject({ code: 'QUEUE_NOT_FOUND' });
  });
  await expectReadOnly(commands);
});

it.each(['left', 'right'] as const)(
  'a look from the %s sees every message once while some are taken and others come',
  async (next) => {
    const name = fresh('moving');
    const push = (...values: string[]) =>
      next === 'right' ? client.lpush(name, ...values) : client.rpush(name, ...values);
    await push(...numbers(1, 2000));
    const look = await (await queue(name, `?next=${next}`)).peek?.({
      state: 'ready',
      limit: null,
      force: false,
      notice,
      signal,
    });
    const seen: string[] = [];
    for await (const message of look ?? []) {
      seen.push(text(message));
      if (seen.length % 400 === 0) {
        await client.call(next === 'right' ? 'RPOP' : 'LPOP', name, 300);
        await push('late', 'later');
      }
    }
    expect(seen).toEqual(numbers(1, 2000));
  },
);

it.each(['left', 'right'] as const)(
  'taking from the %s while other consumers pop and producers push loses nothing and says what may be double',
  async (next) => {
    const name = fresh('race');
    const push = (...values: string[]) =>
      next === 'right' ? client.lpush(name, ...values) : client.rpush(name, ...values);
    await push(...numbers(1, 1500));
    const handle = await queue(name, `?next=${next}`);
    const consumer = await handle.consume?.(consumeOptions());
    const mine: string[] = [];
    const doubtful: string[] = [];
    const theirs: string[] = [];
    let turn = 0;
    for await (const { message, receipt } of consumer ?? []) {
      const body = text(message);
      turn += 1;
      if (turn % 100 === 50) {
        const popped = await client.call(next === 'right' ? 'RPOP' : 'LPOP', name, 20);
        theirs.push(...(popped as string[]));
        await push(`new-${turn}`);
      }
      await receipt.ack().then(
        () => mine.push(body),
        () => doubtful.push(body),
      );
    }
    await consumer?.close();
    const left = await client.lrange(name, 0, -1);
    const everything = [...mine, ...theirs, ...left];
    expect(new Set(everything).size).toBe(everything.length);
    expect(numbers(1, 1500).filter((body) => !everything.includes(body))).toEqual([]);
    expect(doubtful.filter((body) => !theirs.includes(body))).toEqual([]);
  },
);

it('moves chosen elements among equal ones, in order, from any depth', async () => {
  const from = fresh('from');
  const to = fresh('to');
  const all = Array.from({ length: 5000 }, (_, n) => (n % 10 === 3 ? 'same' : `m${n}`));
  await client.lpush(from, ...all);
  const broker = await open('?kind=list');
  const [source, target] = [await broker.queue(from, signal), await broker.queue(to, signal)];
  const chosen = (await peek(source)).filter((message) => text(message) === 'same' || text(message) === 'm4998');
  const native = await source.nativeMove?.(moveRequest({ to: target, selective: true }));
  let moved = 0;
  for (let i = 0; i < chosen.length; i += 100) {
    const page = await native?.next({ messages: chosen.slice(i, i + 100) });
    expect(page).toMatchObject({ skipped: [], failed: [] });
    moved += page?.moved ?? 0;
  }
  expect(moved).toBe(501);
  expect((await peek(target)).map(text)).toEqual([...Array.from({ length: 500 }, () => 'same'), 'm4998']);
  expect((await peek(source)).map(text)).toEqual(all.filter((body) => body !== 'same' && body !== 'm4998'));
});

it('does not write into a target of another type', async () => {
  const from = fresh('from');
  const to = fresh('to');
  await client.lpush(from, 'm1');
  const broker = await open('?kind=list');
  const [source, target] = [await broker.queue(from, signal), await broker.queue(to, signal)];
  const native = await source.nativeMove?.(moveRequest({ to: target }));
  await client.set(to, 'a string now');
  expect(await native?.next({ upTo: 10 })).toMatchObject({ moved: 0, refused: { code: 'PRECONDITION_FAILED' } });
  expect(await client.lrange(from, 0, -1)).toEqual(['m1']);
});

it('knows Celery, RQ and Sidekiq queues, empty ones too', async () => {
  const celery = fresh('celery');
  await client.lpush(
    celery,
    JSON.stringify({ body: 'W10=', headers: { id: 'task-1' }, properties: { delivery_tag: 'x' } }),
  );
  const sidekiq = fresh('sidekiq');
  await client.sadd('queues', sidekiq);
  const rq = fresh('rq');
  await client.sadd('rq:queues', `rq:queue:${rq}`);
  try {
    const [task] = await peek(await queue(celery));
    expect(task).toMatchObject({ id: 'task-1', native: { redis: { list: { framework: 'celery' } } } });
    expect(await (await queue(`queue:${sidekiq}`)).stats(signal)).toMatchObject({ kind: 'list', ready: 0, dead: 0 });
    const listed: string[] = [];
    for await (const stats of (await open()).queues(queuePattern(['*']), { notice, signal })) listed.push(stats.queue);
    expect(listed).toEqual(expect.arrayContaining([celery, `queue:${sidekiq}`, `rq:queue:${rq}`]));
  } finally {
    await client.srem('queues', sidekiq);
    await client.srem('rq:queues', `rq:queue:${rq}`);
  }
});

it("redrives Sidekiq's dead jobs of one queue, when asked by name", async () => {
  const name = fresh('mail');
  const job = (jid: string, queueName: string) =>
    JSON.stringify({
      class: 'Send',
      args: [12345678901234567n.toString()],
      jid,
      queue: queueName,
      retry_count: 25,
      error_class: 'Net::ReadTimeout',
      error_message: 'execution expired',
      failed_at: 1795300000.5,
    });
  await client.zadd('dead', 1, job('a', name), 2, job('b', 'another'), 3, job('c', name));
  try {
    const shown = await queue(`queue:${name}`, '?kind=list&as=sidekiq');
    const dead = await peek(shown, { state: 'dead' });
    expect(dead.map(({ id }) => id)).toEqual(['a', 'c']);
    expect(dead[0]?.dead).toMatchObject({ error: 'Net::ReadTimeout: execution expired', at: 1795300000500 });
    const native = await shown.nativeMove?.(moveRequest({ state: 'dead' }));
    expect(await native?.next({ upTo: 10 })).toMatchObject({ moved: 2, skipped: [], exhausted: true });
    expect(await client.zcard('dead')).toBe(1);
    expect((await client.lrange(`queue:${name}`, 0, -1)).toReversed().map((text) => JSON.parse(text))).toMatchObject([
      { jid: 'a', retry_count: 24 },
      { jid: 'c', retry_count: 24 },
    ]);
    expect(await client.sismember('queues', name)).toBe(1);
    await client.sadd('queues', name);
    const unasked = await queue(`queue:${name}`);
    expect(unasked.capabilities.abilities.redrive).toMatchObject({ supported: false });
  } finally {
    await client.srem('queues', name);
    await client.del('dead');
  }
});

it("redrives RQ's failed jobs as RQ does", async () => {
  const name = fresh('rq');
  const key = `rq:queue:${name}`;
  for (const id of ['j1', 'j2']) {
    await client.hset(
      `rq:job:${name}-${id}`,
      'status',
      'failed',
      'origin',
      name,
      'exc_info',
      'ValueError: no',
      'description',
      'send()',
      'data',
      'pickled',
    );
    await client.expire(`rq:job:${name}-${id}`, 1000);
    await client.zadd(`rq:failed:${name}`, 1, `${name}-${id}`);
  }
  const handle = await queue(key, '?kind=list&as=rq');
  const [first] = await peek(handle, { state: 'dead' });
  expect(first).toMatchObject({ id: `${name}-j1`, dead: { error: 'ValueError: no', from: key } });
  const native = await handle.nativeMove?.(moveRequest({ state: 'dead', selective: true }));
  expect(await native?.next({ messages: first === undefined ? [] : [first, first] })).toMatchObject({
    moved: 1,
    skipped: [{ id: `${name}-j1` }],
  });
  expect(await client.lrange(key, 0, -1)).toEqual([`${name}-j1`]);
  expect(await client.hget(`rq:job:${name}-j1`, 'status')).toBe('queued');
  expect(await client.ttl(`rq:job:${name}-j1`)).toBe(-1);
  expect(await client.zcard(`rq:failed:${name}`)).toBe(1);
  // What a heartbeat has left of a job is nothing that a worker could run.
  await client.hdel(`rq:job:${name}-j2`, 'data');
  const skipped = [{ id: `${name}-j2`, reason: 'only its id is left: the job is gone' }];
  const survey = { state: 'dead', by: 'native', limit: null, signal } as const;
  expect(await handle.survey?.(survey)).toEqual({ moved: 0, skipped, failed: [] });
  const rest = await handle.nativeMove?.(moveRequest({ state: 'dead' }));
  expect(await rest?.next({ upTo: 10 })).toMatchObject({ moved: 0, skipped });
  // Nothing is left but the id, which the server counts, and which is nothing to look at.
  expect(await peek(handle, { state: 'dead' })).toHaveLength(1);
  await client.del(`rq:job:${name}-j2`);
  expect(await peek(handle, { state: 'dead' })).toEqual([]);
  expect(await handle.survey?.(survey)).toEqual({ moved: 0, skipped, failed: [] });
  expect(await client.llen(key)).toBe(1);
});

it('a second mq waits for the first, and a dead one holds the queue for seconds only', async () => {
  const name = fresh('lease');
  await client.lpush(name, ...numbers(1, 4));
  const first = await queue(name, '?kind=list');
  const held = await first.consume?.(consumeOptions({ limit: 2 }));
  const iterator = held?.[Symbol.asyncIterator]();
  await iterator?.next();
  const killed = await open('?kind=list');
  const second = await (await killed.queue(name, signal)).consume?.(consumeOptions());
  const seen: string[] = [];
  for await (const { message } of second ?? []) seen.push(text(message));
  expect(seen).toEqual([]);
  await held?.close();
  const third = await (await queue(name, '?kind=list')).consume?.(consumeOptions());
  for await (const { message } of third ?? []) seen.push(text(message));
  await third?.close();
  expect(seen).toEqual(numbers(1, 4));
});

it('when an answer is lost in the middle, what was redriven before it is told, and the rest is not tried', async () => {
  const name = fresh('rq');
  for (const [index, id] of ['j1', 'j2', 'j3'].entries()) {
    await client.hset(`rq:job:${name}-${id}`, 'status', 'failed', 'origin', name, 'data', 'pickled');
    await client.zadd(`rq:failed:${name}`, index, `${name}-${id}`);
  }
  const relay = await losingRelay(new URL(url), /rq:queues\r\n\$\d+\r\n[^\r]*-j2/);
  after(() => relay.close());
  after(() => client.srem('rq:queues', `rq:queue:${name}`));
  const broker = await open('?kind=list&as=rq', relay.url);
  const handle = await broker.queue(`rq:queue:${name}`, signal);
  const native = await handle.nativeMove?.(moveRequest({ state: 'dead' }));
  const moving = native?.next({ upTo: 10 });
  await eventually(async () => expect(await client.llen(`rq:queue:${name}`)).toBe(2));
  relay.cut();
  const reason = expect.stringContaining('connection');
  expect(await moving).toEqual({
    moved: 1,
    skipped: [],
    unknown: [{ id: `${name}-j2`, reason }],
    failed: [{ id: `${name}-j3`, reason }],
    exhausted: false,
  });
  expect(await client.zcard(`rq:failed:${name}`)).toBe(1);
});
