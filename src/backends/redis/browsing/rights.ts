import { isMqError, MqError } from '../../../contract/errors.ts';
import type { Argument, Connection } from '../connection/connection.ts';
import { asInteger } from '../connection/reply.ts';

/**
 * The actions of a script that takes messages out: its keys, and its commands with arguments that name the keys that
 * they touch.
 */
export interface Removing {
  readonly keys: readonly string[];
  readonly commands: readonly (readonly [name: string, ...args: Argument[]])[];
}

/**
 * Only asks. Returns the number of the first command that is denied, or 0. The server compares the keys with the user's
 * before it runs any script. For the commands within, Redis 7 can tell. An older server finds out at the first of them.
 */
const ASK = `
if not redis.acl_check_cmd then return 0 end
for at, command in ipairs(cjson.decode(ARGV[1])) do
  if not redis.acl_check_cmd(unpack(command)) then return at end
end
return 0
`;

/**
 * Asked before the first message is taken: if nothing may be removed, each run of a move would only make copies.
 * Rejects with `PERMISSION_DENIED`. Any other error of the server proves nothing and is ignored.
 */
export async function requireRightToRemove(
  connection: Connection,
  { keys, commands }: Removing,
  queue: string,
): Promise<void> {
  const place = { backend: 'redis', operation: 'remove messages', queue } as const;
  let denied: string | null = null;
  try {
    const at = asInteger(await connection.script(ASK, keys, [JSON.stringify(commands)], place));
    const [name, ...args] = commands[at - 1] ?? [];
    // In XINFO GROUPS, the key comes second.
    if (name !== undefined) denied = `the user may not run ${name} on the key ${name === 'XINFO' ? args[1] : args[0]}`;
  } catch (error) {
    if (!isMqError(error) || error.code !== 'PERMISSION_DENIED') return;
    denied = error.message;
  }
  if (denied === null) return;
  throw new MqError('PERMISSION_DENIED', `nothing was taken: ${denied}`, {
    ...place,
    hint: 'taking messages out of a queue needs the right to remove them there; copy does not. ACL GETUSER shows the rights of the user, and mq doctor the rights that each verb needs.',
  });
}
