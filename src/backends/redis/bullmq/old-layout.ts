import type { BullPlace } from './find.ts';

/**
 * Where BullMQ 3 and 4 put a job that is ready to be worked on (`addJob` of 3.16, `addStandardJob` and
 * `addPrioritizedJob` of 4.18). Only those versions still write these layouts, so they will not change. The library
 * inside `mq` writes only later ones.
 *
 * KEYS[2] events, [3] wait, [4] paused, [5] meta, [6] priority, [7] prioritized, [8] pc, [9] delayed.
 */
export const OLD_LAYOUT = `
local function isPaused() return redis.call('HEXISTS', KEYS[5], 'paused') == 1 end
local function emit(...)
  local most = redis.call('HGET', KEYS[5], 'opts.maxLenEvents') or 10000
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', most, '*', ...)
end
local function makeReady(id, priority, lifo, layout)
  local target = isPaused() and KEYS[4] or KEYS[3]
  if priority == 0 then
    redis.call(lifo and 'RPUSH' or 'LPUSH', target, id)
  elseif layout == 3 then
    redis.call('ZADD', KEYS[6], priority, id)
    local before = redis.call('LLEN', target) - (redis.call('ZCOUNT', KEYS[6], 0, priority) - 1)
    local neighbour = before >= 0 and redis.call('LINDEX', target, before)
    if neighbour then redis.call('LINSERT', target, 'BEFORE', neighbour, id)
    elseif before < 0 then redis.call('LPUSH', target, id)
    else redis.call('RPUSH', target, id) end
  else
    local score = priority * 0x100000000 + redis.call('INCR', KEYS[8]) % 0x100000000
    redis.call('ZADD', KEYS[7], score, id)
    if not isPaused() and redis.call('LLEN', KEYS[3]) == 0 then redis.call('LPUSH', KEYS[3], '0:0') end
  end
end
`;

/** KEYS[2] to KEYS[9]. */
export function oldLayoutKeys({ base }: BullPlace): readonly string[] {
  return ['events', 'wait', 'paused', 'meta', 'priority', 'prioritized', 'pc', 'delayed'].map(
    (suffix) => `${base}:${suffix}`,
  );
}
