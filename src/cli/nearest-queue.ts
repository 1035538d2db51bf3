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
  const names: string[] = [];
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(LISTING_MS)]);
  try {
    for await (const { queue } of broker.queues(queuePattern([]), { notice: () => {}, signal: bounded }))
      names.push(queue);
  } catch {
    // What was read until then is enough for a guess, or there is none.
  }
  const guess = nearest(error.queue, names);
  if (guess === null) return error;
  const { code, message, backend, operation, queue } = error;
  return new MqError(code, message, {
    hint: `did you mean ${guess}?`,
    backend: backend ?? undefined,
    operation: operation ?? undefined,
    queue,
    cause: error,
  });
}
