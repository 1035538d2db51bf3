// Redrive by hand on the emulator fauxqs, each call delayed as on a network: with eight receives in the air, with one, and against eight
// bare loops of receive + send + delete in batches of ten, in turn in the same run:
//   npm run bench -- sqs [MESSAGES] [DELAY_MS]
import { setTimeout as wait } from 'node:timers/promises';
import {
  DeleteMessageBatchCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Queue } from '../../src/contract/queue.ts';
import { planRedrive } from '../../src/core/redrive.ts';
import { EVERYTHING } from '../../src/core/selection.ts';
import { FaultProxy } from '../support/sqs/fault-proxy.ts';
import { createQueue, never, openAt, outgoing, sendAll, uniqueName } from '../support/sqs/harness.ts';
import { startSqsEmulators } from '../support/sqs-emulators.ts';
import { median } from './measure.ts';

const COUNT = Number(process.argv[2] ?? 2000);
const DELAY_MS = Number(process.argv[3] ?? 20);
const ROUNDS = 3;
/** As many as `mq` has receives in the air. */
const LOOPS = 8;
/** A batch: what one receive brings is sent and deleted before the next, so that one worker has one call in the air. */
const ONE_WORKER_WINDOW = 10;

const emulators = await startSqsEmulators();
const proxy = await FaultProxy.start(emulators.fauxqs);
for (const action of ['ReceiveMessage', 'SendMessageBatch', 'DeleteMessageBatch']) {
  proxy.spoil(action, async () => {
    await wait(DELAY_MS);
    return null;
  });
}
const broker = await openAt(proxy.url);
const direct = await openAt(emulators.fauxqs);
const client = new SQSClient({ endpoint: proxy.url, region: 'us-east-1' });
const urlOf = async (name: string) => (await client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl;

async function filled(): Promise<{ queue: Queue; deadName: string }> {
  const deadName = uniqueName('bench-dlq');
  const name = uniqueName('bench');
  await createQueue(direct, name, { deadLetterQueue: deadName, maxReceives: 5 });
  const messages = Array.from({ length: COUNT }, (_, i) => outgoing(`${i} ${'x'.repeat(1000)}`));
  const outcomes = await sendAll(await direct.queue(deadName, never), messages);
  if (outcomes.some(({ status }) => status !== 'sent')) throw new Error('the queue could not be filled');
  proxy.calls.length = 0;
  return { queue: await broker.queue(name, never), deadName };
}

async function byMq(window?: number): Promise<number> {
  const { queue } = await filled();
  const request = { ...EVERYTHING, broker, queue, to: null, max: COUNT, ratePerSec: null, setHeaders: {} };
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
  if (moved !== COUNT) throw new Error(`moved ${moved}`);
  return (COUNT / (performance.now() - start)) * 1000;
}

/** The yardstick: nothing but the three calls, eight loops at once. A loop waits for each of its calls; `mq` overlaps them, so it may be faster. */
async function byHand(): Promise<number> {
  const { queue, deadName } = await filled();
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
  if (moved !== COUNT) throw new Error(`moved ${moved}`);
  return (COUNT / (performance.now() - start)) * 1000;
}

try {
  const ratios: { readonly limit: number; readonly one: number }[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    const limit = await byHand();
    const eight = await byMq();
    const one = await byMq(ONE_WORKER_WINDOW);
    ratios.push({ limit: eight / limit, one: eight / one });
    process.stdout.write(
      `round ${round}: limit ${Math.round(limit)}/s, mq redrive ${Math.round(eight)}/s, one worker ${Math.round(one)}/s\n`,
    );
  }
  process.stdout.write(
    `${COUNT} messages of 1 kB, ${DELAY_MS} ms a call: ${median(ratios.map(({ limit }) => limit)).toFixed(2)} of the limit (goal: 0.8), ` +
      `${median(ratios.map(({ one }) => one)).toFixed(1)} times one worker (goal: 4)\n`,
  );
} finally {
  client.destroy();
  await Promise.all([broker.close(), direct.close()]);
  await proxy.stop();
  await emulators.stop();
}
