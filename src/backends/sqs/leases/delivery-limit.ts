import { isMqError, MqError } from '../../../contract/errors.ts';
import type { LookOptions } from '../../../contract/queue.ts';
import { redrivePolicy } from '../queues/facts.ts';
import { isFifoName } from '../queues/names.ts';
import { type QueuePlace, readAttributes } from '../queues/place.ts';

/**
 * How often a message may be delivered before it is dead; null: there is no limit. A message dies at the first receive
 * beyond it.
 */
export type DeliveryLimit = number | null;

/**
 * The price of looking at messages that stay, in one sentence. SQS has no look without receiving. Throws
 * `PRECONDITION_FAILED` if even a first look would bring each message within one delivery of its end, or if that is
 * unknown.
 */
export async function priceOfLook(place: QueuePlace, options: Pick<LookOptions, 'force' | 'signal'>): Promise<string> {
  const { force, signal } = options;
  const limit = await limitIfKnown(place, signal);
  if (limit === undefined && !force) {
    throw new MqError(
      'PRECONDITION_FAILED',
      `looking uses up a delivery of each message, and how many ${place.name} allows cannot be read (sqs:GetQueueAttributes)`,
      {
        backend: 'sqs',
        operation: 'ReceiveMessage',
        queue: place.name,
        hint: 'allow sqs:GetQueueAttributes, or look with --force: a message at its limit then goes to the dead-letter queue',
      },
    );
  }
  if (!force && isNearItsEnd(1, limit ?? null)) throw nearsEnd(place.name, 'every message', limit ?? null);
  return priceIn(place.name, limit);
}

/** `limit` undefined: unknown. */
export function priceIn(queue: string, limit: DeliveryLimit | undefined): string {
  const allowed =
    limit === undefined
      ? ' (how many are allowed is not known)'
      : limit === null
        ? ''
        : ` (${limit} ${limit === 1 ? 'is' : 'are'} allowed before it is dead)`;
  const groups = isFifoName(queue) ? ', and its message group is blocked meanwhile' : '';
  return `looking adds 1 to the receive count of each message that stays${allowed} and hides it from consumers while mq looks${groups}`;
}

/** The count includes this look: one more delivery may be its last. */
export function isNearItsEnd(receiveCount: number | null, limit: DeliveryLimit): boolean {
  return receiveCount !== null && limit !== null && receiveCount >= limit - 1;
}

export function nearsEnd(queue: string, what: string, limit: DeliveryLimit): MqError {
  return new MqError(
    'PRECONDITION_FAILED',
    `looking brings ${what} within one delivery of its end (maxReceiveCount is ${limit})`,
    {
      backend: 'sqs',
      operation: 'ReceiveMessage',
      queue,
      hint: 'look with --force if that is acceptable, or peek the dead letters with --dead',
    },
  );
}

/** Undefined if the caller may not know. */
async function limitIfKnown(place: QueuePlace, signal: AbortSignal): Promise<DeliveryLimit | undefined> {
  try {
    return redrivePolicy(await readAttributes(place, signal))?.maxReceiveCount ?? null;
  } catch (error) {
    if (isMqError(error) && error.code === 'PERMISSION_DENIED') return undefined;
    throw error;
  }
}
