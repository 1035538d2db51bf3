import { MqError } from '../../../contract/errors.ts';
import type { Connection } from '../connection/connection.ts';
import { asText } from '../connection/reply.ts';
import { savedKey } from './facts.ts';
import { MAX_ID } from './ids.ts';

/** The group ARGV[1] of the stream KEYS[1] as `found`. Without it the script answers 'nogroup'. */
const FIND_GROUP = `
local found
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = {}
  for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
  if group.name == ARGV[1] then found = group end
end
if not found then return 'nogroup' end
`;

/**
 * One script reads the position of the group, keeps it on the server, and sets the group above every possible id.
 * Consumers blocked in XREADGROUP then get nothing (run on Redis 7.0, 8.0 and Valkey 8.1).
 *
 * KEYS[1] stream, KEYS[2] hash for the position. ARGV: group, highest id, now, reason. Returns 'paused', 'already' (by
 * us), 'foreign' (at the highest id, but not by us), 'nogroup'.
 */
const PAUSE = `${FIND_GROUP}if found['last-delivered-id'] == ARGV[2] then
  return redis.call('EXISTS', KEYS[2]) == 1 and 'already' or 'foreign'
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'last-delivered-id', found['last-delivered-id'], 'at', ARGV[3])
if found['entries-read'] then redis.call('HSET', KEYS[2], 'entries-read', found['entries-read']) end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], 'reason', ARGV[4]) end
redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2])
return 'paused'
`;

/**
 * Puts the group back to its earlier position. A group that was moved since is left alone. KEYS and ARGV[1], ARGV[2] as
 * above. Returns 'resumed', 'running' (was not paused), 'foreign', 'nogroup'.
 */
const RESUME = `${FIND_GROUP}if found['last-delivered-id'] ~= ARGV[2] then
  redis.call('DEL', KEYS[2])
  return 'running'
end
local id = redis.call('HGET', KEYS[2], 'last-delivered-id')
if not id then return 'foreign' end
local read = redis.call('HGET', KEYS[2], 'entries-read')
if read then redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], id, 'ENTRIESREAD', read)
else redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], id) end
redis.call('DEL', KEYS[2])
return 'resumed'
`;

export async function pauseGroup(
  connection: Connection,
  stream: string,
  group: string,
  reason: string | null,
): Promise<void> {
  const place = { operation: 'pause', queue: stream };
  const args = [group, MAX_ID, Date.now(), reason ?? ''];
  const outcome = asText(await connection.script(PAUSE, [stream, savedKey(stream, group)], args, place));
  if (outcome === 'nogroup') throw gone(stream, group, 'pause');
  if (outcome === 'foreign') throw foreign(stream, group, 'pause');
}

export async function resumeGroup(connection: Connection, stream: string, group: string): Promise<void> {
  const place = { operation: 'resume', queue: stream };
  const outcome = asText(await connection.script(RESUME, [stream, savedKey(stream, group)], [group, MAX_ID], place));
  if (outcome === 'nogroup') throw gone(stream, group, 'resume');
  if (outcome === 'foreign') throw foreign(stream, group, 'resume');
}

function gone(queue: string, group: string, operation: string): MqError {
  return new MqError(
    'PRECONDITION_FAILED',
    `cannot ${operation} ${queue}: its consumer group ${group} no longer exists`,
    { backend: 'redis', operation, queue },
  );
}

function foreign(queue: string, group: string, operation: string): MqError {
  return new MqError(
    'PRECONDITION_FAILED',
    `cannot ${operation} ${queue}: its group ${group} was set to the highest id by another program, and its earlier position is not known`,
    { hint: 'choose the start with XGROUP SETID', backend: 'redis', operation, queue },
  );
}
