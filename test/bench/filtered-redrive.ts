// A redrive with a filter that is true of one message in a hundred, on a quorum queue: what mq says beforehand that
// looking costs, and what it did cost.
//   npm run bench -- filtered-redrive [MESSAGES]
import amqp from 'amqplib';
import { provision } from '../support/provision.ts';
import { startRabbitmq } from '../support/rabbitmq/server.ts';
import { mq, run } from './measure.ts';

const COUNT = Number(process.argv[2] ?? 100_000);
const LIMIT = 10;
const SAMPLE = 1_000;

const broker = await startRabbitmq(await provision('rabbitmq-server'));
try {
  const connection = await amqp.connect(broker.url);
  const channel = await connection.createConfirmChannel();
  const quorum = { 'x-queue-type': 'quorum' };
  const link = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'work-dlq' };
  await channel.assertQueue('work', { durable: true, arguments: { ...quorum, ...link } });
  await channel.assertQueue('work-dlq', { durable: true, arguments: { ...quorum, 'x-delivery-limit': LIMIT } });
  const death = [{ queue: 'work', reason: 'rejected', count: 1, exchange: '', 'routing-keys': ['work'] }];
  for (let n = 0; n < COUNT; n++) {
    const body = Buffer.from(JSON.stringify({ n, payload: 'x'.repeat(200) }));
    if (!channel.sendToQueue('work-dlq', body, { persistent: true, headers: { 'x-death': death } }))
      await new Promise((resolve) => channel.once('drain', resolve));
  }
  await channel.waitForConfirms();

  const url = `${broker.url}?management=${new URL(broker.managementUrl).origin}`;
  const filter = ['--filter', 'body.n % 100 == 0'];
  const ran = await run(mq('mq redrive', ['--url', url, 'redrive', 'work', ...filter, '--yes', '-o', 'json']), {
    watchMemory: true,
  });
  const report: {
    moved: number;
    left: number;
    failed: number;
    unknown: number;
    durationMs: number;
    complete: boolean;
  } = JSON.parse(ran.stdout);

  // What is left tells itself how often it was delivered.
  const used = new Map<number, number>();
  for (let i = 0; i < SAMPLE; i++) {
    const message = await channel.get('work-dlq');
    if (message === false) break;
    const count = Number(message.properties.headers?.['x-delivery-count'] ?? 0);
    used.set(count, (used.get(count) ?? 0) + 1);
  }
  const [left, back] = await Promise.all([channel.checkQueue('work-dlq'), channel.checkQueue('work')]);
  console.log(`quorum, ${COUNT} dead letters, delivery limit ${LIMIT}`);
  console.log(
    `  told beforehand      ${ran.stderr
      .split('\n')
      .filter((line) => line !== '')
      .join('\n                       ')}`,
  );
  console.log(
    `  moved, left          ${report.moved}, ${report.left} (${report.failed} failed, ${report.unknown} unknown, complete: ${report.complete})`,
  );
  console.log(`  the broker counts    ${back.messageCount} in work, ${left.messageCount + SAMPLE} in work-dlq`);
  console.log(
    `  deliveries used      ${[...used].map(([count, times]) => `${count} by ${times} of ${SAMPLE} sampled`).join(', ')}`,
  );
  console.log(
    `  time                 ${Math.round(report.durationMs)} ms, ${Math.round((COUNT / report.durationMs) * 1000)} looked at a second, ${Math.round(ran.peakMiB)} MiB`,
  );
  await connection.close();
} finally {
  await broker.stop();
}
