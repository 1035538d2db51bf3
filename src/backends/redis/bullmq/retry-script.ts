import type { Argument, Connection } from '../connection/connection.ts';
import type { BullPlace } from './find.ts';
import { bullLibrary } from './library.ts';
import { REPLAYS } from './message.ts';
import { OLD_LAYOUT, oldLayoutKeys } from './old-layout.ts';
import { aroundLibrary, runStored, type StoredScript } from './scripts.ts';

export interface Retried {
  readonly id: string;
  /** Put it before the waiting jobs. */
  readonly lifo: boolean;
  /** Count it as redriven once more. */
  readonly countReplay: boolean;
}

/** 1: it waits again. -1: there is no such job. -3: it is not among the failed jobs. */
type RetryAnswer = number;

/**
 * Attempts start again in every place where a version counts them. A job that died under BullMQ 4 may be run by the
 * later version 5, which reads what both have written. And one that died of stalling would die of the next stall.
 */
const ANEW = `
if result == 1 then
  redis.call('HDEL', KEYS[1], 'atm', 'ats', 'attemptsMade', 'stc', 'stalledCounter')
  if isCounted == '1' then redis.call('HINCRBY', KEYS[1], '${REPLAYS}', 1) end
end
return result
`;

/**
 * The library's own script, with the list that is right for the version. KEYS: the library's nine, then the paused
 * list. ARGV: the library's six, the layout, and 1 to count a replay. While the queue is paused, version 5 parks new
 * jobs in the paused list. Jobs that are in the waiting list by then are lost when it is resumed.
 */
const NEW = (lua: string, numberOfKeys: number): Omit<StoredScript, 'name'> => ({
  numberOfKeys: numberOfKeys + 1,
  lua: `
local KEYS = {unpack(KEYS)}
local isCounted = ARGV[8]
local paused = KEYS[${numberOfKeys + 1}]
if redis.call('HEXISTS', KEYS[5], 'paused') == 1 and (ARGV[7] == '5' or redis.call('EXISTS', paused) == 1) then KEYS[4] = paused end
local function library()
${lua}
end
local result = library()
${ANEW}`,
});

/**
 * Like the libraries of version 3 and 4, but the priority stays. KEYS: job, those of the layout, failed. ARGV: id, 1
 * for lifo, layout, 1 to count a replay.
 */
const OLD: StoredScript = {
  name: 'mq:retry:old',
  numberOfKeys: 10,
  lua: `
${OLD_LAYOUT}
local isCounted = ARGV[4]
local function retry()
  if redis.call('EXISTS', KEYS[1]) == 0 then return -1 end
  if redis.call('ZREM', KEYS[10], ARGV[1]) == 0 then return -3 end
  redis.call('HDEL', KEYS[1], 'finishedOn', 'processedOn', 'failedReason')
  makeReady(ARGV[1], tonumber(redis.call('HGET', KEYS[1], 'priority')) or 0, ARGV[2] == '1', tonumber(ARGV[3]))
  emit('event', 'waiting', 'jobId', ARGV[1], 'prev', 'failed')
  return 1
end
local result = retry()
${ANEW}`,
};

/** A function that puts one failed job back among the waiting ones, in one script. */
export async function retrier(
  connection: Connection,
  bull: BullPlace,
): Promise<(job: Retried) => Promise<RetryAnswer>> {
  const key = (suffix: string): string => `${bull.base}:${suffix}`;
  const flag = (is: boolean): Argument => (is ? '1' : '0');
  if (bull.layout <= 4) {
    const keys = [...oldLayoutKeys(bull), key('failed')];
    return async ({ id, lifo, countReplay }) =>
      Number(await runStored(connection, OLD, [key(id), ...keys, id, flag(lifo), bull.layout, flag(countReplay)]));
  }
  const { commandOf } = await bullLibrary(connection, bull);
  const script = aroundLibrary(connection, commandOf('reprocessJob'), NEW);
  const keys = ['events', 'failed', 'wait', 'meta', 'active', 'marker', 'prioritized', 'pc', 'paused'].map(key);
  return async ({ id, lifo, countReplay }) =>
    Number(
      await runStored(connection, script, [
        key(id),
        ...keys,
        id,
        lifo ? 'RPUSH' : 'LPUSH',
        'failedReason',
        'failed',
        '1',
        '1',
        bull.layout,
        flag(countReplay),
      ]),
    );
}
