import { throwIfAborted } from '../../../contract/errors.ts';
import type { MessageState } from '../../../contract/message.ts';
import type { PurgeOptions, PurgeResult } from '../../../contract/queue.ts';
import { PAGE, PageSize } from '../browsing/page-size.ts';
import { asInteger, asList } from '../connection/reply.ts';
import { readFacts, readPending, type StreamFacts, savedKey } from './facts.ts';
import { MAX_ID, MIN_ID, nextId } from './ids.ts';
import { unreadAfter } from './peek.ts';
import { settlePending } from './source.ts';
import { isDead, refuseIfOthersNeed, type StreamView } from './view.ts';

/**
 * Deletes the next entries, except those that the group has read meanwhile. KEYS[1] stream, KEYS[2] the group's saved
 * position. ARGV: group ('' for none), highest id, first id, last id, how many. Returns how many were deleted, how many
 * it looked at, and their bytes.
 */
const DELETE_UNREAD_PAGE = `
local function parts(id) local ms, seq = id:match('^(%d+)-(%d+)$') return tonumber(ms), tonumber(seq) end
local after
if ARGV[1] ~= '' then
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
    if group.name == ARGV[1] then after = group['last-delivered-id'] end
  end
  if after == ARGV[2] then after = redis.call('HGET', KEYS[2], 'last-delivered-id') end
end
local afterMs, afterSeq
if after then afterMs, afterSeq = parts(after) end
local page = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[4], 'COUNT', ARGV[5])
local ids, bytes = {}, 0
for _, entry in ipairs(page) do
  local ms, seq = parts(entry[1])
  if not after or ms > afterMs or (ms == afterMs and seq > afterSeq) then ids[#ids + 1] = entry[1] end
  for _, field in ipairs(entry[2]) do bytes = bytes + #field end
end
local deleted = 0
if #ids > 0 then deleted = redis.call('XDEL', KEYS[1], unpack(ids)) end
return {deleted, #page, bytes, #page > 0 and page[#page][1] or ''}
`;

/**
 * Deletes only the entries in those states, page by page, so that no other client waits for a long script. Entries that
 * every group has finished with are in no state and stay. So do entries that come later. Throws `PRECONDITION_FAILED`
 * as `mayPurge` does.
 */
export async function purgeStream(view: StreamView, options: PurgeOptions): Promise<PurgeResult> {
  const { connection, key } = view;
  const { notice, signal } = options;
  throwIfAborted(signal);
  const states = new Set(options.states);
  const facts = await readFacts(connection, key, signal);
  await mayPurge(view, facts, options.states, signal);
  let removed = 0;
  if (states.has('ready')) removed += await purgeUnread(view, facts, signal);
  if (states.has('in-flight') || states.has('dead')) removed += await purgePending(view, facts, states, options);
  if (states.has('ready') && states.has('in-flight')) {
    const left = asInteger(await connection.call(['XLEN', key], { operation: 'purge', queue: key }));
    if (left > 0)
      notice(
        `${left} ${left === 1 ? 'entry stays' : 'entries stay'} in ${key}: read and acknowledged before, or added meanwhile; XTRIM takes what is in no state`,
      );
  }
  return { removed };
}

/** Entries that no group has read belong to all groups. */
export async function mayPurge(
  view: StreamView,
  facts: StreamFacts,
  states: readonly MessageState[],
  signal: AbortSignal,
): Promise<void> {
  if (states.includes('ready')) await refuseIfOthersNeed(view, facts, 'purge', signal);
}

async function purgeUnread(view: StreamView, facts: StreamFacts, signal: AbortSignal): Promise<number> {
  const { connection, key, group } = view;
  const start = await unreadAfter(view, signal);
  if (start === null || facts.lastId === null) return 0;
  const place = { operation: 'purge', queue: key };
  const size = new PageSize();
  let removed = 0;
  for (let from = start === MIN_ID ? MIN_ID : nextId(start); !signal.aborted; ) {
    const args = [group ?? '', MAX_ID, from, facts.lastId, size.next(PAGE)];
    const reply = asList(await connection.script(DELETE_UNREAD_PAGE, [key, savedKey(key, group ?? '')], args, place));
    const [deleted = 0, looked = 0, bytes = 0] = reply.slice(0, 3).map(asInteger);
    removed += deleted;
    if (looked === 0) break;
    size.learn(looked, bytes);
    from = nextId(String(reply[3]));
  }
  return removed;
}

async function purgePending(
  view: StreamView,
  facts: StreamFacts,
  states: ReadonlySet<MessageState>,
  { notice, signal }: PurgeOptions,
): Promise<number> {
  const isOnlyGroup = facts.groups.length === 1;
  let removed = 0;
  let ghosts = 0;
  for await (const page of readPending(view.connection, view.key, view.group ?? '', signal)) {
    const chosen = page.filter((entry) => states.has(isDead(view, entry) ? 'dead' : 'in-flight'));
    const settled = await settlePending(
      view,
      isOnlyGroup,
      chosen.map(({ id }) => id),
    );
    removed += settled.filter((result) => result === 'removed').length;
    ghosts += settled.filter((result) => result === 'held nothing').length;
    if (signal.aborted) break;
  }
  if (ghosts > 0)
    notice(
      `${ghosts} pending ${ghosts === 1 ? 'entry' : 'entries'} of ${view.key} whose content had been deleted ${ghosts === 1 ? 'was' : 'were'} acknowledged too`,
    );
  return removed;
}
