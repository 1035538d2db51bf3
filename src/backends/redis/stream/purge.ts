import { throwIfAborted } from '../../../contract/errors.ts';
import type { PurgeOptions, PurgeResult } from '../../../contract/queue.ts';
import { PAGE } from '../page-size.ts';
import { asInteger } from '../reply.ts';
import { readFacts } from './facts.ts';
import { MAX_ID } from './ids.ts';
import { deadSource, unreadSource } from './source.ts';
import type { StreamView } from './view.ts';

/**
 * Empties the stream in one transaction: trims it, acknowledges what is pending in every group, and sets every group to the end.
 * Trimming alone leaves pending entries without contents and a stale lag; deleting the key would destroy the groups and make
 * every consumer fail.
 *
 * KEYS[1] stream. ARGV[1] highest id: a group paused there stays there. Returns how many entries were trimmed.
 */
const EMPTY = `
local count = redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
  repeat
    local pending = redis.call('XPENDING', KEYS[1], group.name, '-', '+', 1000)
    for _, entry in ipairs(pending) do redis.call('XACK', KEYS[1], group.name, entry[1]) end
  until #pending == 0
  if group['last-delivered-id'] ~= ARGV[1] then redis.call('XGROUP', 'SETID', KEYS[1], group.name, '$') end
end
return count
`;

/**
 * All states, or any through no group: the whole stream, history included, since entries deleted one by one would stay pending without contents. Fewer:
 * only the entries in those states, page by page.
 */
export async function purgeStream(view: StreamView, options: PurgeOptions): Promise<PurgeResult> {
  const { connection, key } = view;
  throwIfAborted(options.signal);
  const states = new Set(options.states);
  const facts = await readFacts(connection, key, options.signal);
  const others = facts.groups.map(({ name }) => name).filter((name) => name !== view.group);
  if (others.length > 0)
    options.notice(`the entries are purged for all groups of ${key}, also for ${others.join(', ')}`);
  const isAll = states.has('ready') && (view.group === null || states.has('in-flight'));
  if (isAll) {
    const removed = await connection.script(EMPTY, [key], [MAX_ID], { operation: 'purge', queue: key });
    return { removed: asInteger(removed) };
  }
  let removed = 0;
  const sources = [
    ...(states.has('ready') ? [unreadSource(view)] : []),
    ...(states.has('dead') && view.group !== null ? [deadSource(view, facts.groups.length === 1)] : []),
  ];
  for (const source of sources) {
    for (;;) {
      throwIfAborted(options.signal);
      const page = await source.read(PAGE, options.signal);
      if (page.length === 0) break;
      const results = await source.remove(page.map(({ item }) => item));
      removed += results.filter((result) => result === null).length;
    }
  }
  return { removed };
}
