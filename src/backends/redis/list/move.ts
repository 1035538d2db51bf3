import { isMqError } from '../../../contract/errors.ts';
import type { Message } from '../../../contract/message.ts';
import type { ItemOutcome, NativeMove, NativeMoveRequest, NativeProgress } from '../../../contract/queue.ts';
import { IN_BOTH, type MoveAnswer, moveScript } from '../browsing/move-script.ts';
import { PageSize } from '../browsing/page-size.ts';
import { requireRightToRemove } from '../browsing/rights.ts';
import type { Argument, Connection } from '../connection/connection.ts';
import { asInteger, asList } from '../connection/reply.ts';
import { removingFromList, tombstone } from './source.ts';

export interface ListEnd {
  readonly key: string;
  readonly next: 'left' | 'right';
}

/**
 * Moves the outermost elements, at most ARGV[3], in the order in which consumers would have taken them. A script that
 * fails half way is not undone. So the type of the target is checked first, and the target is written before the source
 * is cut.
 *
 * KEYS[1] source, KEYS[2] target. ARGV[1] end of the source, ARGV[2] end of the target. Returns how many are in the
 * target, their bytes, and 1 when the server refused to cut the source.
 */
const MOVE_PAGE = `
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'list' and kind ~= 'none' then return redis.error_reply('WRONGTYPE the target is not a list') end
local right = ARGV[1] == 'right'
local wanted = tonumber(ARGV[3])
local page
if right then page = redis.call('LRANGE', KEYS[1], -wanted, -1) else page = redis.call('LRANGE', KEYS[1], 0, wanted - 1) end
local count = #page
if count == 0 then return {0, 0, 0} end
local bytes = 0
for i = 1, count do bytes = bytes + #page[i] end
if right then
  local turned = {}
  for i = 1, count do turned[i] = page[count + 1 - i] end
  page = turned
end
redis.call(ARGV[2] == 'right' and 'LPUSH' or 'RPUSH', KEYS[2], unpack(page))
local cut
if right then cut = redis.pcall('LTRIM', KEYS[1], 0, -count - 1) else cut = redis.pcall('LTRIM', KEYS[1], count, -1) end
return {count, bytes, cut.err and 1 or 0}
`;

/**
 * Moves chosen elements of one window of the source: compares, pushes to the target, then removes. KEYS and ARGV[1],
 * ARGV[2] as above; ARGV[3] offset of the window from the consumers' end, ARGV[4] its length, ARGV[5] tombstone, then
 * the wanted values. Returns {elements looked at, their bytes, the number of elements up to the last one moved, then
 * for each wanted value 1, 0, or 2: it is in the target, and the server refused to remove it from the source}.
 */
const MOVE_CHOSEN = `
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'list' and kind ~= 'none' then return redis.error_reply('WRONGTYPE the target is not a list') end
local right = ARGV[1] == 'right'
local from = tonumber(ARGV[3])
local length = tonumber(ARGV[4])
local page
if right then page = redis.call('LRANGE', KEYS[1], -from - length, -from - 1) else page = redis.call('LRANGE', KEYS[1], from, from + length - 1) end
local wanted = {}
local results = {#page, 0, 0}
for i = 6, #ARGV do
  local list = wanted[ARGV[i]] or {}
  wanted[ARGV[i]] = list
  list[#list + 1] = i - 2
  results[i - 2] = 0
end
local values, indexes, places = {}, {}, {}
for i = 1, #page do
  local value = right and page[#page + 1 - i] or page[i]
  results[2] = results[2] + #value
  local list = wanted[value]
  if list and #list > 0 then
    places[#places + 1] = table.remove(list, 1)
    results[places[#places]] = 1
    values[#values + 1] = value
    results[3] = i
    local offset = from + i - 1
    indexes[#indexes + 1] = right and -1 - offset or offset
  end
end
if #values > 0 then
  redis.call(ARGV[2] == 'right' and 'LPUSH' or 'RPUSH', KEYS[2], unpack(values))
  local refused
  for i = 1, #indexes do refused = refused or redis.pcall('LSET', KEYS[1], indexes[i], ARGV[5]).err end
  if not refused then
    local removed = redis.pcall('LREM', KEYS[1], right and -#indexes or #indexes, ARGV[5])
    refused = type(removed) == 'table' and removed.err
  end
  if refused then
    for i = 1, #indexes do
      redis.pcall('LSET', KEYS[1], indexes[i], values[i])
      results[places[i]] = 2
    end
  end
end
return results
`;

const NOTHING = { moved: 0, skipped: [], failed: [], unknown: [], exhausted: false } as const satisfies NativeProgress;

/**
 * How many elements one call of MOVE_CHOSEN looks at: several pages, because the wanted values are sent again with each
 * call.
 */
const WINDOW = 1000;
const WINDOW_PAGES = 8;

/**
 * Both lists are in one slot of one server. A page of the next elements is one script: it is done completely or not at
 * all. A page of chosen ones may take several. When the server refuses one of them, the page tells what the earlier
 * ones did.
 */
export function listMove(connection: Connection, from: ListEnd, to: ListEnd, request: NativeMoveRequest): NativeMove {
  const place = { operation: 'move elements', queue: from.key };
  let mayRemove: Promise<void> | null = null;
  let left: number | null = null;
  let cursor = 0;
  const size = new PageSize();

  async function remaining(): Promise<number> {
    left ??= Math.min(
      request.limit ?? Number.POSITIVE_INFINITY,
      asInteger(await connection.call(['LLEN', from.key], { ...place, signal: request.signal })),
    );
    return left;
  }

  async function nextPage(upTo: number): Promise<NativeProgress> {
    const most = Math.min(upTo, await remaining());
    if (most <= 0) return { ...NOTHING, exhausted: true };
    const args = [from.next, to.next, size.next(most)];
    const answer = await moveScript(connection, MOVE_PAGE, [from.key, to.key], args, place);
    if ('refused' in answer) return { ...NOTHING, refused: answer.refused };
    const [moved = 0, bytes = 0, isUncut = 0] = asList(answer.reply).map(asInteger);
    if (isUncut === 1)
      return { ...NOTHING, unknown: new Array<ItemOutcome>(moved).fill({ id: null, reason: IN_BOTH }) };
    size.learn(moved, bytes);
    left = moved === 0 ? 0 : (left ?? 0) - moved;
    return { ...NOTHING, moved, exhausted: left <= 0 };
  }

  async function chosen(messages: readonly Message[]): Promise<NativeProgress> {
    let wanted = messages;
    let moved = 0;
    // Once from where the last page ended, and once from the start, because others may have taken elements meanwhile.
    for (const start of cursor === 0 ? [0] : [cursor, 0]) {
      cursor = start;
      for (;;) {
        if (wanted.length === 0) return { ...NOTHING, moved };
        const values = wanted.map(({ body }) => Buffer.from(body.buffer, body.byteOffset, body.byteLength));
        const window = Math.min(WINDOW, size.next() * WINDOW_PAGES);
        const args = [from.next, to.next, cursor, window, tombstone(), ...values];
        const answer = await tried(args, moved > 0);
        if ('lost' in answer) {
          const unknown = wanted.map(({ id }): ItemOutcome => ({ id, reason: answer.lost }));
          return { ...NOTHING, moved, unknown };
        }
        if ('refused' in answer) return { ...NOTHING, moved, refused: answer.refused };
        const [looked = 0, bytes = 0, last = 0, ...found] = asList(answer.reply).map(asInteger);
        const unknown = wanted.flatMap(({ id }, index) => (found[index] === 2 ? [{ id, reason: IN_BOTH }] : []));
        if (unknown.length > 0) return { ...NOTHING, moved, unknown };
        size.learn(looked, bytes);
        const missing = wanted.filter((_, index) => found[index] !== 1);
        const gone = wanted.length - missing.length;
        moved += gone;
        // Elements after the last one moved were not looked at when these were chosen: the next chosen ones are there.
        cursor += (missing.length === 0 ? last : looked) - gone;
        wanted = missing;
        if (looked < window) break;
      }
    }
    const skipped = wanted.map(({ id }): ItemOutcome => ({ id, reason: 'no longer in the list' }));
    return { ...NOTHING, moved, skipped };
  }

  /** `isOn`: what was moved before is told also when this answer is lost. */
  async function tried(args: readonly Argument[], isOn: boolean): Promise<MoveAnswer | { readonly lost: string }> {
    try {
      return await moveScript(connection, MOVE_CHOSEN, [from.key, to.key], args, place);
    } catch (error) {
      if (!isOn || !isMqError(error)) throw error;
      return { lost: error.message };
    }
  }

  return {
    guarantee: 'atomic',
    async next(selection) {
      mayRemove ??= requireRightToRemove(connection, removingFromList(from.key), from.key);
      await mayRemove;
      return 'upTo' in selection ? nextPage(selection.upTo) : chosen(selection.messages);
    },
    close: () => Promise.resolve(),
  };
}
