import { expect, onTestFinished, test } from 'vitest';
import type { Delivery } from '../../../src/contract/message.ts';
import { type Child, startChild } from '../../support/sqlite/child.ts';
import {
  ack,
  bodies,
  collect,
  consume,
  consumer,
  counts,
  createQueue,
  newPath,
  newQueue,
  notice,
  openBroker,
  peek,
  send,
  sendBodies,
  signal,
  text,
  until,
} from '../../support/sqlite/lab.ts';

/** Started, and ended by its own id when the test is over, however that ends. */
function start(script: string): Child {
  const child = startChild(script);
  onTestFinished(() => {
    child.process.kill('SIGKILL');
  });
  return child;
}

function worker(path: string, name: string): Child {
  return start(`
    const broker = await open(${JSON.stringify(path)});
    const queue = await broker.queue('q', signal);
    const consumer = await queue.consume({ ...consumeOptions, window: 50 });
    const lines = [];
    const acks = [];
    for await (const { message, receipt } of consumer) {
      lines.push(Buffer.from(message.body).toString());
      acks.push(receipt.ack());
      if (acks.length === 50) await Promise.all(acks.splice(0));
    }
    await Promise.all(acks);
    await consumer.close();
    await broker.close();
    console.log(lines.join('\\n'));
  // ${name}
  `);
}

test('four processes that consume 20,000 messages at once take each of them once', { timeout: 60_000 }, async () => {
  const path = newPath();
  const queue = await newQueue({}, path);
  await sendBodies(queue, 20_000);
  const workers = ['a', 'b', 'c', 'd'].map((name) => worker(path, name));
  expect(await Promise.all(workers.map((child) => child.ended()))).toEqual([0, 0, 0, 0]);
  const taken = workers.flatMap((child) =>
    child
      .output()
      .split('\n')
      .filter((line) => line !== ''),
  );
  expect(taken).toHaveLength(20_000);
  expect(new Set(taken).size).toBe(20_000);
  expect(await counts(queue)).toEqual([0, 0, 0, 0]);
  expect((await queue.stats(signal)).counters).toEqual({ enqueued: 20_000, acked: 20_000, failed: 0 });
});

test('processes that send, consume and move at once lose nothing', { timeout: 60_000 }, async () => {
  const path = newPath();
  const broker = await openBroker(path);
  const [from, to] = [await createQueue(broker, 'q'), await createQueue(broker, 'to')];
  const senders = ['x', 'y'].map((prefix) =>
    start(`
      const broker = await open(${JSON.stringify(path)});
      const queue = await broker.queue('q', signal);
      const publisher = await queue.publisher({ expected: null, lossy: false, notice, signal });
      for (let i = 0; i < 3000; i += 100) {
        const outcomes = await Promise.all(Array.from({ length: 100 }, (_, j) => publisher.send(outgoing({ body: Buffer.from('${prefix}' + (i + j)) }))));
        if (outcomes.some(({ status }) => status !== 'sent')) throw new Error(JSON.stringify(outcomes));
      }
      await broker.close();
    `),
  );
  const consuming = worker(path, 'c');
  let moved = 0;
  let running = true;
  const ends = Promise.all([...senders, consuming].map((child) => child.ended())).finally(() => {
    running = false;
  });
  while (running) {
    const move = await from.nativeMove?.({
      state: 'ready',
      to,
      selective: false,
      limit: null,
      countReplay: false,
      notice,
      signal,
    });
    moved += (await move?.next({ upTo: 70 }))?.moved ?? 0;
  }
  expect(await ends).toEqual([0, 0, 0]);
  const taken = consuming
    .output()
    .split('\n')
    .filter((line) => line !== '');
  const all = [...taken, ...(await bodies(from)), ...(await bodies(to))];
  expect(all).toHaveLength(6000);
  expect(new Set(all).size).toBe(6000);
  expect(await counts(to)).toEqual([moved, 0, 0, 0]);
});

test('what a killed process held is delivered again after its lease, and nothing is lost', {
  timeout: 60_000,
}, async () => {
  const path = newPath();
  const queue = await newQueue({ leaseMs: 1000 }, path);
  await sendBodies(queue, 1000);
  const victim = start(`
    const broker = await open(${JSON.stringify(path)});
    const queue = await broker.queue('q', signal);
    let acked = 0;
    for await (const { message, receipt } of await queue.consume(consumeOptions)) {
      await receipt.ack();
      console.log('acked ' + Buffer.from(message.body).toString());
      if (++acked === 250) await new Promise(() => setInterval(() => {}, 1000));
    }
  `);
  await victim.printed('acked 249\n');
  victim.process.kill('SIGKILL');
  expect(await victim.ended()).toBe('SIGKILL');
  const receives = new Map<number, number | null>();
  while (receives.size < 750) {
    await consume(queue, async ({ message, receipt }) => {
      const body = Number(text(message));
      expect(receives.has(body), `${body} twice`).toBe(false);
      receives.set(body, message.receiveCount);
      await receipt.ack();
    });
    const { ready, inFlight } = await queue.stats(signal);
    expect((ready ?? 0) + (inFlight ?? 0)).toBe(750 - receives.size);
    await until(Date.now() + 20);
  }
  expect([...receives.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 750 }, (_, i) => i + 250));
  // It had claimed three windows of 100 and acked 250 of them.
  const secondTime = [...receives].filter(([, count]) => count === 2).map(([body]) => body);
  expect(secondTime.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i + 250));
  expect(await counts(queue)).toEqual([0, 0, 0, 0]);
});

test('a message whose holders die again and again is dead, and readers see it as soon as the lease is over', {
  timeout: 60_000,
}, async () => {
  const path = newPath();
  const queue = await newQueue({ leaseMs: 300, maxReceives: 2 }, path);
  await send(queue, { id: 'killer' });
  for (let life = 1; life <= 2; life++) {
    const victim = start(`
      const broker = await open(${JSON.stringify(path)});
      const queue = await broker.queue('q', signal);
      for await (const { message } of await queue.consume({ ...consumeOptions, follow: true })) {
        console.log('holding ' + message.receiveCount);
        await new Promise(() => setInterval(() => {}, 1000));
      }
    `);
    await victim.printed(`holding ${life}\n`);
    victim.process.kill('SIGKILL');
    await victim.ended();
  }
  while ((await counts(queue))[1] === 1) await until(Date.now() + 20);
  const before = await peek(queue, 'dead');
  expect(before).toMatchObject([
    { id: 'killer', receiveCount: 2, dead: { from: 'q', reason: 'max_receives', error: 'lease expired', count: 1 } },
  ]);
  expect(await consume(queue, ack)).toEqual([]);
  expect(await peek(queue, 'dead')).toEqual(before);
});

test('a process that stood still beyond its lease cannot ack what others hold meanwhile', {
  timeout: 60_000,
}, async () => {
  const path = newPath();
  // Also that of the taker below, which must not stand still for so long.
  const queue = await newQueue({ leaseMs: 1_500 }, path);
  await sendBodies(queue, 2);
  const sleeper = start(`
    const broker = await open(${JSON.stringify(path)});
    const queue = await broker.queue('q', signal);
    const consumer = await queue.consume(consumeOptions);
    for await (const { receipt } of consumer) {
      const woken = new Promise((resolve) => process.once('SIGUSR2', resolve));
      const alive = setInterval(() => {}, 1000);
      console.log('holding');
      await woken;
      clearInterval(alive);
      console.log(await receipt.ack().then(() => 'acked', (error) => error.code));
      break;
    }
    await consumer.close();
    await broker.close();
  `);
  await sleeper.printed('holding\n');
  sleeper.process.kill('SIGSTOP');
  while ((await counts(queue))[1] !== 0) await until(Date.now() + 20);
  const taker = await consumer(queue, { window: 'unbounded' });
  const held: Delivery[] = [];
  for await (const delivery of taker) held.push(delivery);
  expect(held.map(({ message }) => message.receiveCount)).toEqual([2, 2]);
  sleeper.process.kill('SIGUSR2');
  sleeper.process.kill('SIGCONT');
  expect(await sleeper.ended()).toBe(0);
  expect(sleeper.output()).toBe('holding\nPRECONDITION_FAILED\n');
  expect(await counts(queue)).toEqual([0, 2, 0, 0]);
  for (const { receipt } of held) await receipt.ack();
  await taker.close();
  expect((await queue.stats(signal)).counters).toEqual({ enqueued: 2, acked: 2, failed: 2 });
});

test('what was confirmed before a kill is there', { timeout: 60_000 }, async () => {
  const path = newPath();
  const queue = await newQueue({}, path);
  const sender = start(`
    const broker = await open(${JSON.stringify(path)});
    const queue = await broker.queue('q', signal);
    const publisher = await queue.publisher({ expected: null, lossy: false, notice, signal });
    for (let i = 0; ; i++) {
      await publisher.send(outgoing({ body: Buffer.from(String(i)) }));
      console.log('sent ' + i);
    }
  `);
  await sender.printed('sent 100\n');
  sender.process.kill('SIGKILL');
  await sender.ended();
  const confirmed = sender.output().match(/sent \d+(?=\n)/g)?.length ?? 0;
  const there = await bodies(queue);
  expect(there.length).toBeGreaterThanOrEqual(confirmed);
  expect(there).toEqual(Array.from({ length: there.length }, (_, i) => String(i)));
});

test('eight processes that create one file at once make one file, each with its own queue', {
  timeout: 60_000,
}, async () => {
  const path = newPath();
  const names = Array.from({ length: 8 }, (_, i) => `q${i}`);
  const go = Date.now() + 700;
  const creators = names.map((name) =>
    start(`
      const broker = await open(${JSON.stringify(path)});
      while (Date.now() < ${go});
      await create(broker, '${name}');
      const queue = await broker.queue('${name}', signal);
      const publisher = await queue.publisher({ expected: null, lossy: false, notice, signal });
      console.log((await publisher.send(outgoing({}))).status);
      await create(broker, 'shared').then(() => console.log('created'), (error) => console.log(error.code));
      await broker.close();
    `),
  );
  expect(await Promise.all(creators.map((child) => child.ended()))).toEqual(names.map(() => 0));
  const outputs = creators.map((child) => child.output()).sort();
  expect(outputs).toEqual(['sent\ncreated\n', ...Array.from({ length: 7 }, () => 'sent\nALREADY_EXISTS\n')].sort());
  const broker = await openBroker(path);
  const all = await collect(broker.queues({ globs: ['*'], matches: () => true }, { notice, signal }));
  expect(all.map(({ queue, ready }) => [queue, ready])).toEqual([...names.map((name) => [name, 1]), ['shared', 0]]);
});
