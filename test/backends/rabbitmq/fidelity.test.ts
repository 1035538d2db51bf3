import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { backend } from '../../../src/backends/rabbitmq/index.ts';
import { redriveOf } from '../../../src/conformance/redrive.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Message } from '../../../src/contract/message.ts';
import { planMove } from '../../../src/core/move.ts';
import { toOutgoing } from '../../../src/core/outgoing.ts';
import { planRedrive } from '../../../src/core/redrive.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { EVERY_HEADER, everyProperty } from '../../support/rabbitmq/every-type.ts';
import { RawAmqp, rawHeader, rawLong, rawProperties, rawShort, wireLines } from '../../support/rabbitmq/raw-amqp.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

const signal = new AbortController().signal;
const notice = () => undefined;
const run = { dryRun: false, onProgress: () => undefined, signal };

let vhost: RabbitmqVhost;
let broker: Broker;
let raw: RawAmqp;

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  const url = vhost.mqUrl;
  broker = await backend.open(url, { connectTimeoutMs: 10_000, notice, signal });
  raw = await RawAmqp.open(vhost.url);
});

afterAll(async () => {
  await raw[Symbol.asyncDispose]();
  await broker.close();
  await vhost.remove();
});

let serial = 0;
async function queueWithDlq(kind: 'classic' | 'quorum'): Promise<{ name: string; dlq: string }> {
  const name = `fidelity-${kind}-${++serial}`;
  const dlq = `${name}-dlq`;
  await broker.create?.(name, { kind, deadLetterQueue: dlq, maxReceives: null, settings: {}, signal });
  return { name, dlq };
}

async function killAll(name: string, count: number): Promise<void> {
  const { connect } = await import('amqplib');
  const connection = await connect(vhost.url);
  const channel = await connection.createChannel();
  for (let n = 0; n < count; n++) {
    const message = await channel.get(name, { noAck: false });
    if (message === false) throw new Error('nothing to reject');
    channel.nack(message, false, false);
  }
  await channel.close();
  await connection.close();
}

async function redrive(name: string, options: { keepDeathHeaders?: boolean; maxReplays?: number } = {}) {
  const plan = await planRedrive(
    redriveOf(broker, await broker.queue(name, signal), {
      maxReplays: options.maxReplays ?? null,
      keepDeathHeaders: options.keepDeathHeaders ?? false,
      notice,
      signal,
    }),
  );
  return await plan.run(run);
}

async function move(from: string, to: string) {
  const plan = await planMove({
    ...EVERYTHING,
    operation: 'move',
    source: await broker.queue(from, signal),
    target: await broker.queue(to, signal),
    state: 'ready',
    only: null,
    max: null,
    ratePerSec: null,
    setHeaders: {},
    lossy: false,
    notice,
    signal,
  });
  return await plan.run(run);
}

async function readyIn(name: string, count: number): Promise<void> {
  await expect.poll(async () => (await (await broker.queue(name, signal)).stats(signal)).ready).toBe(count);
}

describe.each(['classic', 'quorum'] as const)('%s', (kind) => {
  test('a redriven message has the bytes it had before it died', async () => {
    const { name, dlq } = await queueWithDlq(kind);
    const properties = everyProperty(EVERY_HEADER);
    const body = Buffer.from([0, 255, 10, 13, 128]);
    await raw.publish('', name, properties, body);
    await killAll(name, 1);
    await readyIn(dlq, 1);
    const report = await redrive(name);
    expect(report).toMatchObject({ matched: 1, moved: 1, failed: 0, unknown: 0, complete: true });
    const back = await raw.get(name);
    expect(back?.body).toEqual(body);
    expect(wireLines(back?.properties)).toEqual(wireLines(properties));
    expect(await raw.get(dlq)).toBeNull();
  });

  test('a plain move changes no byte, with marks of death and headers of more than 64 KiB', async () => {
    const { name } = await queueWithDlq(kind);
    const target = `${name}-target`;
    await broker.create?.(target, { kind, deadLetterQueue: null, maxReceives: null, settings: {}, signal });
    const large = rawHeader('large', 'S', rawLong(Buffer.alloc(100_000, 0x61)));
    const death = rawHeader('x-first-death-queue', 'S', rawLong('elsewhere'));
    const sent = [
      everyProperty([...EVERY_HEADER, large]),
      everyProperty([death]),
      rawProperties(0, []),
      rawProperties(0x2000, [rawLong('')]),
      rawProperties(0x1000, [Buffer.from([1])]),
    ];
    // What the broker alone makes of it: 4.0 sorts the headers.
    const alone: (Buffer | undefined)[] = [];
    for (const properties of sent) {
      await raw.publish('', target, properties, Buffer.alloc(0));
      alone.push((await raw.get(target))?.properties);
    }
    for (const [index, properties] of sent.entries())
      await raw.publish('', name, properties, Buffer.alloc(index * 150_000, 98));
    expect(await move(name, target)).toMatchObject({ moved: sent.length, failed: 0, left: 0 });
    for (const [index, properties] of sent.entries()) {
      const got = await raw.get(target);
      expect(wireLines(got?.properties)).toEqual(wireLines(properties));
      // A quorum queue adds its delivery count; on a classic queue not even the order of the bytes may differ.
      if (kind === 'classic') expect(got?.properties.toString('hex')).toBe(alone[index]?.toString('hex'));
      expect(got?.body.length).toBe(index * 150_000);
    }
    expect(await raw.get(name)).toBeNull();
  });

  test('CC would route again, a foreign user-id would be refused: both become headers', async () => {
    const { name } = await queueWithDlq(kind);
    const other = `${name}-other`;
    await broker.create?.(other, { kind, deadLetterQueue: null, maxReceives: null, settings: {}, signal });
    const user = decodeURIComponent(new URL(vhost.url).username);
    const copies = rawLong(Buffer.concat([Buffer.from('S'), rawLong(other)]));
    await raw.publish(
      '',
      name,
      rawProperties(0x2010, [rawLong(rawHeader('CC', 'A', copies)), rawShort(user)]),
      Buffer.from('x'),
    );
    expect(await raw.get(other)).not.toBeNull();
    const target = `${name}-target`;
    await broker.create?.(target, { kind, deadLetterQueue: null, maxReceives: null, settings: {}, signal });
    expect(await move(name, target)).toMatchObject({ moved: 1, failed: 0 });
    const back = await raw.get(target);
    expect(wireLines(back?.properties)).toEqual(
      wireLines(rawProperties(0x2010, [rawLong(rawHeader('x-mq-cc', 'A', copies)), rawShort(user)])),
    );
    expect(await raw.get(other)).toBeNull();
  });

  test('a changed header is encoded afresh, the others keep their bytes', async () => {
    const { name } = await queueWithDlq(kind);
    await raw.publish('', name, everyProperty(EVERY_HEADER), Buffer.from('x'));
    const queue = await broker.queue(name, signal);
    const message = await first(queue.peek?.({ state: 'ready', limit: 1, force: true, notice, signal }));
    const { text: _removed, ...rest } = message.headers;
    const publisher = await queue.publisher?.({ expected: null, lossy: false, notice, signal });
    const outcome = await publisher?.send(
      toOutgoing({ ...message, headers: { ...rest, int8: 5, added: 'new' } }, { setHeaders: {}, countReplay: true }),
    );
    await publisher?.close();
    expect(outcome).toEqual({ status: 'sent', id: 'id-1' });
    await raw.get(name);
    const expected = EVERY_HEADER.slice(1).map((entry) =>
      entry.subarray(1, 5).toString() === 'int8' ? rawHeader('int8', 'I', Buffer.from([0, 0, 0, 5])) : entry,
    );
    expected.push(rawHeader('added', 'S', rawLong('new')), rawHeader('x-mq-replays', 'I', Buffer.from([0, 0, 0, 1])));
    expect(wireLines((await raw.get(name))?.properties)).toEqual(wireLines(everyProperty(expected)));
  });

  test('an envelope through JSON and back changes no byte', async () => {
    const { name } = await queueWithDlq(kind);
    const properties = everyProperty(EVERY_HEADER);
    await raw.publish('', name, properties, Buffer.from('x'));
    const queue = await broker.queue(name, signal);
    const message = await first(queue.peek?.({ state: 'ready', limit: 1, force: true, notice, signal }));
    const { body, ...rest } = message;
    const again: Message = { ...JSON.parse(JSON.stringify(rest)), body };
    const publisher = await queue.publisher?.({ expected: null, lossy: false, notice, signal });
    await publisher?.send(toOutgoing(again, { setHeaders: {}, countReplay: false }));
    await publisher?.close();
    await raw.get(name);
    expect(wireLines((await raw.get(name))?.properties)).toEqual(wireLines(properties));
  });

  test('replays are counted when asked, and death headers kept when asked', async () => {
    const { name, dlq } = await queueWithDlq(kind);
    await raw.publish('', name, rawProperties(0x2000, [rawLong('')]), Buffer.from('x'));
    for (const replays of [1, 2]) {
      await killAll(name, 1);
      await readyIn(dlq, 1);
      await redrive(name, { maxReplays: 5, keepDeathHeaders: replays === 2 });
    }
    const message = await first(
      (await broker.queue(name, signal)).peek?.({ state: 'ready', limit: 1, force: true, notice, signal }),
    );
    expect(message.headers['x-mq-replays']).toBe(2);
    expect(message.headers['x-death']).toMatchObject([{ queue: name, reason: 'rejected' }]);
    // It is back where it died, so it is not dead any more.
    expect(message.dead).toBeNull();
  });
});

async function first(peeking: Promise<AsyncIterable<Message>> | undefined): Promise<Message> {
  let found: Message | null = null;
  for await (const message of (await peeking) ?? []) found = message;
  if (found === null) throw new Error('nothing to see');
  return found;
}
