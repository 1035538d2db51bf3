import { isMqError, MqError } from '../../contract/errors.ts';
import type { Message } from '../../contract/message.ts';
import type { DeadLetters } from '../../contract/queue.ts';
import { frameworkDeath } from '../common/conventions/framework-death.ts';
import { Fresh } from '../common/fresh.ts';
import { nativeOf } from './message-in.ts';
import { type RedrivePolicy, redrivePolicy } from './queues/facts.ts';
import { parseArn } from './queues/names.ts';
import { arnOf, type QueuePlace, readAttributes } from './queues/place.ts';
import { sourcesIfCheap, sourcesOf } from './queues/sources.ts';
import { type DeadCount, depthOfAttributes } from './stats.ts';

/** Where the dead letters of a queue are, and whose dead letters are in it. */
export async function deadLettersOf(place: QueuePlace, signal: AbortSignal): Promise<DeadLetters> {
  const attributes = await readAttributes(place, signal);
  const policy = redrivePolicy(attributes);
  return {
    keptIn: policy === null ? { place: 'nowhere' } : { place: 'queue', queue: nameOfTarget(place, policy) },
    sources: await sourcesOf({ ...place, arn: attributes.QueueArn ?? null }, signal),
    movesEachHome: true,
    restore: restoreMessage,
  };
}

/**
 * The queue that the redrive policy names. Null if it cannot be seen: it was deleted, or this caller may not read it.
 */
export async function openDeadLetterQueue(
  place: QueuePlace,
  policy: RedrivePolicy,
  signal: AbortSignal,
): Promise<QueuePlace | null> {
  const context = { queue: policy.deadLetterQueue, signal };
  const account = parseArn(policy.deadLetterArn)?.account;
  try {
    const { QueueUrl: url } = await place.api.getQueueUrl(
      {
        QueueName: policy.deadLetterQueue,
        ...(account === undefined ? {} : { QueueOwnerAWSAccountId: account }),
      },
      context,
    );
    if (url === undefined) return null;
    const { Attributes: attributes = {} } = await place.api.getQueueAttributes(url, context);
    return { ...place, name: nameOfTarget(place, policy), url, attributes, opening: new Fresh(attributes) };
  } catch (error) {
    // A problem with it affects only what is asked about it.
    if (isMqError(error) && !signal.aborted && error.code !== 'UNAUTHENTICATED') return null;
    throw error;
  }
}

/** How many dead letters the queue has, and which queues share its dead-letter queue. */
export async function countDead(place: QueuePlace, policy: RedrivePolicy, signal: AbortSignal): Promise<DeadCount> {
  const target = await openDeadLetterQueue(place, policy, signal);
  if (target === null) return { queue: nameOfTarget(place, policy), depth: null, sharers: null };
  const sources = await sourcesIfCheap({ ...target, arn: arnOf(target) }, signal);
  return {
    queue: target.name,
    depth: target.attributes === null ? null : depthOfAttributes(target.attributes),
    sharers: sources?.filter((source) => source !== place.name) ?? null,
  };
}

function nameOfTarget({ foreign }: QueuePlace, policy: RedrivePolicy): string {
  return foreign ? policy.deadLetterArn : policy.deadLetterQueue;
}

/**
 * SQS puts no mark of death on a message itself: only our own record of where it died is removed, and the marks of its
 * application's framework. Throws `PRECONDITION_FAILED` for a message that cannot be restored.
 */
function restoreMessage(message: Message, { keepDeathHeaders }: { readonly keepDeathHeaders: boolean }): Message {
  const { deadLetterSourceArn: _, ...native } = nativeOf(message);
  const alive = { ...message, dead: null, native: { ...message.native, sqs: native } };
  if (keepDeathHeaders) return alive;
  const restored = frameworkDeath(message)?.restore();
  if (restored === undefined) return alive;
  if (typeof restored === 'string')
    throw new MqError('PRECONDITION_FAILED', restored, { backend: 'sqs', queue: message.queue });
  return { ...alive, headers: restored.headers, body: restored.body };
}
