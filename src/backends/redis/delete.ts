import { deleteBull } from './bullmq/delete.ts';
import type { Connection } from './connection/connection.ts';
import { asInteger } from './connection/reply.ts';
import { findQueue } from './find.ts';
import { internalsOf } from './handle.ts';
import { takeOffRegister } from './list/frameworks/convention.ts';

/** KEYS[1] the key, ARGV[1] the command that gives its length. Returns the length before the deletion. */
const DELETE = `
local count = redis.call(ARGV[1], KEYS[1])
redis.call('UNLINK', KEYS[1])
return count
`;

/** The number of messages lost. */
export async function deleteQueue(connection: Connection, name: string, signal: AbortSignal): Promise<number | null> {
  const queue = await findQueue(connection, name, signal);
  const internals = internalsOf(queue);
  if (internals?.kind === 'bullmq') return deleteBull(connection, name, signal);
  const place = { operation: 'delete the queue', queue: name };
  const isStream = internals?.kind === 'stream';
  const removed = asInteger(await connection.script(DELETE, [name], [isStream ? 'XLEN' : 'LLEN'], place));
  if (!isStream) await takeOffRegister(connection, name);
  return removed;
}
