import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import { outgoing } from '../../../src/conformance/messages.ts';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { compileFilter } from '../../../src/core/filter.ts';
import { planMove } from '../../../src/core/move.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { fillWithDeadLetters, takeNumbers } from '../../support/rabbitmq/dead-letters.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

const signal = new AbortController().signal;
const notice = () => undefined;
const COUNT = 3000;

let vhost: RabbitmqVhost;
let broker: Broker;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  const url = vhost.mqUrl;
  broker = await backend.open(url, { connectTimeoutMs: 10_000, notice, signal });
});
afterAll(async () => {
  await broker.close();
  await vhost.remove();
});

async function look(queue: Queue, limit: number): Promise<number[]> {
  const numbers: number[] = [];
  const peek = await queue.peek?.({ state: 'ready', limit, force: false, notice, signal });
  for await (const message of peek ?? []) numbers.push(Number(Buffer.from(message.body).toString()));
  return numbers;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** `0–499 505–2999`: what is in order, as few words as possible. */
function rows(numbers: readonly number[]): string {
  const ends = numbers.flatMap((n, index) => (n + 1 === numbers[index + 1] ? [] : [index]));
  return ends.map((end, row) => `${numbers[row === 0 ? 0 : (ends[row - 1] ?? 0) + 1]}–${numbers[end]}`).join(' ');
}

describe.each(['classic', 'quorum'] as const)('%s: what was given back before', (kind) => {
  test('stays in order when only a part of it is looked at, or a filter stops early', async () => {
    const [name, dlq] = [`returned-${kind}`, `returned-${kind}-dlq`];
    await broker.create?.(name, { kind, deadLetterQueue: dlq, maxReceives: null, settings: {}, signal });
    await fillWithDeadLetters(vhost.url, name, dlq, COUNT);
    const queue = await broker.queue(dlq, signal);
    expect(await look(queue, COUNT)).toEqual(upTo(COUNT));
    // A quorum queue now has them all among the returned ones, which a part that comes back would be put behind.
    expect(await look(queue, 700)).toEqual(upTo(700));
    expect(await look(queue, 10)).toEqual(upTo(10));
    const filter = await compileFilter('int(raw) >= 500');
    const plan = await planRedrive(
      redriveOf(broker, await broker.queue(name, signal), { filter, max: 5, notice, signal }),
    );
    const report = await plan.run({ dryRun: false, onProgress: () => undefined, signal });
    expect(report).toMatchObject({ matched: 5, moved: 5, left: 500, failed: 0 });
    expect(await takeNumbers(vhost.url, name)).toEqual([500, 501, 502, 503, 504]);
    await expect.poll(async () => (await queue.stats(signal)).ready).toBe(COUNT - 5);
    expect(rows(await takeNumbers(vhost.url, dlq))).toBe('0–499 505–2999');
  });

  test('stays in order when some are acknowledged and the consumer stops anywhere', async () => {
    const [name, dlq] = [`stopped-${kind}`, `stopped-${kind}-dlq`];
    await broker.create?.(name, { kind, deadLetterQueue: dlq, maxReceives: null, settings: {}, signal });
    await fillWithDeadLetters(vhost.url, name, dlq, COUNT);
    const queue = await broker.queue(dlq, signal);
    let left = await look(queue, COUNT);
    expect(left).toEqual(upTo(COUNT));
    for (const stopAt of [2347, 1, 499, 500, 501, 1162, 1500, 777]) {
      const consumer = await queue.consume?.({
        ...{ state: 'ready', limit: null, window: 'unbounded', follow: false, idleMs: null },
        ...{ notice, signal },
      });
      if (consumer === undefined) throw new Error('no consumer');
      const acked = new Set<number>();
      let seen = 0;
      for await (const { message, receipt } of consumer) {
        const number = Number(Buffer.from(message.body).toString());
        if (number % 5 === 0) {
          acked.add(number);
          // As a confirmation of the target does, it comes a little later.
          setImmediate(() => receipt.ack());
        } else receipt.hold?.();
        seen += 1;
        if (seen === stopAt) break;
        if (seen % 20 === 0) await new Promise(setImmediate);
      }
      await new Promise(setImmediate);
      await consumer.close();
      left = left.filter((number) => !acked.has(number));
      expect(rows(await look(queue, COUNT)), `after a stop at ${stopAt}`).toBe(rows(left));
    }
  });
});

test('a copy that is interrupted leaves all in a quorum queue, in order, and makes none dead, however often', async () => {
  const [name, dlq, target] = ['copied', 'copied-dlq', 'copies'];
  const settings = { 'x-delivery-limit': 4 };
  await broker.create?.(name, { kind: 'quorum', deadLetterQueue: dlq, maxReceives: null, settings, signal });
  await broker.create?.(target, { kind: 'classic', deadLetterQueue: null, maxReceives: null, settings: {}, signal });
  const [queue, copies, dead] = await Promise.all([name, target, dlq].map((one) => broker.queue(one, signal)));
  if (queue === undefined || copies === undefined || dead === undefined) throw new Error('no queue');
  const count = 200;
  const publisher = await queue.publisher?.({ expected: count, lossy: false, notice, signal });
  for (const n of upTo(count)) await publisher?.send(outgoing({ body: Buffer.from(String(n)) }));
  await publisher?.close();
  let seen: number[] = [];
  for (const stopAt of [1, 57, 120, 30, 199, 80, 3]) {
    const plan = await planMove({
      ...{ ...EVERYTHING, operation: 'copy', source: queue, state: 'ready', only: null, target: copies },
      ...{ max: null, ratePerSec: null, setHeaders: {}, lossy: false, force: true, notice, signal },
    });
    const stop = new AbortController();
    const onProgress = ({ done }: { done: number }) => {
      if (done >= stopAt) stop.abort();
    };
    const report = await plan.run({ dryRun: false, onProgress, signal: stop.signal });
    expect(report).toMatchObject({ complete: false, failed: 0, unknown: 0 });
    await expect.poll(async () => (await queue.stats(signal)).ready).toBe(count);
    expect((await dead.stats(signal)).ready).toBe(0);
    seen = [...seen, report.moved ?? 0];
  }
  expect((await copies.stats(signal)).ready).toBe(seen.reduce((sum, moved) => sum + moved, 0));
  expect(rows(await takeNumbers(vhost.url, name))).toBe(`0–${count - 1}`);
});
