// A filtered redrive, one message in a hundred, on the emulator fauxqs: the price that is told beforehand, and what it
// did cost.
//   npm run bench -- sqs-filtered [MESSAGES]

import { redriveOf } from '../../src/conformance/redrive.ts';
import { compileFilter } from '../../src/core/filter.ts';
import { planRedrive } from '../../src/core/redrive.ts';
import { startSqsEmulators } from '../support/sqs/emulators.ts';
import { FaultProxy } from '../support/sqs/fault-proxy.ts';
import { createQueue, never, openAt, outgoing, sendAll, uniqueName } from '../support/sqs/harness.ts';

const COUNT = Number(process.argv[2] ?? 100_000);
const ONE_IN = 100;
/** In the air at once while the queue is filled. */
const PORTION = 5_000;

const emulator = await startSqsEmulators();
const proxy = await FaultProxy.start(emulator.fauxqs);
const broker = await openAt(proxy.url);
const near = await openAt(emulator.fauxqs);
const deadName = uniqueName('bench-dlq');
const queue = await createQueue(broker, uniqueName('bench'), { deadLetterQueue: deadName, maxReceives: 5 });
const dead = await near.queue(deadName, never);
for (let start = 0; start < COUNT; start += PORTION) {
  const size = Math.min(PORTION, COUNT - start);
  const messages = Array.from({ length: size }, (_, i) =>
    outgoing(JSON.stringify({ wanted: (start + i) % ONE_IN === 0 })),
  );
  const outcomes = await sendAll(dead, messages);
  if (outcomes.some(({ status }) => status !== 'sent')) throw new Error('the queue could not be filled');
}

const calls = new Map<string, number>();
let received = 0;
for (const action of ['ReceiveMessage', 'SendMessageBatch', 'DeleteMessageBatch', 'ChangeMessageVisibilityBatch']) {
  proxy.spoil(action, async (_, forward) => {
    calls.set(action, (calls.get(action) ?? 0) + 1);
    const answer = await forward();
    if (action === 'ReceiveMessage') received += ((answer.body.Messages as unknown[] | undefined) ?? []).length;
    proxy.calls.length = 0;
    return answer;
  });
}
const notices: string[] = [];
const notice = (text: string) => notices.push(text);
const filter = await compileFilter('body.wanted');
const plan = await planRedrive(redriveOf(broker, queue, { filter, notice, signal: never }));
const [price] = notices;
const startedAt = performance.now();
const report = await plan.run({ dryRun: false, onProgress: () => {}, signal: never });
const seconds = (performance.now() - startedAt) / 1000;

process.stdout.write(
  [
    `told beforehand | looks at up to ${plan.count} messages; ${price}`,
    `done            | moved ${report.moved}, left ${report.left}, complete ${report.complete}, in ${seconds.toFixed(1)} s`,
    `did cost        | ${received} deliveries; calls: ${[...calls].map(([action, count]) => `${action} ${count}`).join(', ')}`,
    ...notices.slice(1).map((text) => `said            | ${text}`),
    '',
  ].join('\n'),
);
await broker.close();
await near.close();
await proxy.stop();
await emulator.stop();
