// Redrive by hand on the emulator fauxqs, in pairs in the same run. First without any delay, against the emulator's own
// limit: eight bare loops of receive + send + delete in batches of ten. Then with each call delayed as on a network,
// with eight receives in the air and with one:
//   npm run bench -- sqs [MESSAGES] [DELAY_MS]
import { setTimeout as wait } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Broker } from '../../src/contract/broker.ts';
import type { Queue } from '../../src/contract/queue.ts';
import { planRedrive } from '../../src/core/redrive.ts';
import { EVERYTHING } from '../../src/core/selection.ts';
import { startSqsEmulators } from '../support/sqs/emulators.ts';
import { FaultProxy } from '../support/sqs/fault-proxy.ts';
import { createQueue, never, openAt, outgoing, sendAll, uniqueName } from '../support/sqs/harness.ts';
import { median } from './measure.ts';

const COUNT = Number(process.argv[2] ?? 2000);
const DELAY_MS = Number(process.argv[3] ?? 20);
/** Without a delay a move takes a moment only. */
const UNDELAYED = { count: 3 * COUNT, rounds: 5 } as const;
const DELAYED = { count: COUNT, rounds: 3 } as const;
/** As many as `mq` has receives in the air. */
const LOOPS = 8;
/** A batch: what one receive brings is sent and deleted before the next, so that one worker has one call in the air. */
const ONE_WORKER_WINDOW = 10;

/** The emulator, in a thread of its own: what it needs must not be taken from the one that is measured. */
const emulator = await startSqsEmulators();
const proxy = await FaultProxy.start(emulator.fauxqs);
for (const action of ['ReceiveMessage', 'SendMessageBatch', 'DeleteMessageBatch']) {
  proxy.spoil(action, async () => {
    await wait(DELAY_MS);
    return null;
  });
}
const far = await openAt(proxy.url);
const near = await openAt(emulator.fauxqs);
const client = new SQSClient({ endpoint: emulator.fauxqs, region: 'us-east-1' });
const urlOf = async (name: string) => (await client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl;

async function filled(broker: Broker, count: number): Promise<{ queue: Queue; deadName: string }> {
  const deadName = uniqueName('bench-dlq');
  const name = uniqueName('bench');
  await createQueue(near, name, { deadLetterQueue: deadName, maxReceives: 5 });
  const messages = Array.from({ length: count }, (_, i) => outgoing(`${i} ${'x'.repeat(1000)}`));
  const outcomes = await sendAll(await near.queue(deadName, never), messages);
  if (outcomes.some(({ status }) => status !== 'sent')) throw new Error('the queue could not be filled');
  proxy.calls.length = 0;
  return { queue: await broker.queue(name, never), deadName };
}

async function byMq(broker: Broker, count: number, window?: number): Promise<number> {
  const { queue } = await filled(broker, count);
  const request = { ...EVERYTHING, broker, queue, to: null, max: count, ratePerSec: null, setHeaders: {} };
  const plan = await planRedrive({
    ...request,
    keepDeathHeaders: false,
    lossy: false,
    ...(window === undefined ? {} : { window }),
    notice: () => {},
    signal: never,
  });
  const start = performance.now();
  const { moved } = await plan.run({ dryRun: false, onProgress: () => {}, signal: never });
  if (moved !== count) throw new Error(`moved ${moved}`);
  return (count / (performance.now() - start)) * 1000;
}

/** The yardstick: nothing but the three calls, eight loops at once. */
async function byHand(count: number): Promise<number> {
  const { queue, deadName } = await filled(near, count);
  const [from, to] = await Promise.all([urlOf(deadName), urlOf(queue.name)]);
  let moved = 0;
  const start = performance.now();
  const loop = async (): Promise<void> => {
    for (;;) {
      const { Messages: messages = [] } = await client.send(
        new ReceiveMessageCommand({ QueueUrl: from, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
      );
      if (messages.length === 0) return;
      const sent = messages.map(({ Body }, i) => ({ Id: String(i), MessageBody: Body }));
      await client.send(new SendMessageBatchCommand({ QueueUrl: to, Entries: sent }));
      const taken = messages.map(({ ReceiptHandle }, i) => ({ Id: String(i), ReceiptHandle }));
      await client.send(new DeleteMessageBatchCommand({ QueueUrl: from, Entries: taken }));
      moved += messages.length;
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  if (moved !== count) throw new Error(`moved ${moved}`);
  return (count / (performance.now() - start)) * 1000;
}

function verdict(name: string, ratios: readonly number[], least: number): void {
  const ratio = median(ratios);
  process.stdout.write(
    `${ratio >= least ? 'within ' : 'OUTSIDE'} ${name}: ${ratio.toFixed(2)} of at least ${least} (${ratios.map((one) => one.toFixed(2)).join(', ')})\n`,
  );
}

const shown = (perSec: number) => `${Math.round(perSec)}/s`;
try {
  const toLimit: number[] = [];
  for (let round = 0; round <= UNDELAYED.rounds; round++) {
    const limit = await byHand(UNDELAYED.count);
    const eight = await byMq(near, UNDELAYED.count);
    // The first round warms up.
    if (round === 0) continue;
    toLimit.push(eight / limit);
    process.stdout.write(`no delay, round ${round}: bare loops ${shown(limit)}, mq redrive ${shown(eight)}\n`);
  }
  const toOne: number[] = [];
  for (let round = 1; round <= DELAYED.rounds; round++) {
    const eight = await byMq(far, DELAYED.count);
    const one = await byMq(far, DELAYED.count, ONE_WORKER_WINDOW);
    toOne.push(eight / one);
    process.stdout.write(
      `${DELAY_MS} ms a call, round ${round}: mq redrive ${shown(eight)}, one worker ${shown(one)}\n`,
    );
  }
  process.stdout.write(
    `messages of 1 kB: ${UNDELAYED.count} without a delay, ${DELAYED.count} with ${DELAY_MS} ms; medians of the pairs:\n`,
  );
  verdict('redrive by hand, of what the emulator can do', toLimit, 0.8);
  verdict('eight workers, times one', toOne, 4);
} finally {
  client.destroy();
  await Promise.all([far.close(), near.close()]);
  await proxy.stop();
  await emulator.stop();
}
