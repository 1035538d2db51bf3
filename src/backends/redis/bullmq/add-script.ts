import type { JobJson } from 'bullmq';
import type { Argument, Connection } from '../connection/connection.ts';
import { asList, asText } from '../connection/reply.ts';
import type { BullPlace } from './find.ts';
import { type BullLibrary, bullLibrary, type RunScript } from './library.ts';
import { OLD_LAYOUT, oldLayoutKeys } from './old-layout.ts';
import { aroundLibrary, runStored, type StoredScript } from './scripts.ts';

/** The outcome for a job that was to be added: `added`; or a job exists already, and nothing was done. */
export interface Added {
  readonly word: 'added' | 'same' | 'other' | 'twin' | 'rival' | 'closed';
  /** Of the existing job. For `added`, a negative number means that the library refused it. */
  readonly id: string;
}

/**
 * If a job of that id exists, the library answers with its id, and the caller takes it for its own. So the script that
 * adds looks first. A job of that id is the message itself if it has the same name and data. The same applies to the
 * job that holds its deduplication id: `twin` or `rival`. `closed`: that job is gone, but its time is not over.
 * `passTaken`: the counter of ids may come to an id that a producer gave, or may have been lost. The library would then
 * write over that job.
 */
const LOOK = `
local function isIt(key)
  local there = redis.call('HMGET', key, 'name', 'data')
  return there[1] == args[3] and there[2] == ARGV[2]
end
local function look(unique)
  local id = args[2]
  if id ~= '' and redis.call('EXISTS', args[1] .. id) == 1 then
    return {isIt(args[1] .. id) and 'same' or 'other', id}
  end
  local holder = unique ~= '' and redis.call('GET', unique)
  if not holder then return nil end
  if redis.call('EXISTS', args[1] .. holder) == 1 then
    return {isIt(args[1] .. holder) and 'twin' or 'rival', holder}
  end
  if redis.call('PTTL', unique) ~= -1 then return {'closed', holder} end
  return nil
end
local function passTaken()
  local counter = redis.pcall('GET', args[1] .. 'id')
  local last = type(counter) ~= 'table' and tonumber(counter or 0)
  while last and redis.call('EXISTS', args[1] .. string.format('%.0f', last + 1)) == 1 do
    last = tonumber(redis.call('INCR', args[1] .. 'id'))
  end
end
`;

/**
 * KEYS: the library's, then the waiting list, the paused list and meta. ARGV: the library's three, the key of the
 * deduplication id or nothing, the layout. `retry-script.ts` explains which list to add to.
 */
const NEW = (lua: string, numberOfKeys: number): Omit<StoredScript, 'name'> => ({
  numberOfKeys: numberOfKeys + 3,
  lua: `
local KEYS = {unpack(KEYS)}
local args = cmsgpack.unpack(ARGV[1])
${LOOK}
local there = look(ARGV[4])
if there then return there end
local wait, paused, meta = KEYS[${numberOfKeys + 1}], KEYS[${numberOfKeys + 2}], KEYS[${numberOfKeys + 3}]
if KEYS[1] == wait and redis.call('HEXISTS', meta, 'paused') == 1 and (ARGV[5] == '5' or redis.call('EXISTS', paused) == 1) then KEYS[1] = paused end
if args[2] == '' then passTaken() end
local function library()
${lua}
end
return {'added', library() .. ''}
`,
});

/** KEYS: id counter, those of the layout. ARGV: as the current library packs them, then the layout. */
const OLD: StoredScript = {
  name: 'mq:add:old',
  numberOfKeys: 9,
  lua: `
local args, opts = cmsgpack.unpack(ARGV[1]), cmsgpack.unpack(ARGV[3])
${LOOK}
${OLD_LAYOUT}
local there = look('')
if there then return there end
if args[2] == '' then passTaken() end
local counter = redis.call('INCR', KEYS[1])
local id = args[2] == '' and counter .. '' or args[2]
local at, delay, priority = args[4], tonumber(opts['delay']) or 0, tonumber(opts['priority']) or 0
redis.call('HSET', args[1] .. id, 'name', args[3], 'data', ARGV[2], 'opts', cjson.encode(opts), 'timestamp', at, 'delay', delay, 'priority', priority)
emit('event', 'added', 'jobId', id, 'name', args[3])
if delay > 0 then
  local due = at + delay
  redis.call('ZADD', KEYS[9], due * 0x1000 + bit.band(counter, 0xfff), id)
  emit('event', 'delayed', 'jobId', id, 'delay', due)
  if not isPaused() and redis.call('LLEN', KEYS[3]) == 0 then
    local first = redis.call('ZRANGE', KEYS[9], 0, 0, 'WITHSCORES')
    redis.call('LPUSH', KEYS[3], '0:' .. string.format('%.0f', tonumber(first[2]) / 0x1000))
  end
else
  makeReady(id, priority, opts['lifo'], tonumber(ARGV[4]))
  emit('event', 'waiting', 'jobId', id)
end
return {'added', id}
`,
};

export interface Adder {
  readonly library: BullLibrary;
  /** Throws the error of the server or the connection. */
  add(job: JobJson, id: string | null): Promise<Added>;
}

export async function adder(connection: Connection, bull: BullPlace): Promise<Adder> {
  const library = await bullLibrary(connection, bull);
  const key = (suffix: string): string => `${bull.base}:${suffix}`;
  const oldKeys = [key('id'), ...oldLayoutKeys(bull)];
  const listKeys = ['wait', 'paused', 'meta'].map(key);
  return {
    library,
    async add(job, id) {
      const unique = job.deduplicationId === undefined ? '' : `${bull.base}:de:${job.deduplicationId}`;
      const run: RunScript = (command, args) => {
        const packed = args.slice(-3);
        if (bull.layout <= 4) return runStored(connection, OLD, [...oldKeys, ...packed, bull.layout]);
        const script = aroundLibrary(connection, command, NEW);
        return runStored(connection, script, [
          ...args.slice(0, -3),
          ...listKeys,
          ...packed,
          unique,
          bull.layout,
        ] as Argument[]);
      };
      const [word, there] = asList(await library.adding(job, id ?? '', run)).map(asText);
      return { word: word as Added['word'], id: there ?? '' };
    },
  };
}
