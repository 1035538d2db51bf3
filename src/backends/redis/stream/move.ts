import { isMqError, type MqError } from '../../../contract/errors.ts';
import type { Message } from '../../../contract/message.ts';
import type { ItemOutcome, NativeMove, NativeMoveRequest, NativeProgress } from '../../../contract/queue.ts';
import { IN_BOTH, moveCall, moveScript } from '../browsing/move-script.ts';
import { PAGE, PageSize } from '../browsing/page-size.ts';
import { requireRightToRemove } from '../browsing/rights.ts';
import { asInteger, asList } from '../connection/reply.ts';
import { type PendingEntry, readFacts, readPending, savedKey } from './facts.ts';
import { ghostsOf } from './ghosts.ts';
import { MAX_ID } from './ids.ts';
import { markedFields, ORIGIN, REPLAYS, readEntries } from './message.ts';
import { readAfter, unreadAfter } from './peek.ts';
import { removingPending, removingUnread, settlePending, unreadSource } from './source.ts';
import { isDead, type StreamView } from './view.ts';

/** Lua passes at most 8,000 values in a call (LUAI_MAXCSTACK). */
const MOST_VALUES_IN_A_SCRIPT = 7_900;

/**
 * Moves these entries: adds each to the target with its fields and its old id, then takes it from the source. An entry
 * that is gone, was read, or was settled meanwhile is left alone.
 *
 * KEYS[1] source, KEYS[2] target, KEYS[3] the group's saved position. ARGV: 'ready' or 'dead', group ('' for none),
 * highest id, '1' to delete from the source, '1' to count a replay, least deliveries, least idle time in ms, names of
 * the two marks, then ids. Returns for each 1, 0, 2 (more fields than a script can add: nothing was done), 4 (added,
 * and the server refused to remove it from the source) or 3 (after an entry of 2 or 4, or the server refused to add
 * it: not tried, so that the order is kept), and the bytes that were moved.
 */
const MOVE = `
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'stream' and kind ~= 'none' then return redis.error_reply('WRONGTYPE the target is not a stream') end
local function parts(id) local ms, seq = id:match('^(%d+)-(%d+)$') return tonumber(ms), tonumber(seq) end
local group = ARGV[2]
local afterMs, afterSeq
if ARGV[1] == 'ready' and group ~= '' then
  local after
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local found = {}
    for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
    if found.name == group then after = found['last-delivered-id'] end
  end
  if after == ARGV[3] then after = redis.call('HGET', KEYS[3], 'last-delivered-id') end
  if after then afterMs, afterSeq = parts(after) end
end
local function movable(id)
  if ARGV[1] == 'dead' then
    local pending = redis.call('XPENDING', KEYS[1], group, id, id, 1)[1]
    return pending and pending[4] >= tonumber(ARGV[6]) and pending[3] >= tonumber(ARGV[7])
  end
  if not afterMs then return true end
  local ms, seq = parts(id)
  return ms > afterMs or (ms == afterMs and seq > afterSeq)
end
local function refused(answer) return type(answer) == 'table' and answer.err end
local results, bytes = {}, 0
local isOver, isWritten = false, false
for i = 10, #ARGV do
  local id = ARGV[i]
  results[i - 9] = isOver and 3 or 0
  local entry = not isOver and movable(id) and redis.call('XRANGE', KEYS[1], id, id)[1]
  if entry and #entry[2] > ${MOST_VALUES_IN_A_SCRIPT} then
    results[i - 9] = 2
    isOver = true
  elseif entry then
    local fields = {}
    local replays = 0
    for f = 1, #entry[2], 2 do
      local name = entry[2][f]
      bytes = bytes + #name + #entry[2][f + 1]
      if name == ARGV[9] then replays = tonumber(entry[2][f + 1]) or 0 end
      if name ~= ARGV[8] and (name ~= ARGV[9] or ARGV[5] ~= '1') then
        fields[#fields + 1] = name
        fields[#fields + 1] = entry[2][f + 1]
      end
    end
    fields[#fields + 1] = ARGV[8]
    fields[#fields + 1] = id
    if ARGV[5] == '1' then
      fields[#fields + 1] = ARGV[9]
      fields[#fields + 1] = tostring(replays + 1)
    end
    local add = isWritten and redis.pcall or redis.call
    if refused(add('XADD', KEYS[2], '*', unpack(fields))) then
      results[i - 9] = 3
      isOver = true
    else
      isWritten = true
      local taken = ARGV[1] == 'dead' and redis.pcall('XACK', KEYS[1], group, id)
      if ARGV[4] == '1' and not refused(taken) then taken = redis.pcall('XDEL', KEYS[1], id) end
      isOver = refused(taken) and true or false
      results[i - 9] = isOver and 4 or 1
    end
  end
end
results[#results + 1] = bytes
return results
`;

/** What became of entries, in order. Those that are in neither list were not touched. */
interface Moving extends Pick<NativeProgress, 'unknown' | 'refused'> {
  /** False: it was left alone. */
  readonly moved: readonly boolean[];
}

/**
 * Both streams are in one slot of one server. Each page is one script. `isOnlyGroup`: no other group needs the entries
 * in the source.
 */
export function streamMove(
  view: StreamView,
  target: string,
  isOnlyGroup: boolean,
  request: NativeMoveRequest,
): NativeMove {
  const { connection, key, group } = view;
  const { deadDeliveries, deadIdleMs } = connection.settings;
  let left = request.limit ?? Number.POSITIVE_INFINITY;
  let after: string | null = null;
  /** Entries added after the start are not moved, so that a move into the same stream ends. */
  let end: string | null = null;
  let dead: PendingEntry[] | null = null;
  const size = new PageSize();
  let isToldOfLargeOnes = false;
  let mayRemove: Promise<void> | null = null;

  /** Rejects when nothing is known of any of them. */
  async function move(ids: readonly string[]): Promise<Moving> {
    const deletes = request.state === 'ready' || isOnlyGroup;
    const settings = [
      request.state,
      group ?? '',
      MAX_ID,
      deletes ? '1' : '0',
      request.countReplay ? '1' : '0',
      deadDeliveries,
      deadIdleMs,
      ORIGIN,
      REPLAYS,
    ];
    const keys = [key, target, savedKey(key, group ?? '')];
    const place = { operation: 'move entries', queue: key };
    const moved: boolean[] = [];
    while (moved.length < ids.length) {
      const rest = ids.slice(moved.length);
      let alone: string | null = null;
      try {
        const answer = await moveScript(connection, MOVE, keys, [...settings, ...rest], place);
        if ('refused' in answer) return { moved, unknown: [], refused: answer.refused };
        const codes = asList(answer.reply).map(asInteger);
        size.learn(rest.length, codes[rest.length] ?? 0);
        for (const [index, id] of rest.entries()) {
          if (codes[index] === 3) break;
          if (codes[index] === 4) return { moved, unknown: [{ id, reason: IN_BOTH }] };
          if (codes[index] !== 2) {
            moved.push(codes[index] === 1);
            continue;
          }
          alone = id;
          const answer = await moveAlone(id, deletes);
          if (typeof answer !== 'boolean') return { moved, unknown: [], ...answer };
          moved.push(answer);
          alone = null;
        }
      } catch (error) {
        if (moved.length === 0 || !isMqError(error)) throw error;
        const inDoubt = alone === null ? rest : [alone];
        return { moved, unknown: inDoubt.map((id) => ({ id, reason: error.message })) };
      }
    }
    return { moved, unknown: [] };
  }

  /**
   * An entry with more fields than a script can add. It is added by a call of its own, and only then removed, if that
   * is still allowed.
   */
  async function moveAlone(id: string, deletes: boolean): Promise<boolean | { readonly refused: MqError }> {
    const place = { operation: 'move entries', queue: key, bytes: true };
    const [entry] = readEntries(await connection.call(['XRANGE', key, id, id], place));
    if (entry === undefined) return false;
    if (!isToldOfLargeOnes) {
      request.notice(
        `an entry of more than ${MOST_VALUES_IN_A_SCRIPT / 2} fields is moved in two steps: when the run breaks off in between, it is in both places`,
      );
      isToldOfLargeOnes = true;
    }
    const fields = markedFields(entry, request.countReplay);
    const added = await moveCall(connection, ['XADD', target, '*', ...fields], place);
    if ('refused' in added) return added;
    if (request.state === 'dead') return (await settlePending(view, deletes, [id]))[0] !== 'gone';
    return (await unreadSource(view).remove([{ id }]))[0] === null;
  }

  function progress(ids: readonly string[], { moved, ...ended }: Moving, exhausted: boolean): NativeProgress {
    const skipped = ids
      .slice(0, moved.length)
      .flatMap((id, index): ItemOutcome[] => (moved[index] === true ? [] : [{ id, reason: SKIPPED }]));
    return { moved: moved.length - skipped.length, skipped, failed: [], exhausted, ...ended };
  }

  async function nextReady(most: number): Promise<NativeProgress> {
    after ??= await unreadAfter(view, request.signal);
    end ??= String(
      asList(
        await connection.call(['XREVRANGE', key, '+', '-', 'COUNT', 1], {
          operation: 'read',
          queue: key,
          signal: request.signal,
        }),
      ).map((entry) => asList(entry)[0])[0] ?? '',
    );
    const count = size.next(most);
    const page = after === null || end === '' ? [] : await readAfter(view, after, count, request.signal);
    const ids = page.map(({ id }) => id ?? '');
    const last = ids.indexOf(end);
    const inside = last === -1 ? ids : ids.slice(0, last + 1);
    if (inside.length === 0) return NOTHING_LEFT;
    const moved = await move(inside);
    after = inside.at(-1) ?? after;
    left -= inside.length;
    return progress(inside, moved, last !== -1 || inside.length < count || left <= 0);
  }

  async function nextDead(count: number): Promise<NativeProgress> {
    if (dead === null) {
      dead = [];
      const facts = await readFacts(connection, key, request.signal);
      for await (const page of readPending(connection, key, group ?? '', request.signal)) {
        const chosen = page.filter((entry) => isDead(view, entry));
        const ghosts = await ghostsOf(view, facts, chosen, request.signal);
        dead.push(...chosen.filter(({ id }) => !ghosts.has(id)));
      }
      left = Math.min(left, dead.length);
    }
    const ids = dead.splice(0, size.next(count)).map(({ id }) => id);
    if (ids.length === 0) return NOTHING_LEFT;
    left -= ids.length;
    return progress(ids, await move(ids), left <= 0);
  }

  async function named(messages: readonly Message[]): Promise<NativeProgress> {
    const ids = messages.map(({ id }) => id ?? '');
    return progress(ids, await move(ids), false);
  }

  return {
    guarantee: 'atomic',
    async next(selection) {
      const removing = request.state === 'ready' ? removingUnread(view) : removingPending(view, isOnlyGroup);
      mayRemove ??= requireRightToRemove(connection, removing, key);
      await mayRemove;
      if ('messages' in selection) return named(selection.messages);
      const count = Math.min(selection.upTo, PAGE, left);
      if (count <= 0) return NOTHING_LEFT;
      return request.state === 'ready' ? nextReady(count) : nextDead(count);
    },
    close: () => Promise.resolve(),
  };
}

const NOTHING_LEFT = {
  moved: 0,
  skipped: [],
  failed: [],
  unknown: [],
  exhausted: true,
} as const satisfies NativeProgress;
const SKIPPED = 'deleted, read or settled meanwhile';
