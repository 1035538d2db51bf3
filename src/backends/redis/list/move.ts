import type { ItemOutcome, NativeMove, NativeMoveRequest, NativeProgress } from '../../../contract/queue.ts';
import { IN_BOTH, moveScript } from '../browsing/move-script.ts';
import { PageSize } from '../browsing/page-size.ts';
import { requireRightToRemove } from '../browsing/rights.ts';
import type { Connection } from '../connection/connection.ts';
import { asInteger, asList } from '../connection/reply.ts';
import type { ListEnd } from './elements.ts';
import { chosenMove } from './move-chosen.ts';
import { removingFromList } from './source.ts';

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

const NOTHING = { moved: 0, skipped: [], failed: [], unknown: [], exhausted: false } as const satisfies NativeProgress;

/**
 * Both lists are in one slot of one server. A page of the next elements is one script: it is done completely or not at
 * all. A page of chosen ones may take several. When the server refuses one of them, the page tells what the earlier
 * ones did.
 */
export function listMove(connection: Connection, from: ListEnd, to: ListEnd, request: NativeMoveRequest): NativeMove {
  const place = { operation: 'move elements', queue: from.key };
  let mayRemove: Promise<void> | null = null;
  let left: number | null = null;
  const size = new PageSize();
  const chosen = chosenMove(connection, from, to, place);

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

  return {
    guarantee: 'atomic',
    async next(selection) {
      mayRemove ??= requireRightToRemove(connection, removingFromList(from.key), from.key);
      await mayRemove;
      return 'upTo' in selection ? nextPage(selection.upTo) : chosen.next(selection.messages);
    },
    close: () => Promise.resolve(),
  };
}
