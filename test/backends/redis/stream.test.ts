import { expect, it } from 'vitest';
import { outgoing } from '../../../src/conformance/messages.ts';
import { queuePattern } from '../../../src/core/name-pattern.ts';
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
} from '../../support/redis/lab.ts';

async function stream(name: string, entries: number, group = 'g'): Promise<void> {
  await client.xgroup('CREATE', name, group, '0', 'MKSTREAM');
  for (let n = 1; n <= entries; n += 1) await client.xadd(name, '*', 'order', String(n), 'user', 'bob');
}

/** Delivers so many entries to a consumer, `times` times. */
async function deliver(name: string, count: number, times = 1): Promise<void> {
  await client.xreadgroup('GROUP', 'g', 'c1', 'COUNT', count, 'STREAMS', name, '>');
  for (let n = 1; n < times; n += 1) await client.xreadgroup('GROUP', 'g', 'c1', 'COUNT', count, 'STREAMS', name, '0');
}

it('a group paused by mq delivers nothing to a blocked consumer, and everything after resume', async () => {
  const name = fresh('paused');
  await stream(name, 3);
  await deliver(name, 1);
  const handle = await queue(name);
  const blocked = client.duplicate();
  after(async () => blocked.disconnect());
  await handle.pause?.({ reason: 'incident 7', signal });
  const waiting = blocked.xreadgroup('GROUP', 'g', 'c2', 'COUNT', 100, 'BLOCK', 0, 'STREAMS', name, '>');
  let delivered = false;
  void waiting.then(() => {
    delivered = true;
  });
  // It connects by itself, at the same time: the server says when it is there and waits.
  await expect.poll(() => client.info('clients')).toMatch(/^blocked_clients:1$/m);
  for (let n = 0; n < 10; n += 1) await client.xadd(name, '*', 'body', `new ${n}`);
  expect(delivered).toBe(false);
  // Another process sees it, knows the lag nevertheless, and can end it.
  const other = await queue(name);
  expect(await other.stats(signal)).toMatchObject({
    state: 'paused',
    ready: 12,
    inFlight: 1,
    notes: { state: expect.stringContaining('incident 7') },
  });
  expect((await peek(other)).length).toBe(12);
  await other.pause?.({ reason: 'again', signal });
  await other.resume?.({ signal });
  await client.xadd(name, '*', 'body', 'wakes the blocked reader');
  const reply = (await waiting) as [string, unknown[]][];
  expect(reply[0]?.[1]).toHaveLength(13);
  expect(await other.stats(signal)).toMatchObject({ state: 'running', ready: 0, inFlight: 14 });
  expect(await client.keys(`mq:paused:*${name}*`)).toEqual([]);
});

it('a group that someone else set past the end is paused, and not resumed to a place that nobody knows', async () => {
  const name = fresh('foreign');
  await stream(name, 3);
  await client.xgroup('SETID', name, 'g', '18446744073709551615-18446744073709551615');
  const handle = await queue(name);
  expect(await handle.stats(signal)).toMatchObject({ state: 'paused', ready: null, depth: null });
  await expect(handle.resume?.({ signal })).rejects.toMatchObject({ code: 'PRECONDITION_FAILED' });
});

it('figures, pending entries and dead candidates; looking neither writes nor counts as a delivery', async () => {
  const name = fresh('looking');
  await stream(name, 6);
  await deliver(name, 2, 3);
  await client.xreadgroup('GROUP', 'g', 'c2', 'COUNT', 1, 'STREAMS', name, '>');
  const broker = await open('?deadDeliveries=3&deadIdle=0ms');
  const commands = await commandsDuring(async () => {
    const handle = await broker.queue(name, signal);
    expect(await handle.stats(signal)).toMatchObject({
      ready: 3,
      inFlight: 1,
      dead: 2,
      depth: 4,
      consumers: 2,
      counters: { enqueued: 6, acked: 0 },
    });
    expect((await peek(handle)).map(text)).toEqual([4, 5, 6].map((n) => `{"order":"${n}","user":"bob"}`));
    const dead = await peek(handle, { state: 'dead' });
    expect(dead.map(({ receiveCount }) => receiveCount)).toEqual([3, 3]);
    expect(dead[0]?.dead).toMatchObject({ from: name, reason: 'delivery_limit', count: 3, replays: 0 });
    expect(await peek(handle, { state: 'in-flight' })).toHaveLength(1);
    expect(await handle.get?.(dead[0]?.id ?? '', signal)).toMatchObject({ state: 'dead' });
    expect(await handle.get?.('no such id', signal)).toBeNull();
    expect((await handle.describe(signal)).consumers).toHaveLength(2);
    for await (const _ of broker.queues(queuePattern([`${name}*`]), { notice, signal }));
  });
  await expectReadOnly(commands);
  expect((await client.xpending(name, 'g', '-', '+', 10)).map((entry) => (entry as unknown[])[3])).toEqual([3, 3, 1]);
});

it('a lag that Redis does not know is unknown, and never 0', async () => {
  const name = fresh('lag');
  const ids: string[] = [];
  for (let n = 0; n < 2500; n += 1) ids.push(String(await client.xadd(name, '*', 'body', String(n))));
  await client.xgroup('CREATE', name, 'g', ids[100] ?? '0');
  expect(await (await queue(name)).stats(signal)).toMatchObject({
    ready: null,
    depth: null,
    notes: { ready: expect.stringContaining('does not know') },
  });
  await client.xgroup('SETID', name, 'g', ids[2000] ?? '0');
  expect(await (await queue(name)).stats(signal)).toMatchObject({ ready: 499 });
});

it('redrives pending entries as new ones, with the id that they had, and counts it', async () => {
  const name = fresh('redrive');
  await stream(name, 3);
  await deliver(name, 2, 2);
  const handle = await queue(name, '?deadDeliveries=2&deadIdle=0ms');
  const [first] = await peek(handle, { state: 'dead' });
  const native = await handle.nativeMove?.(moveRequest({ state: 'dead', countReplay: true }));
  expect(await native?.next({ upTo: 100 })).toEqual({
    moved: 2,
    skipped: [],
    failed: [],
    unknown: [],
    exhausted: true,
  });
  expect(await handle.stats(signal)).toMatchObject({ ready: 3, inFlight: 0, dead: 0 });
  const again = await client.xrange(name, '-', '+');
  expect(again.map(([, fields]) => fields)).toContainEqual([
    'order',
    '1',
    'user',
    'bob',
    'mq-origin-id',
    first?.id,
    'mq-replays',
    '1',
  ]);
  await deliver(name, 10, 2);
  const dead = await peek(handle, { state: 'dead' });
  expect(dead.map((message) => message.dead?.replays)).toEqual([0, 1, 1]);
  expect(text(dead[1] ?? { body: new Uint8Array() })).toBe('{"order":"1","user":"bob"}');
});

it('moves entries between streams with their very fields, binary and repeated ones too', async () => {
  const from = fresh('from');
  const to = fresh('to');
  await client.xgroup('CREATE', from, 'g', '0', 'MKSTREAM');
  await client.xgroup('CREATE', to, 'g', '0', 'MKSTREAM');
  const odd = Buffer.from([0xff, 0x00, 0xfe]);
  await client.xadd(from, '*', 'a', odd, 'a', 'twice', 'body-less', '');
  const broker = await open();
  const [source, target] = [await broker.queue(from, signal), await broker.queue(to, signal)];
  const publisher = await target.publisher?.({ expected: null, lossy: false, notice, signal });
  const consumer = await source.consume?.(consumeOptions());
  for await (const { message, receipt } of consumer ?? []) {
    const copy = { ...outgoing(), ...message, delayMs: null, attempts: null, backoff: null, replays: null };
    expect(publisher?.misfits(copy)).toEqual([]);
    expect(await publisher?.send(copy)).toMatchObject({ status: 'sent' });
    await receipt.ack();
  }
  await consumer?.close();
  await publisher?.close();
  const [[, fields] = ['', []]] = await client.xrangeBuffer(to, '-', '+');
  expect(fields.slice(0, 6)).toEqual([
    Buffer.from('a'),
    odd,
    Buffer.from('a'),
    Buffer.from('twice'),
    Buffer.from('body-less'),
    Buffer.from(''),
  ]);
  expect(await client.xlen(from)).toBe(0);
});

it('does not take entries from another group that has not finished with them', async () => {
  const name = fresh('shared');
  await stream(name, 3);
  await client.xgroup('CREATE', name, 'other', '0');
  const handle = await queue(name, '?group=g');
  await expect(handle.consume?.(consumeOptions())).rejects.toMatchObject({
    code: 'PRECONDITION_FAILED',
    message: expect.stringContaining('other'),
  });
  await expect(handle.nativeMove?.(moveRequest({ to: handle }))).resolves.toBeNull();
  const unnamed = await queue(name);
  expect(await unnamed.stats(signal)).toMatchObject({
    ready: 3,
    notes: { ready: expect.stringContaining('g, other') },
  });
  expect(unnamed.pause).toBeUndefined();
});

it('an entry that a consumer reads while it is in hand is not deleted under it', async () => {
  const name = fresh('race');
  await stream(name, 2);
  const handle = await queue(name);
  const consumer = await handle.consume?.(consumeOptions());
  const results: string[] = [];
  for await (const { receipt } of consumer ?? []) {
    if (results.length === 0) await deliver(name, 1);
    results.push(
      await receipt.ack().then(
        () => 'removed',
        (error: Error) => error.message,
      ),
    );
  }
  await consumer?.close();
  expect(results).toEqual([expect.stringContaining('may be processed twice'), 'removed']);
  expect(await client.xlen(name)).toBe(1);
});

it('purging leaves no pending entry, no lag, and the groups', async () => {
  const name = fresh('purge');
  await stream(name, 5);
  await deliver(name, 2);
  const handle = await queue(name);
  expect(await handle.purge?.({ states: ['ready', 'in-flight', 'dead'], notice, signal })).toEqual({ removed: 5 });
  expect(await handle.stats(signal)).toMatchObject({ ready: 0, inFlight: 0, dead: 0 });
  await client.xadd(name, '*', 'body', 'next');
  expect(await handle.stats(signal)).toMatchObject({ ready: 1 });
  await deliver(name, 5);
  expect(await handle.stats(signal)).toMatchObject({ ready: 0, inFlight: 1 });
});

it('what was trimmed before a group had read it is not counted as ready', async () => {
  const name = fresh('trimmed');
  await stream(name, 10);
  await deliver(name, 2);
  await client.xtrim(name, 'MAXLEN', 3);
  const handle = await queue(name);
  const present = async () => (await peek(handle)).length;
  expect(await handle.stats(signal)).toMatchObject({ ready: 3 });
  expect(await present()).toBe(3);
  await deliver(name, 1);
  expect(await handle.stats(signal)).toMatchObject({ ready: 2 });
  expect(await present()).toBe(2);
  await deliver(name, 2);
  expect(await handle.stats(signal)).toMatchObject({ ready: 0 });
  await client.xadd(name, '*', 'order', '11');
  expect(await handle.stats(signal)).toMatchObject({ ready: 1 });
});

it('a group that is paused, by mq or by someone else, keeps its entries from those who take through another', async () => {
  const name = fresh('others-paused');
  const target = fresh('elsewhere');
  await stream(name, 4);
  await stream(target, 0);
  await client.xgroup('CREATE', name, 'other', '0');
  const paused = await queue(name, '?group=other');
  await paused.pause?.({ reason: null, signal });
  const broker = await open('?group=g');
  const handle = await broker.queue(name, signal);
  const to = await broker.queue(target, signal);
  const refused = { code: 'PRECONDITION_FAILED', message: expect.stringContaining('other') };
  await expect(handle.nativeMove?.(moveRequest({ to }))).rejects.toMatchObject(refused);
  await expect(handle.consume?.(consumeOptions())).rejects.toMatchObject(refused);
  await client.del(...(await client.keys(`mq:paused:*${name}*`)));
  await expect(handle.nativeMove?.(moveRequest({ to }))).rejects.toMatchObject(refused);
  expect(await client.xlen(name)).toBe(4);
});

it('a purge through no group is not offered where there are groups: whose entries are meant has to be said', async () => {
  const name = fresh('purged-for-all');
  await stream(name, 5);
  await client.xgroup('CREATE', name, 'other', '0');
  await deliver(name, 2);
  const handle = await queue(name);
  expect(handle.purge).toBeUndefined();
  expect(handle.capabilities.abilities.purge).toMatchObject({
    supported: false,
    reason: expect.stringContaining('g, other'),
  });
  expect(await client.xlen(name)).toBe(5);
});
