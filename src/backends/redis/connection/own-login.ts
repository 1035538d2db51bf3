import type { RedisSettings } from '../url.ts';

/** How connections of `mq` are named on the server. */
export const CONNECTION_NAME = 'mq';

/**
 * Whether the login is ours. The client library waits for the answer to its login before it sends anything else: with
 * ours, the first questions are in the same write. Protocol 3 begins with the login, and the library has to know its
 * answer.
 */
export function isOwnLogin({ topology, protocol }: RedisSettings): boolean {
  return topology === 'single' && protocol === 2;
}
