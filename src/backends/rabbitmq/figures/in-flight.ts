import type { QueueInfo } from '../management/queue-info.ts';
import type { LiveFigures } from './live.ts';

/** If the difference is beyond this share of the queue's messages, two figures of different moments make no sum. */
const TOLERANCE = 0.1;

export interface InFlightFigure {
  readonly count: number | null;
  /** Why it is null; null also if nothing was said. */
  readonly note: string | null;
}

/**
 * The messages in flight, if they can be told together with the ready messages of now. The management API is up to 7 s
 * late, and its first figures of a queue are those of the empty queue (3.10.8: from 3.5 s to 10 s after it was
 * declared). Messages that were taken or given back since then would be counted twice, or not at all.
 */
export function inFlightNow(info: QueueInfo | null, live: LiveFigures | null): InFlightFigure {
  const then = info?.inFlight ?? null;
  if (info === null || then === null || live === null || live.ready === null) return { count: then, note: null };
  if ((info.consumers ?? 0) === 0 && (live.consumers ?? 0) > 0) {
    return { count: null, note: 'what the management API knows is older than the consumers of the queue' };
  }
  if (info.ready === null) return { count: then, note: null };
  const change = live.ready - info.ready;
  // Messages that came may have been in flight then. Messages that went may be in flight now, and so may a part of
  // those that came, if there are consumers.
  const doubt = change <= 0 ? -change : then === 0 && live.consumers !== 0 ? change : Math.min(change, then);
  // A zero has to be certain.
  const tolerated = then === 0 ? 0 : TOLERANCE * (live.ready + then);
  if (doubt <= tolerated) return { count: then, note: null };
  return {
    count: null,
    note: `what the management API knows is up to 7 s old, and the queue has changed since (${info.ready} were ready then)`,
  };
}
