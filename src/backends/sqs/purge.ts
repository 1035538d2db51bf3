import { isMqError, MqError, throwIfAborted } from '../../contract/errors.ts';
import type { ConsumeOptions, Consumer, ItemOutcome, PurgeOptions, PurgeResult } from '../../contract/queue.ts';
import { count, type QueueAttributes } from './queues/facts.ts';
import { type QueuePlace, readAttributes } from './queues/place.ts';
import { latestTime } from './stats.ts';

const WINDOW = 500;
/** How many newer messages are held, because older ones may come after them: the order is not strict. */
const MOST_NEWER = 5_000;

type Consume = (options: ConsumeOptions) => Promise<Consumer>;

/**
 * SQS purges every state at once. If only ready messages are asked for and there are others, the ready ones are
 * received and deleted instead, up to those that were there at the start. A failure then leaves the rest. A purge that
 * cannot be done exactly is refused.
 */
export async function purgeQueue(place: QueuePlace, consume: Consume, options: PurgeOptions): Promise<PurgeResult> {
  const { states, notice, signal } = options;
  const attributes = await attributesIfAllowed(place, signal);
  const others = [
    ['in-flight', attributes?.ApproximateNumberOfMessagesNotVisible],
    ['delayed', attributes?.ApproximateNumberOfMessagesDelayed],
  ] as const;
  const spared = others.filter(([state, text]) => !states.includes(state) && count(text) !== 0);
  if (spared.length > 0 && states.includes('ready') && states.length === 1) {
    notice(
      `${attributes === null ? 'whether others are in flight or delayed is not known' : 'others are in flight or delayed'}, so the ready messages are received and deleted one by one`,
    );
    return deleteReady(consume, latestTime(place.api.serverClock), options);
  }
  if (spared.length > 0 || !states.includes('ready')) {
    throw new MqError('PRECONDITION_FAILED', `SQS cannot purge only what is ${states.join(' or ')}`, {
      backend: 'sqs',
      operation: 'PurgeQueue',
      queue: place.name,
      hint: 'use --state ready',
    });
  }
  await place.api.purgeQueue(place.url, { queue: place.name, signal });
  notice('SQS purges within 60 seconds and tells no count; messages sent or received meanwhile may be deleted too');
  return { removed: null };
}

/** Null if the caller may not read them. */
async function attributesIfAllowed(place: QueuePlace, signal: AbortSignal): Promise<QueueAttributes | null> {
  try {
    return await readAttributes(place, signal);
  } catch (error) {
    if (isMqError(error) && error.code === 'PERMISSION_DENIED') return null;
    throw error;
  }
}

/** `startedAt`: messages that were sent later are left. */
async function deleteReady(
  consume: Consume,
  startedAt: number,
  { notice, signal }: PurgeOptions,
): Promise<PurgeResult> {
  const consumer = await consume({
    state: 'ready',
    limit: null,
    window: WINDOW + MOST_NEWER,
    givesBack: 'some',
    force: true,
    follow: false,
    idleMs: null,
    notice,
    signal,
  });
  const deletions: Promise<ItemOutcome | null>[] = [];
  let newer = 0;
  try {
    for await (const { message, receipt } of consumer) {
      if (message.enqueuedAt !== null && message.enqueuedAt > startedAt) {
        receipt.hold?.();
        newer += 1;
        if (newer >= MOST_NEWER) break;
        continue;
      }
      deletions.push(
        receipt.ack().then(
          () => null,
          (error: unknown) => ({ id: message.id, reason: isMqError(error) ? error.message : 'not deleted' }),
        ),
      );
    }
    await Promise.all(deletions);
  } finally {
    await consumer.close();
  }
  throwIfAborted(signal);
  if (newer > 0) notice(`${newer} ${newer === 1 ? 'message' : 'messages'} came after the start, and stay`);
  const isWhole = newer < MOST_NEWER && (consumer.unseen ?? 0) === 0;
  const stays = (await Promise.all(deletions)).filter((fault) => fault !== null);
  return {
    removed: deletions.length - stays.length,
    ...(stays.length === 0 ? {} : { stays }),
    ...(isWhole ? {} : { complete: false }),
  };
}
