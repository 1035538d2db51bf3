// Redrive of 50,000 × 1 KiB on RabbitMQ against the shovel in its safe mode (on-confirm), in turn in the same run:
//   npm run bench -- redrive-shovel [classic|quorum]
import { setTimeout as wait } from 'node:timers/promises';
import amqp from 'amqplib';
import { provision } from '../support/provision.ts';
import { managementRequest } from '../support/rabbitmq/management.ts';
import { startRabbitmq } from '../support/rabbitmq/server.ts';
import { median, mq, run } from './measure.ts';

const COUNT = 50_000;
const ROUNDS = 3;
const kind = process.argv[2] === 'classic' ? 'classic' : 'quorum';

const broker = await startRabbitmq(await provision('rabbitmq-server'));
try {
  const connection = await amqp.connect(broker.url);
  const channel = await connection.createConfirmChannel();
  const type = { durable: true, arguments: { 'x-queue-type': kind } };
  await channel.assertQueue('work', {
    ...type,
    arguments: { ...type.arguments, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'work-dlq' },
  });
  await channel.assertQueue('work-dlq', type);

  const fill = async (): Promise<void> => {
    await channel.purgeQueue('work');
    const body = Buffer.alloc(1024, 'x');
    const death = [{ queue: 'work', reason: 'rejected', count: 1, exchange: '', 'routing-keys': ['work'] }];
    for (let i = 0; i < COUNT; i++) {
      const room = channel.sendToQueue('work-dlq', body, {
        persistent: true,
        messageId: String(i),
        headers: { 'x-death': death },
      });
      if (!room) await new Promise((resolve) => channel.once('drain', resolve));
    }
    await channel.waitForConfirms();
  };
  const arrived = async (): Promise<number> => (await channel.checkQueue('work')).messageCount;

  const byMq = async (): Promise<number> => {
    const url = `${broker.url}?management=${new URL(broker.managementUrl).origin}`;
    const { stdout } = await run(mq('mq redrive', ['--url', url, 'redrive', 'work', '--yes', '-o', 'json']));
    const report: { moved: number; durationMs: number } = JSON.parse(stdout);
    if (report.moved !== COUNT || (await arrived()) !== COUNT) throw new Error(`moved ${report.moved}`);
    return (report.moved / report.durationMs) * 1000;
  };
  const byShovel = async (): Promise<number> => {
    const value = {
      'src-uri': broker.url,
      'dest-uri': broker.url,
      'src-queue': 'work-dlq',
      'dest-queue': 'work',
      'src-delete-after': 'queue-length',
      'ack-mode': 'on-confirm',
      'src-prefetch-count': 1000,
    };
    const start = performance.now();
    await managementRequest(broker.managementUrl, 'PUT', '/api/parameters/shovel/%2F/bench', { value });
    while ((await arrived()) < COUNT) await wait(5);
    return (COUNT / (performance.now() - start)) * 1000;
  };

  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await fill();
    const ours = await byMq();
    await fill();
    const shovels = await byShovel();
    ratios.push(ours / shovels);
    process.stdout.write(
      `${kind} round ${round + 1}: mq redrive ${Math.round(ours)}/s, shovel on-confirm ${Math.round(shovels)}/s, ratio ${(ours / shovels).toFixed(2)}\n`,
    );
  }
  process.stdout.write(`${kind}: median ratio ${median(ratios).toFixed(2)} (goal: at least 0.8)\n`);
  await connection.close();
} finally {
  await broker.stop();
}
