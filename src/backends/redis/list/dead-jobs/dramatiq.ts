import { readInstant } from '../../../../contract/instant.ts';
import { frameworkDeath } from '../../../common/conventions/framework-death.ts';
import { moveScript } from '../../browsing/move-script.ts';
import { PAGE } from '../../browsing/page-size.ts';
import { sortedSetPages } from '../../browsing/sorted-set.ts';
import type { Connection } from '../../connection/connection.ts';
import { asInteger, asList } from '../../connection/reply.ts';
import { DELAYED, DRAMATIQ_DEAD } from '../frameworks/dramatiq-keys.ts';
import { elementMessage } from '../message.ts';
import type { FrameworkDead } from './dead-jobs.ts';

/**
 * KEYS[1] dead ids, KEYS[2] dead messages, KEYS[3] messages, KEYS[4] queue. ARGV[1] id, ARGV[2] message as it is now,
 * ARGV[3] as it goes back. It enqueues a message as Dramatiq does, and in the same step removes it from the dead ones.
 */
const REQUEUE = `
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('RPUSH', KEYS[4], ARGV[1])
if type(redis.pcall('ZREM', KEYS[1], ARGV[1])) ~= 'number' then return 2 end
redis.pcall('HDEL', KEYS[2], ARGV[1])
return 1
`;

/** Null for the queue of delayed messages: its dead letters are those of the queue that it belongs to. */
export function dramatiqDead(connection: Connection, key: string): FrameworkDead | null {
  if (key.endsWith(DELAYED)) return null;
  const set = `${key}${DRAMATIQ_DEAD}`;
  const place = { operation: 'read the dead messages', queue: key };
  return {
    count: async (signal) => ({
      count: asInteger(await connection.call(['ZCARD', set], { ...place, signal })),
      note: null,
    }),
    async *read(limit, signal) {
      let given = 0;
      for await (const page of sortedSetPages(connection, set, PAGE, { ...place, signal })) {
        const ids = page.map(({ value }) => value);
        const bodies = asList(
          await connection.call(['HMGET', `${set}.msgs`, ...ids], { ...place, bytes: true, signal }),
        );
        for (const [index, { value, score }] of page.entries()) {
          const body = bodies[index];
          if (limit !== null && given >= limit) return;
          // Its dead messages expire after a week: the id and the message at different moments.
          if (!Buffer.isBuffer(body)) {
            yield { id: value.toString('utf8'), message: null, gone: true };
            continue;
          }
          given += 1;
          const died = readInstant(score, 'milliseconds').at;
          const error = frameworkDeath({ queue: set, headers: {}, body })?.error ?? null;
          const death = { from: key, reason: 'failed', error, at: died, count: null, replays: 0 } as const;
          const id = value.toString('utf8');
          const native = { redis: { list: { framework: 'dramatiq', queue: key, id } } };
          yield { id, message: { ...elementMessage(key, body, null, 'dead', death), id, native }, gone: false };
        }
      }
    },
    async redrive({ id, body }) {
      const bytes = Buffer.from(body);
      const restored = frameworkDeath({ queue: set, headers: {}, body })?.restore();
      const back = typeof restored === 'object' ? Buffer.from(restored.body) : bytes;
      const keys = [set, `${set}.msgs`, `${key}.msgs`, key];
      return await moveScript(connection, REQUEUE, keys, [id ?? '', bytes, back], { operation: 'redrive', queue: key });
    },
  };
}
