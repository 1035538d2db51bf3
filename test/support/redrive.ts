import type { Broker } from '../../src/contract/broker.ts';
import type { Queue } from '../../src/contract/queue.ts';
import type { RedriveRequest } from '../../src/core/redrive.ts';
import { EVERYTHING } from '../../src/core/selection.ts';

/** A redrive with nothing special about it, and what a test wants to be special. */
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
