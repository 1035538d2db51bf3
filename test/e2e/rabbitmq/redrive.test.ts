import { type ConsumeMessage, connect } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Report } from '../../../src/core/report.ts';
import { jsonOf, runMq } from '../../support/mq.ts';
import { readyOn } from '../../support/rabbitmq/channel.ts';
import { RawAmqp, rawHeader, rawLong, rawProperties, rawShort, wireLines } from '../../support/rabbitmq/raw-amqp.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

/**
 * The main job, as an operator does it: a real consumer rejected some of ten thousand messages; those that a fix
 * concerns go back first, then the rest. What is compared are the bytes on the wire, read by a client that shares no
 * code with `mq`.
 */
const COUNT = 10_000;
const isRejected = (n: number): boolean => n % 4 === 1;
const isTimeout = (n: number): boolean => n % 8 === 1;

let vhost: RabbitmqVhost;
let target: readonly string[];

beforeAll(async () => {
  vhost = await rabbitmqVhost();
  target = ['--url', vhost.mqUrl];
});
afterAll(() => vhost.remove());

/**
 * Typed headers that JavaScript clients change when they re-publish: a small int64, one beyond 2^53, a float, bytes
 * that are no text.
 */
function propertiesOf(n: number): Buffer {
  const int64 = Buffer.alloc(8);
  int64.writeBigInt64BE(BigInt(n));
  const float = Buffer.alloc(4);
  float.writeFloatBE(n / 3);
  const headers = [
    rawHeader('n', 'l', int64),
    rawHeader('huge', 'l', Buffer.from('7fffffffffffffff', 'hex')),
    rawHeader('share', 'f', float),
    rawHeader('raw', 'S', rawLong(Buffer.from([0xff, 0, 0x80]))),
    rawHeader('cause', 'S', rawLong(isTimeout(n) ? 'timeout' : 'refused')),
  ];
  // content-type, headers, delivery-mode 2, message-id
  return rawProperties(0b1011_0000_1000_0000, [
    rawShort('application/json'),
    rawLong(Buffer.concat(headers)),
    Buffer.from([2]),
    rawShort(`m-${n}`),
  ]);
}

const bodyOf = (n: number): Buffer => Buffer.from(`{"n":${n},"cause":"${isTimeout(n) ? 'timeout' : 'refused'}"}`);

async function publishAll(queue: string): Promise<void> {
  await using raw = await RawAmqp.open(vhost.url);
  await raw.publishAll(
    queue,
    Array.from({ length: COUNT }, (_, n) => ({ properties: propertiesOf(n), body: bodyOf(n) })),
  );
}

/**
 * A consumer as applications have them: acks what it can do, rejects what it cannot. Ends when it has seen every
 * message once.
 */
async function consumeAll(queue: string): Promise<void> {
  const connection = await connect(vhost.url);
  const channel = await connection.createChannel();
  await channel.prefetch(200);
  let seen = 0;
  await new Promise<void>((resolve, reject) => {
    const take = (message: ConsumeMessage | null): void => {
      if (message === null) throw new Error('cancelled');
      if (isRejected((JSON.parse(message.content.toString()) as { n: number }).n)) channel.nack(message, false, false);
      else channel.ack(message);
      seen += 1;
      if (seen === COUNT) resolve();
    };
    channel.consume(queue, take, { consumerTag: 'worker' }).catch(reject);
  });
  // In this order: a channel that closes right after its last acks brings some of them back.
  await channel.cancel('worker');
  await channel.close();
  await connection.close();
}

const depth = (queue: string): Promise<number> => readyOn(vhost.url, queue);

async function takeAll(
  queue: string,
): Promise<{ readonly n: number; readonly body: string; readonly wire: readonly string[] }[]> {
  await using raw = await RawAmqp.open(vhost.url);
  const taken = [];
  for (let message = await raw.get(queue); message !== null; message = await raw.get(queue)) {
    const { n } = JSON.parse(message.body.toString()) as { n: number };
    taken.push({ n, body: message.body.toString(), wire: wireLines(message.properties) });
  }
  return taken;
}

const numbers = (accepts: (n: number) => boolean): number[] =>
  Array.from({ length: COUNT }, (_, n) => n).filter(accepts);

describe.each(['classic', 'quorum'])('%s', (kind) => {
  test('the right dead letters go back, whole, and the others stay in order', { timeout: 240_000 }, async () => {
    const queue = `orders of ${kind}`;
    const created = await runMq([...target, 'create', queue, '--kind', kind, '--dlq', `${queue}-dlq`]);
    expect(created).toMatchObject({ code: 0 });
    await publishAll(queue);
    await consumeAll(queue);
    const dead = numbers(isRejected);
    await expect.poll(() => depth(`${queue}-dlq`), { timeout: 20_000 }).toBe(dead.length);

    // What would be moved: nothing moves.
    const filter = 'headers.cause == "timeout" && body.n >= 4000.0';
    const wanted = numbers((n) => isTimeout(n) && n >= 4000);
    const planned = await jsonOf<Report>([...target, 'redrive', queue, '--filter', filter, '--dry-run', '-o', 'json']);
    expect(planned).toMatchObject({
      dryRun: true,
      matched: wanted.length,
      moved: wanted.length,
      left: dead.length - wanted.length,
    });
    // What a look gave back is counted a moment later by a quorum queue, and the next one begins with that count.
    await expect.poll(() => depth(`${queue}-dlq`)).toBe(dead.length);
    expect(await jsonOf<Report>([...target, 'redrive', queue, '--dry-run', '-o', 'json'])).toMatchObject({
      matched: dead.length,
    });
    await expect.poll(() => depth(`${queue}-dlq`)).toBe(dead.length);
    expect(await depth(queue)).toBe(0);

    // Some of them.
    const some = await jsonOf<Report>([
      ...target,
      'redrive',
      queue,
      '--filter',
      filter,
      '--max',
      '300',
      '--yes',
      '-o',
      'json',
    ]);
    expect(some).toMatchObject({
      operation: 'redrive',
      from: `${queue}-dlq`,
      to: [queue],
      matched: 300,
      moved: 300,
      skipped: 0,
      failed: 0,
      unknown: 0,
      complete: true,
    });
    expect(await depth(queue)).toBe(300);
    await expect.poll(() => depth(`${queue}-dlq`)).toBe(dead.length - 300);
    const back = await takeAll(queue);
    expect(back.map(({ n }) => n)).toEqual(wanted.slice(0, 300));

    // The others are still in the order in which they died; looking at them says so without taking any.
    const left = dead.filter((n) => !wanted.slice(0, 300).includes(n));
    const peeked = await runMq([...target, 'peek', `${queue}-dlq`, '-n', '1000', '-o', 'ndjson']);
    expect(peeked.stderr).toContain('redelivered');
    const seen = peeked.stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse((JSON.parse(line) as { body: string }).body) as { n: number }).n);
    expect(seen).toEqual(left.slice(0, 1000));

    // The rest.
    await expect.poll(() => depth(`${queue}-dlq`)).toBe(left.length);
    const rest = await jsonOf<Report>([...target, 'redrive', queue, '--yes', '-o', 'json']);
    expect(rest).toMatchObject({
      matched: left.length,
      moved: left.length,
      left: 0,
      failed: 0,
      unknown: 0,
      complete: true,
    });
    expect(await depth(`${queue}-dlq`)).toBe(0);
    const returned = await takeAll(queue);
    expect(returned.map(({ n }) => n)).toEqual(left);

    for (const { n, body, wire } of [...back, ...returned]) {
      expect(body).toBe(bodyOf(n).toString());
      expect(wire).toEqual(wireLines(propertiesOf(n)));
    }
    // Nothing to do is done.
    expect(await jsonOf<Report>([...target, 'redrive', queue, '--yes', '-o', 'json'])).toMatchObject({
      matched: 0,
      complete: true,
    });
  });
});
