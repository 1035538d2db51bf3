import { Consumer } from 'sqs-consumer';
import type { Queue } from '../../../src/contract/queue.ts';
import { never } from './harness.ts';
import type { SqsPlace } from './places.ts';

/** Real sqs-consumer workers whose handler always fails, until so many messages are in the dead-letter queue. */
export async function failUntilDead(place: SqsPlace, queue: Queue, dead: Queue, count: number): Promise<void> {
  const sqs = place.client;
  const { details } = await queue.describe(never);
  const workers = Array.from({ length: 4 }, () => {
    const worker = Consumer.create({
      queueUrl: String(details.url),
      sqs,
      batchSize: 10,
      waitTimeSeconds: 1,
      // A poll that was cut off would take the first messages of whatever comes next, and lose them for a visibility
      // timeout.
      pollingCompleteWaitTimeMs: 5000,
      terminateVisibilityTimeout: true,
      handleMessageBatch: async () => {
        throw new Error('the worker fails on purpose');
      },
    });
    // An emitter without a listener for `error` throws; failing is what this worker is for.
    worker.on('error', () => {});
    worker.on('processing_error', () => {});
    return worker;
  });
  for (const worker of workers) worker.start();
  try {
    const deadline = Date.now() + 120_000 + place.where.patienceMs;
    while (((await dead.stats(never)).depth ?? 0) < count) {
      if (Date.now() > deadline) throw new Error('the messages did not die in time');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  } finally {
    await Promise.all(
      workers.map((worker) => {
        const stopped = new Promise((resolve) => worker.once('stopped', resolve));
        worker.stop();
        return stopped;
      }),
    );
  }
}
