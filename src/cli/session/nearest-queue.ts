import { nearest } from '../../config/nearest.ts';
import type { Broker } from '../../contract/broker.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import { namesOfQueues } from '../../core/queue-names.ts';
import { isQueueUrl, isUrl } from '../line/queue-words.ts';

/** A guess is not worth a longer wait. */
const LISTING_MS = 1_000;

/**
 * Errors that were already compared with a broker's names: a move has two brokers, and passes its errors through both.
 */
const compared = new WeakSet<MqError>();

/** If the error says that no queue has that name, returns it with the queue that was probably meant. Never throws. */
export async function withNearestQueue<E>(error: E, broker: Broker, signal: AbortSignal): Promise<E | MqError> {
  if (!isMqError(error) || error.code !== 'QUEUE_NOT_FOUND' || error.queue === null || compared.has(error))
    return error;
  if (error.backend !== null && error.backend !== broker.name) return error;
  const better = hinted(error, await hintFor(error.queue, error.hint, broker, signal));
  compared.add(better);
  return better;
}

async function hintFor(
  name: string,
  hint: string | null,
  broker: Broker,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (isUrl(name) && !isQueueUrl(name)) return hint ?? undefined;
  const names: string[] = [];
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(LISTING_MS)]);
  try {
    for await (const queue of namesOfQueues(broker, bounded)) names.push(queue);
  } catch {
    // The names read until then are enough for a guess, or there is no guess.
  }
  // A broker that has a queue of that very name is the other one of a move.
  const guess = names.includes(name) ? null : nearest(name, names);
  if (guess === null) return hint ?? undefined;
  return `did you mean ${guess}?${hint === null ? '' : ` Otherwise: ${hint}`}`;
}

function hinted(error: MqError, hint: string | undefined): MqError {
  const { code, message, backend, operation, queue } = error;
  return new MqError(code, message, {
    hint,
    backend: backend ?? undefined,
    operation: operation ?? undefined,
    queue: queue ?? undefined,
    cause: error,
  });
}
