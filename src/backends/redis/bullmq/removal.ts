import type { Removing } from '../browsing/rights.ts';
import type { Connection } from '../connection/connection.ts';
import { asInteger, asList, asText } from '../connection/reply.ts';
import type { BullPlace } from './find.ts';
import type { JobHash } from './message.ts';
import { runStored, type StoredScript } from './scripts.ts';

/**
 * The fields that a worker changes when it takes a job. The script that removes the job compares them with what was
 * read, and so knows whether a worker took it.
 */
const TOUCHED = ['ats', 'atm', 'attemptsMade', 'processedOn', 'finishedOn'] as const;

export type Touched = readonly string[];

export function touchedOf(hash: JobHash): Touched {
  return TOUCHED.map((field) => hash[field]?.toString('utf8') ?? '');
}

/** Why a job stays in its queue. The scripts answer with the name. */
const STAYS = {
  child: 'it is the child of another job, which would go on without it, and stays where it is',
  parent: 'it has children, and stays where it is',
  foreign: 'its key holds another type of value, so it is no job',
  scheduler: 'it is the next run of a scheduler, which would stop without it, and stays where it is',
} as const;
type Tie = keyof typeof STAYS;

export function whyItStays(tie: string): string {
  return STAYS[tie as Tie] ?? 'it stays where it is';
}

/**
 * A script that fails half way is not undone. So a call that a key of another type may make fail, after something was
 * removed, is a `pcall`.
 *
 * The ties of a job to others: removing it alone would do more than that. A finished run of a scheduler, or one whose
 * next run exists, is like any other job; so is the child of a parent that is gone. The id of a run ends with the time
 * that the scheduler remembers, whoever made it, including repeatable jobs of version 3 and 4. The parent may be in
 * another slot of a cluster, where no script can look: then it counts as existing.
 */
const JOBS = `
local function tieOf(key, id, schedulers)
  local read = redis.pcall('HMGET', key, 'parentKey', 'rjk')
  if read.err then return 'foreign' end
  local parent, scheduler = unpack(read)
  if scheduler then
    local at = redis.pcall('ZSCORE', schedulers, scheduler)
    if type(at) == 'string' and id:sub(-#at - 1) == ':' .. at then return 'scheduler' end
  end
  if parent and parent ~= '' and redis.pcall('EXISTS', parent) ~= 0 then return 'child' end
  if redis.call('EXISTS', key .. ':dependencies', key .. ':processed') > 0 then return 'parent' end
  return nil
end
local function forget(prefix, id)
  local key = prefix .. id
  local unique = redis.call('HGET', key, 'deid')
  if unique and redis.pcall('GET', prefix .. 'de:' .. unique) == id then
    redis.call('DEL', prefix .. 'de:' .. unique, prefix .. 'dn:' .. unique)
  end
  redis.pcall('ZREM', prefix .. 'priority', id)
  redis.call('DEL', key, key .. ':logs', key .. ':dependencies', key .. ':processed', key .. ':failed', key .. ':unsuccessful')
end
`;

/**
 * KEYS: events, repeat. ARGV: prefix, then for each job its id, the list or set that it was read from, and the fields
 * that a worker changes, as they were read. Returns one word for each: '' removed, `gone`, `taken`, or its tie.
 */
const REMOVE: StoredScript = {
  name: 'mq:remove',
  numberOfKeys: 2,
  lua: `
${JOBS}
local prefix, answers = ARGV[1], {}
local function remove(id, container, touched)
  local key = prefix .. id
  if redis.call('EXISTS', key) == 0 then return 'gone' end
  local now = redis.pcall('HMGET', key, ${TOUCHED.map((field) => `'${field}'`).join(', ')})
  if now.err then return 'foreign' end
  for i = 1, ${TOUCHED.length} do
    if (now[i] or '') ~= touched[i] then return 'taken' end
  end
  local tie = tieOf(key, id, KEYS[2])
  if tie then return tie end
  local from = prefix .. container
  local other = container == 'wait' and 'paused' or container == 'paused' and 'wait' or nil
  local done
  if other then
    done = redis.call('LREM', from, -1, id) == 1 or redis.call('LREM', prefix .. other, -1, id) == 1
  else
    done = redis.call('ZREM', from, id) == 1
  end
  if not done then return 'taken' end
  forget(prefix, id)
  redis.pcall('XADD', KEYS[1], '*', 'event', 'removed', 'jobId', id, 'prev', container)
  return ''
end
for at = 2, #ARGV, ${TOUCHED.length + 2} do
  local touched = {}
  for i = 1, ${TOUCHED.length} do touched[i] = ARGV[at + 1 + i] end
  answers[#answers + 1] = remove(ARGV[at], ARGV[at + 1], touched)
end
return answers
`,
};

export function removingJobs({ base }: BullPlace): Removing {
  const job = `${base}:mq`;
  return {
    keys: [`${base}:events`, `${base}:repeat`],
    commands: [
      ['EXISTS', job],
      ['HMGET', job, 'name'],
      ['HGET', job, 'deid'],
      ['ZSCORE', `${base}:repeat`, ''],
      ['LREM', `${base}:wait`, 1, ''],
      ['ZREM', `${base}:failed`, ''],
      ['DEL', job],
      ['XADD', `${base}:events`, '*', 'event', 'removed'],
    ],
  };
}

export interface Removable {
  readonly id: string;
  /** The list or set that it was read from. */
  readonly container: string;
  readonly touched: Touched;
}

/**
 * Takes jobs out of the queue, each only if it is still in its place and no worker has had it since. This is one
 * script, because between a look and a removal a worker can take, complete and lose the job. One word for each, see
 * `REMOVE`.
 */
export async function removeJobs(
  connection: Connection,
  { base }: BullPlace,
  jobs: readonly Removable[],
): Promise<readonly string[]> {
  const reply = await runStored(connection, REMOVE, [
    `${base}:events`,
    `${base}:repeat`,
    `${base}:`,
    ...jobs.flatMap(({ id, container, touched }) => [id, container, ...touched]),
  ]);
  return asList(reply).map(asText);
}

/**
 * Removes one page of a list or set, from the end that is worked on first. KEYS: it, events, repeat. ARGV: prefix,
 * `list` or `zset`, how many to skip, how many to look at. A marker that wakes workers is not a job: it stays and is
 * not counted. An id without a job is removed. Returns how many were looked at, removed, and were only ids; then the id
 * and the tie of each job that stays.
 */
const CLEAN: StoredScript = {
  name: 'mq:clean',
  numberOfKeys: 3,
  lua: `
${JOBS}
local prefix, isList, skip, count = ARGV[1], ARGV[2] == 'list', tonumber(ARGV[3]), tonumber(ARGV[4])
local ids
if isList then ids = redis.call('LRANGE', KEYS[1], -skip - count, -skip - 1)
else ids = redis.call('ZRANGE', KEYS[1], skip, skip + count - 1) end
local removed, bare, stays, gone = 0, 0, {}, {}
for i = #ids, 1, -1 do
  local id = ids[i]
  local key = prefix .. id
  local isMarker = isList and id:sub(1, 2) == '0:'
  local tie = not isMarker and tieOf(key, id, KEYS[3])
  if tie then
    stays[#stays + 1] = id
    stays[#stays + 1] = tie
  elseif not isMarker then
    if redis.call('EXISTS', key) == 1 then removed = removed + 1 else bare = bare + 1 end
    forget(prefix, id)
    if isList then redis.call('LSET', KEYS[1], i - #ids - 1 - skip, '') else gone[#gone + 1] = id end
  end
end
if isList and removed + bare > 0 then redis.call('LREM', KEYS[1], -(removed + bare), '') end
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
if removed > 0 then redis.pcall('XADD', KEYS[2], '*', 'event', 'cleaned', 'count', removed) end
return {#ids, removed, bare, unpack(stays)}
`,
};

export interface Cleaned {
  readonly looked: number;
  readonly removed: number;
  /** Ids in the list or set that have no job. */
  readonly bare: number;
  readonly stays: readonly { readonly id: string; readonly tie: string }[];
}

export async function cleanPage(
  connection: Connection,
  { base }: BullPlace,
  { suffix, isList, skip, count }: { suffix: string; isList: boolean; skip: number; count: number },
): Promise<Cleaned> {
  const keys = [`${base}:${suffix}`, `${base}:events`, `${base}:repeat`];
  const args = [`${base}:`, isList ? 'list' : 'zset', skip, count];
  const [looked, removed, bare, ...stays] = asList(await runStored(connection, CLEAN, [...keys, ...args]));
  const ties: { id: string; tie: string }[] = [];
  for (let i = 0; i + 1 < stays.length; i += 2) ties.push({ id: asText(stays[i]), tie: asText(stays[i + 1]) });
  return { looked: asInteger(looked), removed: asInteger(removed), bare: asInteger(bare), stays: ties };
}
