// What a one-shot command costs, against an empty Node program in the same run:
//   npm run bench -- one-shot
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provision } from '../support/provision.ts';
import { startRabbitmq } from '../support/rabbitmq/server.ts';
import { compare, EMPTY, mq, run } from './measure.ts';

const folder = mkdtempSync(join(tmpdir(), 'mq-bench-'));
const rabbitmq = await startRabbitmq(await provision('rabbitmq-server'));
try {
  const sqlite = ['--url', `sqlite:${join(folder, 'bench.db')}`];
  const amqp = ['--url', `${rabbitmq.url}?management=${new URL(rabbitmq.managementUrl).origin}`];
  await run(mq('create', [...amqp, 'create', 'bench']));
  const ratios = await compare(
    [
      EMPTY,
      mq('mq --version', ['--version']),
      mq('mq enqueue (SQLite)', [...sqlite, 'enqueue', 'jobs', 'hello']),
      mq('mq stats QUEUE (RabbitMQ)', [...amqp, 'stats', 'bench']),
    ],
    21,
  );
  const limits = { 'mq --version': 1.6, 'mq enqueue (SQLite)': 2, 'mq stats QUEUE (RabbitMQ)': 3 };
  for (const [name, limit] of Object.entries(limits)) {
    const ratio = ratios.get(name) ?? Number.NaN;
    process.stdout.write(
      `${ratio <= limit ? 'within ' : 'OUTSIDE'} ${name}: ${ratio.toFixed(2)} of at most ${limit}\n`,
    );
  }
} finally {
  await rabbitmq.stop();
  rmSync(folder, { recursive: true, force: true });
}
