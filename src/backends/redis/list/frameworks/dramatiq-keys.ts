/**
 * Dramatiq's queues (`brokers/redis/dispatch.lua` of its source): a list `<namespace>:<queue>` of ids, read from the
 * left, and a hash `….msgs` of what they stand for; `….DQ` the same for what waits for its time; `….XQ` a sorted set of
 * dead ids by when they died, with a hash of its own.
 */
export const DELAYED = '.DQ';
export const DRAMATIQ_DEAD = '.XQ';

/** The keys that exist when the queue has messages, and when it has dead ones. An empty list has no key. */
export function dramatiqNeighbours(key: string): readonly [messages: string, dead: string] {
  return [`${key}.msgs`, `${key.endsWith(DELAYED) ? key.slice(0, -DELAYED.length) : key}${DRAMATIQ_DEAD}`];
}
