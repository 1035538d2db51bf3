import type { Guarantee } from '../contract/abilities.ts';
import type { Call } from '../contract/call.ts';
import { isMqError } from '../contract/errors.ts';
import type { MessageState } from '../contract/message.ts';
import type { Queue } from '../contract/queue.ts';
import type { QueueStats } from '../contract/stats.ts';
import type { Selection } from './selection.ts';

export interface Depth {
  /** The number of messages in that state now; null if the broker cannot say. */
  readonly count: number | null;
  readonly exact: boolean;
  /** The largest number to look at: the count, if it can be trusted. */
  readonly bound: number | null;
  /**
   * If it cannot: leave messages that were enqueued after this instant (milliseconds since the epoch), by the broker's
   * clock.
   */
  readonly notAfter: number | null;
  /** The broker's clock at the start, in milliseconds since the epoch; our clock if the broker does not tell. */
  readonly now: number;
}

/**
 * The depth at the start. It bounds every operation that takes messages, so that a consumer that keeps failing cannot
 * create a loop.
 */
export async function depthNow(queue: Queue, state: MessageState, call: Call): Promise<Depth> {
  return depthOf(queue, state, await statsOrNothing(queue, call));
}

/** The same for several states, from one reading. */
export async function depthsNow(queue: Queue, states: readonly MessageState[], call: Call): Promise<readonly Depth[]> {
  const stats = await statsOrNothing(queue, call);
  return states.map((state) => depthOf(queue, state, stats));
}

type Reading = Partial<QueueStats>;

/**
 * Taking may be allowed where counting is not. Then the operation takes what was there at the start, by the broker's
 * clock.
 */
async function statsOrNothing(queue: Queue, { notice, signal }: Call): Promise<Reading> {
  try {
    return await queue.stats(signal);
  } catch (error) {
    const { latestBrokerTime } = queue;
    if (latestBrokerTime === undefined || !isMqError(error) || error.code !== 'PERMISSION_DENIED') throw error;
    notice(`how many messages ${queue.name} has is not known: ${error.message}`);
    return { brokerTime: latestBrokerTime.call(queue) };
  }
}

function depthOf(queue: Queue, state: MessageState, stats: Reading): Depth {
  const [count, degree] = ((): [number | null, string] => {
    const { counts } = queue.capabilities;
    if (state === 'ready') return [stats.ready ?? null, counts.ready];
    if (state === 'dead') return [stats.dead ?? null, counts.dead];
    if (state === 'delayed') return [stats.delayed ?? null, counts.delayed];
    if (state === 'in-flight') return [stats.inFlight ?? null, counts.inFlight];
    return [null, 'unknown'];
  })();
  const exact = count !== null && degree === 'exact';
  const now = stats.brokerTime ?? Date.now();
  return { count, exact, bound: exact ? count : null, notAfter: exact ? null : now, now };
}

/**
 * How many messages a target will be sent. Null: that is known only after looking at them. `--max` gives an upper
 * bound, not the number.
 */
export function expectedSends(
  { everything }: Pick<Selection, 'everything'>,
  { count }: Depth,
  max: number | null,
): number | null {
  if (!everything) return null;
  return max === null ? count : Math.min(max, count ?? max);
}

/**
 * The guarantee of sending and then removing, whatever the kinds are. It also holds when a native move was planned and
 * the backend can no longer do it when the work begins: the report says what was done, not what was planned.
 */
export const BY_HAND: Guarantee = 'at-least-once';
