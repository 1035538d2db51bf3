/**
 * Redis has no command that removes the element at an index. So the elements are overwritten with a tombstone, and one
 * LREM removes all tombstones. Nobody ever sees one: both happen in one script. One LREM per element took 58 s for
 * 10,000 of 100,000 and stalled the server for 8 s (measured).
 */
export function tombstone(): string {
  return `mq:tombstone:${crypto.randomUUID()}`;
}

const MOST = 500;
const LEAST = 50;
/** Elements that a script may walk over to reach the places of its elements, beside the walk that removes them. */
const WALK = 10_000_000;

/** How many elements one script overwrites, from this offset on: fewer where each costs a long walk to its place. */
export function atOnce(offset: number): number {
  return Math.max(LEAST, Math.min(MOST, Math.floor(WALK / Math.max(1, offset))));
}

/**
 * Lua: `sweep(key, tombstone, indexes)` removes the tombstones at these indexes. LREM walks over the elements before
 * them, so it begins at the nearer end. Returns what LREM returns, an error too.
 */
export const SWEEP = `
local function sweep(key, tombstone, indexes)
  local length = redis.call('LLEN', key)
  local first, last = length, 0
  for i = 1, #indexes do
    local index = indexes[i] < 0 and length + indexes[i] or indexes[i]
    first = math.min(first, index)
    last = math.max(last, index)
  end
  return redis.pcall('LREM', key, last < length - first and #indexes or -#indexes, tombstone)
end
`;

/**
 * Lua: `takenBefore(key, right, offset, value)`: how many elements others have taken at the consumers' end since this
 * value was at that offset from it. It looks at the 1,000 places before. 0 if it is not there.
 */
export const TAKEN_BEFORE = `
local function takenBefore(key, right, offset, value)
  if redis.call('LINDEX', key, right and -1 - offset or offset) == value then return 0 end
  local last = math.min(offset, redis.call('LLEN', key) - 1)
  local first = math.max(0, last - 1000)
  if last < 0 then return 0 end
  local page = right and redis.call('LRANGE', key, -1 - last, -1 - first) or redis.call('LRANGE', key, first, last)
  for i = 1, #page do
    if page[right and i or #page + 1 - i] == value then return offset - last + i - 1 end
  end
  return 0
end
`;
