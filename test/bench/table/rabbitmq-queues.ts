// RabbitMQ with very many queues: the list of all, and one of them, which must not cost more for the others.
// The view and Tab over as many: npm run bench -- rabbitmq-many.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import amqp from 'amqplib';
import { provision } from '../../support/provision.ts';
import { declareMany } from '../../support/rabbitmq/many-queues.ts';
import { rabbitmqadmin } from '../../support/rabbitmq/rabbitmqadmin.ts';
import { startRabbitmq } from '../../support/rabbitmq/server.ts';
import { type Command, inTurn, mq, run } from '../measure.ts';
import type { Line } from './line.ts';

const ROUNDS = 7;
const DEAD_LETTERS = 100;

export default async function* (): AsyncGenerator<Line> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-queues-'));
  const program = await provision('rabbitmq-server');
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const brokerWith = async (queues: number) => {
    const broker = await startRabbitmq(program, { usualFigures: true });
    stack.defer(() => broker.stop());
    await declareMany(broker, queues);
    const connection = await amqp.connect(broker.url);
    stack.defer(() => connection.close());
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('orders.dead', { durable: true });
    await channel.assertQueue('orders', { durable: true, deadLetterExchange: '', deadLetterRoutingKey: 'orders.dead' });
    for (let sent = 0; sent < DEAD_LETTERS; sent++) channel.sendToQueue('orders', Buffer.from(`${sent}`));
    await channel.waitForConfirms();
    const env = { HOME: folder, MQ_URL: `${broker.url}?management=${encodeURIComponent(broker.managementUrl)}` };
    const one = (...args: string[]): Command => mq(`${args[0]}, ${queues} queues`, args, env);
    return { broker, channel, one };
  };
  const few = await brokerWith(10);
  const many = await brokerWith(5_000);
  // Until the first figures of all queues are there.
  await sleep(12_000);
  const note = `RabbitMQ ${many.broker.version}`;
  const facts = { against: 'with 10', goal: { atMost: 1.2 }, unit: 'ms', note } as const;
  const [theirStats = [], ourStats = []] = await inTurn(
    [few.one('stats', 'orders'), many.one('stats', 'orders')],
    ROUNDS,
  );
  yield { work: 'stats ONE with 5,000 queues on the vhost', ours: ourStats, theirs: theirStats, ...facts };
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = -1; round < ROUNDS; round++)
    for (const [{ channel, one }, times] of [
      [few, theirs],
      [many, ours],
    ] as const) {
      await letDie(channel);
      const { wallMs } = await run(one('redrive', 'orders', '--yes'));
      if (round >= 0) times.push(wallMs);
    }
  yield { work: `redrive ONE (${DEAD_LETTERS} messages) with 5,000 queues on the vhost`, ours, theirs, ...facts };
  await declareMany(many.broker, 10_000);
  await sleep(12_000);
  const admin = await rabbitmqadmin(many.broker.managementUrl, folder);
  const listed: Command = { name: 'rabbitmqadmin', program: admin.program, args: [...admin.args, 'list', 'queues'] };
  const [all = [], theirList = []] = await inTurn([many.one('ls'), listed], 5);
  yield {
    ...{ work: 'ls of 10,000 RabbitMQ queues', against: 'rabbitmqadmin list queues (Python)', goal: { atMost: 1.2 } },
    ...{ ours: all, theirs: theirList, unit: 'ms', note },
  };
}

/** Every message of `orders` fails once more. */
async function letDie(channel: amqp.Channel): Promise<void> {
  for (let died = 0; died < DEAD_LETTERS; ) {
    const got = await channel.get('orders');
    if (got === false) continue;
    channel.nack(got, false, false);
    died += 1;
  }
  while ((await channel.checkQueue('orders.dead')).messageCount < DEAD_LETTERS) await sleep(10);
}
