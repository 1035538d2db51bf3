import { type Removing, requireRightToRemove } from '../browsing/rights.ts';
import { asInteger, asList } from '../connection/reply.ts';
import type { BrowseSource, Held, Removal } from '../consumer.ts';
import { type PendingEntry, readPending, savedKey } from './facts.ts';
import { MAX_ID } from './ids.ts';
import { readAfter, readChosen, unreadAfter } from './peek.ts';
import { isDead, type StreamView } from './view.ts';

/**
 * Deletes entries, except those that the group has read meanwhile. KEYS[1] stream, KEYS[2] the group's saved position.
 * ARGV: group ('' for none), highest id, then ids. Returns 1 (deleted), 0 (gone), 2 (read by a consumer meanwhile: left
 * alone) for each.
 */
const DELETE_UNREAD = `
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
local results = {}
for i = 3, #ARGV do
  local ms, seq = parts(ARGV[i])
  if after and (ms < afterMs or (ms == afterMs and seq <= afterSeq)) then results[i - 2] = 2
  else results[i - 2] = redis.call('XDEL', KEYS[1], ARGV[i]) end
end
return results
`;

/**
 * Acknowledges entries that are still pending, and deletes them if no other group needs them. KEYS[1] stream. ARGV:
 * group, '1' to delete, then ids. Returns 1, 0 (no longer pending) or 2 (acknowledged, but it held nothing) for each.
 */
const SETTLE_PENDING = `
local results = {}
for i = 3, #ARGV do
  local held = #redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i]) > 0
  results[i - 2] = redis.call('XACK', KEYS[1], ARGV[1], ARGV[i])
  if results[i - 2] == 1 and ARGV[2] == '1' then redis.call('XDEL', KEYS[1], ARGV[i]) end
  if results[i - 2] == 1 and not held then results[i - 2] = 2 end
end
return results
`;

export type Settled = 'removed' | 'gone' | 'held nothing';

export async function settlePending(
  view: StreamView,
  isOnlyGroup: boolean,
  ids: readonly string[],
): Promise<readonly Settled[]> {
  if (ids.length === 0) return [];
  const args = [view.group ?? '', isOnlyGroup ? '1' : '0', ...ids];
  const place = { operation: 'settle entries', queue: view.key };
  const reply = asList(await view.connection.script(SETTLE_PENDING, [view.key], args, place)).map(asInteger);
  return reply.map((code) => (code === 1 ? 'removed' : code === 2 ? 'held nothing' : 'gone'));
}

export interface EntryItem {
  readonly id: string;
}

export function removingUnread({ key, group }: StreamView): Removing {
  const saved = savedKey(key, group ?? '');
  const commands = [
    ['XDEL', key, '0-1'],
    ['XINFO', 'GROUPS', key],
    ['HGET', saved, 'last-delivered-id'],
  ] as const;
  return { keys: [key, saved], commands: group === null ? commands.slice(0, 1) : commands };
}

export function removingPending({ key, group }: StreamView, deletes: boolean): Removing {
  const commands = [
    ['XRANGE', key, '0-1', '0-1'],
    ['XACK', key, group ?? '', '0-1'],
    ['XDEL', key, '0-1'],
  ] as const;
  return { keys: [key], commands: deletes ? commands : commands.slice(0, 2) };
}

/**
 * Entries that the group has not read, in order. Nothing is claimed: an entry leaves the stream only when it is
 * acknowledged here.
 */
export function unreadSource(view: StreamView): BrowseSource<EntryItem> {
  let after: string | null = null;
  return {
    mayRemove: () => requireRightToRemove(view.connection, removingUnread(view), view.key),
    async read(count, signal): Promise<readonly Held<EntryItem>[]> {
      after ??= await unreadAfter(view, signal);
      if (after === null) return [];
      const page = await readAfter(view, after, count, signal);
      after = page.at(-1)?.id ?? after;
      return page.map((message) => ({ message, item: { id: message.id ?? '' } }));
    },
    async remove(items): Promise<readonly Removal[]> {
      const { connection, key, group } = view;
      const args = [group ?? '', MAX_ID, ...items.map(({ id }) => id)];
      const reply = await connection.script(DELETE_UNREAD, [key, savedKey(key, group ?? '')], args, {
        operation: 'delete entries',
        queue: key,
      });
      return asList(reply).map((result) => {
        const code = asInteger(result);
        if (code === 1) return null;
        return code === 2
          ? 'a consumer has read it meanwhile, so it may be processed twice'
          : 'it was deleted meanwhile, so it may be processed twice';
      });
    },
  };
}

/** Pending entries that count as dead. */
export function deadSource(view: StreamView, isOnlyGroup: boolean): BrowseSource<EntryItem> {
  let rest: PendingEntry[] | null = null;
  async function deadAtTheStart(signal: AbortSignal): Promise<PendingEntry[]> {
    const all: PendingEntry[] = [];
    for await (const page of readPending(view.connection, view.key, view.group ?? '', signal))
      all.push(...page.filter((entry) => isDead(view, entry)));
    return all;
  }
  return {
    mayRemove: () => requireRightToRemove(view.connection, removingPending(view, isOnlyGroup), view.key),
    async read(count, signal): Promise<readonly Held<EntryItem>[]> {
      rest ??= await deadAtTheStart(signal);
      while (rest.length > 0) {
        const messages = await readChosen(view, rest.splice(0, count), 'dead', signal);
        const found = messages.flatMap((message) =>
          message === null ? [] : [{ message, item: { id: message.id ?? '' } }],
        );
        if (found.length > 0) return found;
      }
      return [];
    },
    async remove(items): Promise<readonly Removal[]> {
      const settled = await settlePending(
        view,
        isOnlyGroup,
        items.map(({ id }) => id),
      );
      return settled.map((result) =>
        result === 'gone' ? 'a consumer has settled it meanwhile, so it may be processed twice' : null,
      );
    },
  };
}
