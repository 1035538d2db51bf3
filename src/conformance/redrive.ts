import type { Broker } from '../contract/broker.ts';
import type { Queue } from '../contract/queue.ts';
import type { RedriveRequest } from '../core/redrive.ts';
import { EVERYTHING } from '../core/selection.ts';

/** An ordinary redrive, with the properties that a test changes. */
export function redriveOf(broker: Broker, queue: Queue, special: Partial<RedriveRequest> = {}): RedriveRequest {
  return {
    ...EVERYTHING,
    broker,
    queue,
    to: null,
    max: null,
    ratePerSec: null,
    setHeaders: {},
    keepDeathHeaders: false,
    lossy: false,
    notice: () => undefined,
    signal: new AbortController().signal,
    ...special,
  };
}
