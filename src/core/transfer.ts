import type { Guarantee } from '../contract/abilities.ts';
import type { Call } from '../contract/call.ts';
import { isMqError } from '../contract/errors.ts';
import type { Message, SendOutcome } from '../contract/message.ts';
import type { Progress } from './plan.ts';
import type { Pacer } from './rate-limit.ts';
import type { Operation } from './report.ts';
import type { Selection } from './selection.ts';

/**
 * `not-taken`: the destination can no longer handle any message. This message and all that come after it go back as if
 * they had never been taken.
 */
export type PutOutcome = SendOutcome | { readonly status: 'not-taken'; readonly reason: string };

/**
 * The destination of taken messages. `put` resolves only when the message is safe there. A problem with one message is
 * its outcome, never a rejection.
 */
export interface Destination {
  put(message: Message): Promise<PutOutcome>;
  /** Like `put` for each, in their order, with one outcome each. Present if together they cost much less. */
  putAll?(messages: readonly Message[]): Promise<readonly PutOutcome[]>;
  /** False: a message that is put is gone, so there is no second place where it may be. */
  readonly keeps?: false;
}

export interface TransferRequest extends Call {
  readonly operation: Operation;
  readonly from: string;
  readonly to: readonly string[];
  readonly guarantee: Guarantee;
  readonly destination: Destination;
  readonly selection: Selection;
  /** `false`: a copy. Messages that were read are given back at the end. */
  readonly removes: boolean;
  /**
   * What a failed `put` does to the message. `hold`: it is held, and given back at the end. `release`: it is released
   * as a failed delivery (`drain --exec`), and may come again; when it has failed often, there is a pause before.
   * `release-counted`: the same, where the queue counts deliveries. Where it does not, the message would come again for
   * ever, so it is tried once and then held.
   */
  readonly onFailure: 'hold' | 'release' | 'release-counted';
  /**
   * Look at no more than this many: the depth at the start, so that a consumer that keeps failing cannot create a loop.
   */
  readonly bound: number | null;
  /**
   * Leave messages that were enqueued later than this, if the depth at the start is not exact. Milliseconds since the
   * epoch.
   */
  readonly notAfter: number | null;
  /** Take no more than this many. */
  readonly max: number | null;
  readonly pacer: Pacer | null;
  /** Messages in the air at once. */
  readonly window: number;
  /** Take and settle page by page where the consumer can. No message may need a verdict of its own. */
  readonly byPage: boolean;
  readonly onProgress: (progress: Progress) => void;
}

export const DEFAULT_WINDOW = 500;
/** Larger, so that one page is on its way while the next one is taken. */
export const PAGES_WINDOW = 2_000;

/** How many messages the consumer may take from the broker: never more than can be used. */
export function takeLimit(request: Pick<TransferRequest, 'selection' | 'bound' | 'max'>): number | null {
  const { bound, max } = request;
  if (!request.selection.everything) return bound;
  if (bound === null) return max;
  return max === null ? bound : Math.min(bound, max);
}

export function reasonOf(error: unknown): string {
  return isMqError(error) ? error.message : 'an unexpected error';
}
