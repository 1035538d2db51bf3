import { nearest } from '../config/nearest.ts';
import type { Broker } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import { queuePattern } from '../core/name-pattern.ts';

/** A guess is not worth a longer wait. */
const LISTING_MS = 1_000;

/** The same error, with the queue that was probably meant, when it says that there is none of that name. Never throws. */
export async function withNearestQueue(error: unknown, broker: Broker, signal: AbortSignal): Promise<unknown> {
  if (!(error instanceof MqError) || error.code !== 'QUEUE_NOT_FOUND' || error.hint !== null || error.queue === null)
    return error;
  if (isBrokerAddress(error.queue)) return hinted(error, 'that is the address of a broker: mq --url URL VERB QUEUE');
  const names: string[] = [];
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(LISTING_MS)]);
  try {
    for await (const { queue } of broker.queues(queuePattern([]), { notice: () => {}, signal: bounded }))
      names.push(queue);
  } catch {
    // What was read until then is enough for a guess, or there is none.
  }
  const guess = nearest(error.queue, names);
  return guess === null ? error : hinted(error, `did you mean ${guess}?`);
}

/** A URL of a broker stands where a queue is expected: `--url` was forgotten. The scheme of a queue's own URL (SQS) is no broker's. */
export function isBrokerAddress(name: string): boolean {
  return /^(?:sqlite:|(?:rediss?|amqps?|sqs):\/\/)/i.test(name);
}

function hinted(error: MqError, hint: string): MqError {
  const { code, message, backend, operation, queue } = error;
  return new MqError(code, message, {
    hint,
    backend: backend ?? undefined,
    operation: operation ?? undefined,
    queue: queue ?? undefined,
    cause: error,
  });
}
