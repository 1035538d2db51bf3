/**
 * Dramatiq's queues (`brokers/redis/dispatch.lua` of its source): a list `<namespace>:<queue>` of ids, read from the
 * left, and a hash `….msgs` of their messages. `….DQ` is the same for delayed messages. `….XQ` is a sorted set of dead
 * ids by time of death, with its own hash.
 */
export const DELAYED = '.DQ';
export const DRAMATIQ_DEAD = '.XQ';

/** The keys that exist if the queue has messages, and if it has dead ones. An empty list has no key. */
export function dramatiqNeighbours(key: string): readonly [messages: string, dead: string] {
  return [`${key}.msgs`, `${key.endsWith(DELAYED) ? key.slice(0, -DELAYED.length) : key}${DRAMATIQ_DEAD}`];
}
