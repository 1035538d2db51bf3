import { throwIfAborted } from '../../../contract/errors.ts';
import type { Connection } from '../connection/connection.ts';
import { asInteger } from '../connection/reply.ts';
import { redisError } from '../errors.ts';
import type { BullPlace } from './find.ts';
import { bullLibrary } from './library.ts';
import { runStored, type StoredScript } from './scripts.ts';
import { PAUSE_REASON } from './stats.ts';

/**
 * Up to version 5, pausing renames the list of waiting jobs. That stops workers of 3 and 4, and it is what producers
 * and the resume of those versions go by. If both lists exist, those versions would lose one of them. Here the two
 * become one, in order, a thousand jobs a call. The flag is set before the first call, and cleared after the last.
 *
 * KEYS: from, to, meta, events, prioritized, delayed, marker. ARGV: paused or resumed, layout. Returns how many are
 * still to come.
 */
const SWITCH: StoredScript = {
  name: 'mq:pause:old',
  numberOfKeys: 7,
  lua: `
local pausing, layout = ARGV[1] == 'paused', tonumber(ARGV[2])
local wasPaused = redis.call('HEXISTS', KEYS[3], 'paused') == 1
if pausing then
  redis.call('HSET', KEYS[3], 'paused', 1)
  if layout == 5 then redis.call('DEL', KEYS[7]) end
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  if redis.call('EXISTS', KEYS[2]) == 0 then
    redis.call('RENAME', KEYS[1], KEYS[2])
  elseif pausing then
    local ids = redis.call('LRANGE', KEYS[1], -1000, -1)
    for i = #ids, 1, -1 do redis.call('LPUSH', KEYS[2], ids[i]) end
    redis.call('LTRIM', KEYS[1], 0, -#ids - 1)
  else
    local ids = redis.call('LRANGE', KEYS[1], 0, 999)
    redis.call('RPUSH', KEYS[2], unpack(ids))
    redis.call('LTRIM', KEYS[1], #ids, -1)
  end
end
local left = redis.call('LLEN', KEYS[1])
if left > 0 then return left end
if not pausing then
  redis.call('HDEL', KEYS[3], 'paused')
  local waiting, prioritized = redis.call('LLEN', KEYS[2]), redis.call('ZCARD', KEYS[5])
  if layout == 5 then
    if waiting + prioritized > 0 then redis.call('ZADD', KEYS[7], 0, '0')
    else
      local first = redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')
      if first[2] then redis.call('ZADD', KEYS[7], tonumber(first[2]) / 0x1000, '1') end
    end
  elseif layout == 4 and prioritized > 0 and waiting == 0 then redis.call('LPUSH', KEYS[2], '0:0') end
end
if pausing ~= wasPaused then redis.call('XADD', KEYS[4], '*', 'event', ARGV[1]) end
return 0
`,
};

async function switchOld(
  connection: Connection,
  bull: BullPlace,
  to: 'paused' | 'resumed',
  signal: AbortSignal,
): Promise<void> {
  const lists = to === 'paused' ? ['wait', 'paused'] : ['paused', 'wait'];
  const keys = [...lists, 'meta', 'events', 'prioritized', 'delayed', 'marker'].map(
    (suffix) => `${bull.base}:${suffix}`,
  );
  for (;;) {
    const left = asInteger(await runStored(connection, SWITCH, [...keys, to, bull.layout]));
    if (left === 0) return;
    throwIfAborted(signal);
  }
}

export async function pauseBull(
  connection: Connection,
  bull: BullPlace,
  reason: string | null,
  signal: AbortSignal,
): Promise<void> {
  const place = { operation: 'pause', queue: bull.shown };
  try {
    if (reason !== null) await connection.call(['HSET', `${bull.base}:meta`, PAUSE_REASON, reason], place);
    if (bull.layout <= 5) await switchOld(connection, bull, 'paused', signal);
    else await (await bullLibrary(connection, bull)).queue.pause();
  } catch (error) {
    throw redisError(error, place);
  }
}

/**
 * The library's resume also brings back, 7,000 a call, the jobs that BullMQ 5 has put into its paused list. A producer
 * of version 5 may still add one between reading the flag and our clearing it. So the list is checked again until it is
 * empty.
 */
export async function resumeBull(connection: Connection, bull: BullPlace, signal: AbortSignal): Promise<void> {
  const place = { operation: 'resume', queue: bull.shown };
  try {
    if (bull.layout <= 5) await switchOld(connection, bull, 'resumed', signal);
    else {
      const { queue } = await bullLibrary(connection, bull);
      for (;;) {
        throwIfAborted(signal);
        await queue.resume();
        if (asInteger(await connection.call(['LLEN', `${bull.base}:paused`], place)) === 0) break;
      }
    }
    await connection.call(['HDEL', `${bull.base}:meta`, PAUSE_REASON], place);
  } catch (error) {
    throw redisError(error, place);
  }
}
