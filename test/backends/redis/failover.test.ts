import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { backend } from '../../../src/backends/redis/index.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { freePort } from '../../support/free-port.ts';
import { after, consumeOptions, moveRequest, notice, peek, signal, text } from '../../support/redis/lab.ts';
import { startRedis } from '../../support/redis/server.ts';
import { startProcess } from '../../support/server-process.ts';
import { redisProgram } from '../../support/servers.ts';

const program = await redisProgram();
const settings = { 'repl-diskless-sync-delay': '0' };

/**
 * Sentinel promotes a replica a second or so before it tells anybody; what the old master confirms meanwhile is undone.
 */
describe('a replica that is made the master before Sentinel has told', async () => {
  // Without INFO this Sentinel never hears of the replica, and so does not make one of it again.
  const master = await startRedis(program, { settings: { ...settings, 'rename-command': 'INFO ""' } });
  const replica = await startRedis(program, { settings });
  const [old, other] = [new Redis(master.url, { enableReadyCheck: false }), new Redis(replica.url)];
  const port = await freePort();
  const configuration = join(master.folder, 'sentinel.conf');
  await writeFile(
    configuration,
    `port ${port}\nbind 127.0.0.1\ndir ${master.folder}\nsentinel monitor orders 127.0.0.1 ${master.port} 1\n`,
  );
  const sentinel = startProcess(program, [configuration, '--sentinel'], master.folder);
  const orders = async (login = ''): Promise<Broker> => {
    const url = `redis://${login}127.0.0.1:${port}/0?sentinel=orders&kind=list`;
    // The replicas have half of the time-out. One that has just come answers only once a second.
    const broker = await backend.open(url, { connectTimeoutMs: 5_000, timeoutMs: 4_000, notice, signal });
    after(() => broker.close());
    return broker;
  };
  let source: Queue;
  let target: Queue;

  beforeEach(async () => {
    await old.replicaof('NO', 'ONE');
    await other.replicaof('127.0.0.1', master.port);
    await old.flushall();
    await old.rpush('from', 'a', 'b', 'c');
    await expect.poll(() => other.llen('from'), { timeout: 10_000 }).toBe(3);
    await expect.poll(() => old.wait(1, 100), { timeout: 10_000 }).toBe(1);
    await expect.poll(() => orders().then(() => true), { timeout: 10_000 }).toBe(true);
    const broker = await orders();
    [source, target] = [await broker.queue('from', signal), await broker.queue('to', signal)];
  });
  afterAll(async () => {
    old.disconnect();
    other.disconnect();
    await sentinel.stop({ keepFolder: true });
    await replica.stop();
    await master.stop();
  });
  const promote = () => other.replicaof('NO', 'ONE');
  const reason = expect.stringContaining('not all replicas have confirmed it (0 of 1)');

  it('what is sent to the old one is uncertain', async () => {
    const publisher = await target.publisher?.({ expected: null, lossy: false, notice, signal });
    expect(await publisher?.send(outgoing())).toMatchObject({ status: 'sent' });
    await promote();
    expect(await publisher?.send(outgoing())).toEqual({ status: 'unknown', reason });
    expect(await publisher?.sendAll?.([outgoing()])).toEqual([{ status: 'unknown', reason }]);
    await publisher?.close();
    expect(await other.llen('to')).toBe(1);
  });

  it('so is what is moved there, and what is taken out', async () => {
    const move = await source.nativeMove?.(moveRequest({ to: target }));
    expect(await move?.next({ upTo: 1 })).toMatchObject({ moved: 1 });
    const consumer = await source.consume?.(consumeOptions());
    for await (const { receipt } of consumer ?? []) {
      await promote();
      await expect(receipt.ack()).rejects.toMatchObject({ code: 'UNAVAILABLE', message: reason });
      break;
    }
    await consumer?.close();
    expect(await move?.next({ upTo: 1 })).toMatchObject({ moved: 0, unknown: [{ reason }] });
    expect([await other.llen('from'), await other.llen('to')]).toEqual([2, 1]);
  });

  it('a purge of the old one is not called complete, unless no replica was there from the start', async () => {
    const told: string[] = [];
    const purge = (queue: Queue) =>
      queue.purge?.({ states: ['ready'], notice: (said) => void told.push(said), signal });
    expect(await purge(target)).toEqual({ removed: 0 });
    await promote();
    expect(await purge(source)).toEqual({ removed: 3, complete: false });
    expect(told).toEqual([reason]);
    expect(await other.llen('from')).toBe(3);
    await old.rpush('from', 'd');
    const alone = await (await orders()).queue('from', signal);
    expect(await purge(alone)).toEqual({ removed: 1 });
  });

  it.each(['role and wait', 'wait'])('without the right to %s: a send is refused, or lossy', async (rights) => {
    await old.acl(
      'SETUSER',
      'limited',
      'reset',
      'on',
      '>secret',
      '~*',
      '&*',
      '+@all',
      ...rights.split(' and ').map((name) => `-${name}`),
    );
    const broker = await orders('limited:secret@');
    const [from, to] = [await broker.queue('from', signal), await broker.queue('to', signal)];
    const told: string[] = [];
    const options = { notice: (said: string): void => void told.push(said), signal };
    const unknown = 'it is not known whether the replicas have what is written (no right to ROLE or WAIT)';

    expect(await from.stats(signal)).toMatchObject({ ready: 3 });
    expect((await peek(from)).map(text)).toEqual(['c', 'b', 'a']);
    const refused = to.publisher?.({ expected: null, lossy: false, ...options });
    await expect(refused).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      message: `${unknown}: a failover may lose what is sent`,
      hint: expect.stringContaining('--lossy'),
    });
    expect([told, await old.llen('to')]).toEqual([[], 0]);

    const publisher = await to.publisher?.({ expected: null, lossy: true, ...options });
    expect(await publisher?.send(outgoing())).toMatchObject({ status: 'sent' });
    await publisher?.close();
    // What a failover undoes of these comes back: nothing is lost.
    const move = await from.nativeMove?.(moveRequest({ to, ...options }));
    expect(await move?.next({ upTo: 1 })).toMatchObject({ moved: 1 });
    const consumer = await from.consume?.(consumeOptions({ limit: 1, ...options }));
    for await (const { receipt } of consumer ?? []) await receipt.ack();
    await consumer?.close();
    expect(await from.purge?.({ states: ['ready'], ...options })).toEqual({ removed: 1 });
    expect(told).toEqual([`${unknown}: a failover may undo it`]);
    expect([await old.llen('from'), await old.llen('to')]).toEqual([0, 2]);
  });

  it('one that is a replica itself by now refuses, and says what it is', async () => {
    await promote();
    await old.replicaof('127.0.0.1', replica.port);
    const publisher = await target.publisher?.({ expected: null, lossy: false, notice, signal });
    expect(await publisher?.send(outgoing())).toMatchObject({
      status: 'failed',
      reason: expect.stringContaining('read-only replica'),
    });
    await publisher?.close();
  });
});
