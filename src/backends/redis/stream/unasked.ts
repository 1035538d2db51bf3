import { isMqError, type MqError } from '../../../contract/errors.ts';
import type { Queue } from '../../../contract/queue.ts';
import type { QueueStats } from '../../../contract/stats.ts';
import type { Connection } from '../connection/connection.ts';
import { asInteger } from '../connection/reply.ts';

/** The refusal of `XINFO`; null: it was another error. */
export function refusalOf(error: unknown): MqError | null {
  return isMqError(error) && error.code === 'PERMISSION_DENIED' ? error : null;
}

/**
 * The row of a stream if this user may not ask for its groups: how far they are behind is unknown, but the number of
 * entries is known. Throws if that may not be read either.
 */
export async function statsWithoutGroups(
  connection: Connection,
  key: string,
  refusal: MqError,
  signal: AbortSignal,
): Promise<QueueStats> {
  const length = asInteger(await connection.call(['XLEN', key], { operation: 'read the stats', queue: key, signal }));
  return {
    queue: key,
    broker: 'redis',
    kind: 'stream',
    state: 'unknown',
    ready: null,
    inFlight: null,
    depth: null,
    consumers: null,
    approximate: [],
    notes: { state: refusal.message, ready: `of ${length} entries in the stream; ${refusal.message}` },
    sampledAt: Date.now(),
  };
}

/**
 * A handle of such a stream. It gives the stats that are left, takes messages, and refuses the rest as the server did.
 */
export function withoutGroups(queue: Queue, refusal: MqError): Queue {
  const refuse = async (): Promise<never> => {
    throw refusal;
  };
  const members = Object.entries(queue).map(([name, member]) =>
    typeof member === 'function' && name !== 'stats' && name !== 'publisher' ? [name, refuse] : [name, member],
  );
  return Object.fromEntries(members) as Queue;
}
