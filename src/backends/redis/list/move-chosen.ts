import { isMqError } from '../../../contract/errors.ts';
import type { Message } from '../../../contract/message.ts';
import type { ItemOutcome, NativeProgress } from '../../../contract/queue.ts';
import { IN_BOTH, type MoveAnswer, moveScript } from '../browsing/move-script.ts';
import { PageSize } from '../browsing/page-size.ts';
import type { Argument, CallPlace, Connection } from '../connection/connection.ts';
import { asInteger, asList } from '../connection/reply.ts';
import { type ListEnd, readFrom } from './elements.ts';
import { atOnce, SWEEP, TAKEN_BEFORE, tombstone } from './tombstones.ts';

/**
 * Moves chosen elements whose places are known: compares, pushes to the target, then removes. Others may have taken
 * elements since the places were read: then all places are nearer to the consumers' end by the same number. It is found
 * by the first element. An element that is not at its place then is not moved.
 *
 * KEYS[1] source, KEYS[2] target. ARGV[1] end of the source, ARGV[2] end of the target, ARGV[3] tombstone, then pairs
 * of offset from the consumers' end, ascending, and value. Returns for each pair 1, 0, or 2: it is in the target, and
 * the server refused to remove it from the source.
 */
const MOVE_PLACED = `${SWEEP}${TAKEN_BEFORE}
local kind = redis.call('TYPE', KEYS[2]).ok
if kind ~= 'list' and kind ~= 'none' then return redis.error_reply('WRONGTYPE the target is not a list') end
local right = ARGV[1] == 'right'
local function at(offset) if right then return -1 - offset end return offset end
local taken = takenBefore(KEYS[1], right, tonumber(ARGV[4]), ARGV[5])
local values, indexes, places, results = {}, {}, {}, {}
for i = 4, #ARGV, 2 do
  local place = i / 2 - 1
  local offset = tonumber(ARGV[i]) - taken
  results[place] = 0
  if offset >= 0 and redis.call('LINDEX', KEYS[1], at(offset)) == ARGV[i + 1] then
    places[#places + 1] = place
    values[#values + 1] = ARGV[i + 1]
    indexes[#indexes + 1] = at(offset)
    results[place] = 1
  end
end
if #values > 0 then
  redis.call(ARGV[2] == 'right' and 'LPUSH' or 'RPUSH', KEYS[2], unpack(values))
  local refused
  for i = 1, #indexes do refused = refused or redis.pcall('LSET', KEYS[1], indexes[i], ARGV[3]).err end
  if not refused then
    local removed = sweep(KEYS[1], ARGV[3], indexes)
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

/** How many elements are read at a time, to find the places. */
const WINDOW = 1_000;

/** An element that was found. `offset`: from the consumers' end. */
interface Placed {
  readonly message: Message;
  readonly value: Buffer;
  readonly offset: number;
}

const NOTHING = { moved: 0, skipped: [], failed: [], unknown: [], exhausted: false } as const satisfies NativeProgress;

export interface ChosenMove {
  /** Moves exactly these. They were read in this order. */
  next(messages: readonly Message[]): Promise<NativeProgress>;
}

/**
 * Moves chosen elements of a list. It finds their places first, by reads that stall nobody. Then it moves many of them
 * by one script, and they are removed by one walk from the nearer end. One script for each page that was looked at took
 * four times as long per element at a million as at a hundred thousand: each walked over all that had stayed
 * (measured).
 */
export function chosenMove(
  connection: Connection,
  from: ListEnd,
  to: ListEnd,
  place: Omit<CallPlace, 'signal'>,
): ChosenMove {
  /** Where the last page ended: the next chosen ones were behind it when they were read. */
  let cursor = 0;
  const size = new PageSize();

  /** Those that are found from `start` on, in the order of the list, and how far it looked. */
  async function locate(wanted: readonly Message[], start: number): Promise<{ placed: Placed[]; end: number }> {
    const missing = new Map<string, Message[]>();
    for (const message of wanted) {
      const key = textOf(message.body);
      const equal = missing.get(key);
      if (equal === undefined) missing.set(key, [message]);
      else equal.push(message);
    }
    const placed: Placed[] = [];
    for (let offset = start; ; ) {
      const count = Math.min(WINDOW, size.next() * 2);
      const page = await readFrom(connection, from, { offset, count }, place);
      let bytes = 0;
      for (const [index, value] of page.entries()) {
        bytes += value.byteLength;
        const message = missing.get(textOf(value))?.shift();
        if (message === undefined) continue;
        placed.push({ message, value, offset: offset + index });
        if (placed.length === wanted.length) return { placed, end: offset + index + 1 };
      }
      size.learn(page.length, bytes);
      offset += page.length;
      if (page.length < count) return { placed, end: offset };
    }
  }

  /** `isOn`: what was moved before is told also when this answer is lost. */
  async function tried(args: readonly Argument[], isOn: boolean): Promise<MoveAnswer | { readonly lost: string }> {
    try {
      return await moveScript(connection, MOVE_PLACED, [from.key, to.key], args, place);
    } catch (error) {
      if (!isOn || !isMqError(error)) throw error;
      return { lost: error.message };
    }
  }

  async function next(messages: readonly Message[]): Promise<NativeProgress> {
    let wanted = messages;
    let moved = 0;
    // Once from where the last page ended, and once from the start, because others may have taken elements meanwhile.
    for (const start of cursor === 0 ? [0] : [cursor, 0]) {
      const { placed, end } = await locate(wanted, start);
      const gone = new Set<Message>();
      for (let done = 0; done < placed.length; ) {
        const some = placed.slice(done, done + atOnce(placed[done]?.offset ?? 0));
        done += some.length;
        // Those that went before have brought these nearer.
        const pairs = some.flatMap(({ offset, value }) => [offset - gone.size, value]);
        const args = [from.next, to.next, tombstone(), ...pairs];
        const answer = await tried(args, moved > 0);
        if ('lost' in answer) {
          const unknown = some.map(({ message: { id } }): ItemOutcome => ({ id, reason: answer.lost }));
          return { ...NOTHING, moved, unknown };
        }
        if ('refused' in answer) return { ...NOTHING, moved, refused: answer.refused };
        const found = asList(answer.reply).map(asInteger);
        const unknown = some.flatMap(({ message: { id } }, index) =>
          found[index] === 2 ? [{ id, reason: IN_BOTH }] : [],
        );
        for (const [index, { message }] of some.entries()) if (found[index] === 1) gone.add(message);
        moved += found.filter((result) => result === 1).length;
        if (unknown.length > 0) return { ...NOTHING, moved, unknown };
      }
      cursor = Math.max(0, end - gone.size);
      wanted = wanted.filter((message) => !gone.has(message));
      if (wanted.length === 0) return { ...NOTHING, moved };
    }
    const skipped = wanted.map(({ id }): ItemOutcome => ({ id, reason: 'no longer in the list' }));
    return { ...NOTHING, moved, skipped };
  }

  return { next };
}

/** Bytes as a key. */
function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
