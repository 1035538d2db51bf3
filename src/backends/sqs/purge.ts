import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { ConsumeOptions, Consumer, PurgeOptions, PurgeResult } from '../../contract/queue.ts';
import { count } from './facts.ts';
import { type QueuePlace, readAttributes } from './place.ts';

const WINDOW = 500;
/** The order is not strict: older messages may come behind a newer one, but hardly behind so many in a row. */
const NEWER_IN_A_ROW = 10;

type Consume = (options: ConsumeOptions) => Promise<Consumer>;

/**
 * SQS purges every state at once. When only what is ready is asked for and there is more, the ready messages are received and deleted instead, up
 * to those that were there at the start; a failure then leaves the rest. What cannot be done exactly is refused.
 */
export async function purgeQueue(place: QueuePlace, consume: Consume, options: PurgeOptions): Promise<PurgeResult> {
  const { states, notice, signal } = options;
  const attributes = await readAttributes(place, signal);
  const others = [
    ['in-flight', attributes.ApproximateNumberOfMessagesNotVisible],
    ['delayed', attributes.ApproximateNumberOfMessagesDelayed],
  ] as const;
  const spared = others.filter(([state, text]) => !states.includes(state) && count(text) !== 0);
  if (spared.length > 0 && states.includes('ready') && states.length === 1) {
    await deleteReady(consume, options);
    return { removed: null };
  }
  if (spared.length > 0 || !states.includes('ready')) {
    throw new MqError('PRECONDITION_FAILED', `SQS cannot purge only what is ${states.join(' or ')}`, {
      backend: 'sqs',
      operation: 'PurgeQueue',
      queue: place.name,
      hint: 'Use --state ready.',
    });
  }
  await place.api.purgeQueue(place.url, { queue: place.name, signal });
  notice('SQS purges within 60 seconds and tells no count; messages sent or received meanwhile may be deleted too');
  return { removed: null };
}

async function deleteReady(consume: Consume, { notice, signal }: PurgeOptions): Promise<void> {
  const startedAt = Date.now();
  notice('others are in flight or delayed, so the ready messages are received and deleted one by one');
  const consumer = await consume({
    state: 'ready',
    limit: null,
    window: WINDOW,
    follow: false,
    idleMs: null,
    notice,
    signal,
  });
  const deleted: Promise<void>[] = [];
  let newer = 0;
  let newerInARow = 0;
  try {
    for await (const { message, receipt } of consumer) {
      if (message.enqueuedAt !== null && message.enqueuedAt > startedAt) {
        receipt.keep?.();
        newer += 1;
        newerInARow += 1;
        if (newerInARow >= NEWER_IN_A_ROW || newer >= WINDOW / 2) break;
        continue;
      }
      newerInARow = 0;
      const ack = receipt.ack();
      // Awaited below; until then a rejection must not count as unhandled.
      ack.catch(() => {});
      deleted.push(ack);
    }
    await Promise.all(deleted);
  } finally {
    await consumer.close();
  }
  throwIfAborted(signal);
}
