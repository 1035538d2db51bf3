// One look at a RabbitMQ queue and one message to it, as whole processes: on this machine, and with 20 ms a round trip.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delayingRelay } from '../../support/delaying-relay.ts';
import { provision, provisionHere } from '../../support/provision.ts';
import { rabbitmqadmin } from '../../support/rabbitmq/rabbitmqadmin.ts';
import { startRabbitmq } from '../../support/rabbitmq/server.ts';
import { type Command, EMPTY, inTurn, mq, run } from '../measure.ts';
import type { Line } from './line.ts';

const ROUNDS = 11;
const ROUND_TRIP_MS = 20;
const QUEUE = 'bench';

export default async function* (): AsyncGenerator<Line> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-bench-one-shots-'));
  const broker = await startRabbitmq(await provision('rabbitmq-server'), { usualFigures: true });
  await using amqp = await delayingRelay(broker.url, ROUND_TRIP_MS);
  await using http = await delayingRelay(broker.managementUrl, ROUND_TRIP_MS);
  try {
    const at = (url: string, managementUrl: string): Readonly<Record<string, string>> => ({
      HOME: folder,
      MQ_URL: `${url}?management=${encodeURIComponent(managementUrl)}`,
    });
    const near = at(broker.url, broker.managementUrl);
    const admin = await rabbitmqadmin(broker.managementUrl, folder);
    const publish: Command = {
      name: 'amqp-publish',
      program: await provisionHere('amqp-publish'),
      args: [`--url=${amqp.url}`, '-r', QUEUE, '-b', 'x'],
    };
    await run(mq('create', ['create', QUEUE], near));
    const stats = mq('stats', ['stats', QUEUE], near);
    const enqueue = mq('enqueue', ['enqueue', QUEUE, 'x'], near);
    const listed: Command = { name: 'rabbitmqadmin', program: admin.program, args: [...admin.args, 'list', 'queues'] };
    const [empty = [], statsTimes = [], enqueueTimes = [], adminTimes = []] = await inTurn(
      [EMPTY, stats, enqueue, listed],
      ROUNDS,
    );
    const facts = { unit: 'ms', note: `RabbitMQ ${broker.version}` } as const;
    const floor = { against: 'node -e 0', goal: { atMost: 2.2 }, theirs: empty } as const;
    yield { work: 'AMQP stats', ...floor, ours: statsTimes, ...facts };
    yield { work: 'AMQP enqueue', ...floor, ours: enqueueTimes, ...facts };
    yield {
      ...{ work: 'AMQP stats', against: 'rabbitmqadmin list queues (Python)', goal: { atMost: 0.9 } },
      ...{ ours: statsTimes, theirs: adminTimes, ...facts },
    };
    const far = mq('enqueue, far', ['enqueue', QUEUE, 'x'], at(amqp.url, http.url));
    const [ours = [], theirs = []] = await inTurn([far, publish], ROUNDS);
    yield {
      ...{ work: `AMQP enqueue at ${ROUND_TRIP_MS} ms a round trip`, against: 'amqp-publish', goal: { atMost: 1.7 } },
      ...{ ours, theirs, unit: 'ms', note: `RabbitMQ ${broker.version}; amqp-publish waits for no confirmation` },
    };
  } finally {
    await broker.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
