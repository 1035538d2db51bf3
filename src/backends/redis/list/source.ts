import type { Death } from '../../../contract/message.ts';
import { type Removing, requireRightToRemove } from '../browsing/rights.ts';
import type { Argument, Connection } from '../connection/connection.ts';
import { asInteger, asList } from '../connection/reply.ts';
import type { BrowseSource, Held, Removal } from '../consumer.ts';
import type { Framework } from '../framework.ts';
import { readFrom } from './elements.ts';
import { elementMessage } from './message.ts';
import { atOnce, SWEEP, TAKEN_BEFORE, tombstone } from './tombstones.ts';

/**
 * Removes elements by value. It looks first where each is expected, counted from the consumers' end, less what others
 * have taken there meanwhile. If all of them are the outermost ones, one LTRIM removes them, else see `tombstone`.
 *
 * A server that is out of memory refuses LSET, even if it frees memory, and allows LREM. Then it is one LREM for each
 * after all.
 *
 * An element that is not where it was expected is searched for once, a little beyond its place. Any equal element will
 * do: equal elements cannot be told apart.
 *
 * KEYS[1] list. ARGV[1] 'left' or 'right', ARGV[2] tombstone, then pairs of expected offset and value. Returns 1
 * (removed) or 0 (no longer there) for each pair.
 */
const REMOVE = `${SWEEP}${TAKEN_BEFORE}
local right = ARGV[1] == 'right'
local tombstone = ARGV[2]
local function at(offset) if right then return -1 - offset end return offset end
local count = (#ARGV - 2) / 2
local outermost = true
for i = 1, count do
  if tonumber(ARGV[1 + 2 * i]) ~= i - 1 then outermost = false break end
end
if outermost then
  local page
  if right then page = redis.call('LRANGE', KEYS[1], -count, -1) else page = redis.call('LRANGE', KEYS[1], 0, count - 1) end
  outermost = #page == count
  for i = 1, #page do
    local value = right and page[count + 1 - i] or page[i]
    if value ~= ARGV[2 + 2 * i] then outermost = false break end
  end
  if outermost then
    if right then redis.call('LTRIM', KEYS[1], 0, -count - 1) else redis.call('LTRIM', KEYS[1], count, -1) end
    local done = {}
    for i = 1, count do done[i] = 1 end
    return done
  end
end
local results = {}
local gone = count > 0 and takenBefore(KEYS[1], right, tonumber(ARGV[3]), ARGV[4]) or 0
local marked = {}
for i = 1, count do
  local offset = tonumber(ARGV[1 + 2 * i]) - gone
  local value = ARGV[2 + 2 * i]
  local index = at(offset)
  results[i] = 0
  if redis.call('LINDEX', KEYS[1], index) ~= value then
    local found = redis.pcall('LPOS', KEYS[1], value, 'RANK', right and -1 or 1, 'MAXLEN', offset + 1000)
    index = type(found) == 'number' and found or nil
  end
  if index then
    local set = redis.pcall('LSET', KEYS[1], index, tombstone)
    if set.ok then
      marked[#marked + 1] = index
      results[i] = 1
    else
      results[i] = redis.call('LREM', KEYS[1], right and -1 or 1, value)
      gone = gone + results[i]
    end
  end
end
if #marked > 0 then
  local removed = sweep(KEYS[1], tombstone, marked)
  if type(removed) == 'table' and removed.err then return redis.error_reply(removed.err) end
end
return results
`;

/** An element as it was read. The object is its identity: two equal elements are two items. */
export interface ListItem {
  readonly value: Buffer;
}

export interface ListPlace {
  readonly connection: Connection;
  readonly key: string;
  readonly next: 'left' | 'right';
  readonly framework: Framework | null;
  readonly dead: Death | null;
}

/**
 * Reads a list forward from the consumers' end. Positions hold while others push at the far end; when others pop, it
 * finds its place again.
 */
export function listSource(place: ListPlace): BrowseSource<ListItem> {
  const { connection, key, next } = place;
  /** What was read and is still there as far as we know, from the consumers' end on. */
  let held: ListItem[] = [];

  const range = (offset: number, count: number, signal: AbortSignal): Promise<readonly Buffer[]> =>
    readFrom(connection, place, { offset, count }, { operation: 'read', queue: key, signal });

  return {
    mayRemove: () => requireRightToRemove(connection, removingFromList(key), key),
    async read(count, signal): Promise<readonly Held<ListItem>[]> {
      const anchor = held.at(-1);
      let page: readonly Buffer[];
      if (anchor === undefined) page = await range(0, count, signal);
      else {
        const withAnchor = await range(held.length - 1, count + 1, signal);
        if (withAnchor[0]?.equals(anchor.value)) page = withAnchor.slice(1);
        else page = await afterLost(anchor, count, signal);
      }
      const items = page.map((value): ListItem => ({ value }));
      held.push(...items);
      return items.map((item) => ({
        item,
        message: elementMessage(key, item.value, place.framework, 'ready', place.dead),
      }));
    },
    async remove(items): Promise<readonly Removal[]> {
      const wanted = new Set(items);
      const placed = [...held.entries()].filter(([, item]) => wanted.has(item));
      const results = new Map<ListItem, boolean>();
      let gone = 0;
      for (let done = 0; done < placed.length; ) {
        const some = placed.slice(done, done + atOnce(placed[done]?.[0] ?? 0));
        done += some.length;
        // Those that went before have brought these nearer.
        const pairs = some.flatMap(([offset, { value }]): Argument[] => [offset - gone, value]);
        const call = { operation: 'remove elements', queue: key };
        const reply = asList(await connection.script(REMOVE, [key], [next, tombstone(), ...pairs], call));
        const removed = some.map((_, index) => asInteger(reply[index] ?? 0) === 1);
        for (const [index, [, item]] of some.entries()) results.set(item, removed[index] === true);
        gone += removed.filter(Boolean).length;
      }
      held = held.filter((item) => !wanted.has(item));
      return items.map((item) =>
        results.get(item) === true ? null : 'another consumer has taken it meanwhile, so it may be processed twice',
      );
    },
  };

  /** Others popped what we hold: what was read before is shorter now by as many as are gone. */
  async function afterLost(anchor: ListItem, count: number, signal: AbortSignal): Promise<readonly Buffer[]> {
    const position = await connection.call(['LPOS', key, anchor.value, 'RANK', next === 'left' ? 1 : -1], {
      operation: 'read',
      queue: key,
      signal,
    });
    if (position === null) {
      held = [];
      return range(0, count, signal);
    }
    const length = asInteger(await connection.call(['LLEN', key], { operation: 'read', queue: key, signal }));
    const offset = next === 'left' ? asInteger(position) : length - 1 - asInteger(position);
    held = held.slice(-Math.max(1, offset + 1));
    return range(offset + 1, count, signal);
  }
}

export function removingFromList(key: string): Removing {
  return {
    keys: [key],
    commands: [
      ['LRANGE', key, 0, 0],
      ['LTRIM', key, 0, -1],
      ['LINDEX', key, 0],
      ['LSET', key, 0, ''],
      ['LREM', key, 0, ''],
    ],
  };
}
