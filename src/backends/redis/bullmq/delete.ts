import { MqError } from '../../../contract/errors.ts';
import type { Call, Connection } from '../connection/connection.ts';
import { asInteger, asList, asTextOrNull } from '../connection/reply.ts';
import { redisError } from '../errors.ts';
import { type BullPlace, findBull } from './find.ts';
import { bullLibrary } from './library.ts';
import { readIds } from './peek.ts';
import { readCounts } from './stats.ts';

/**
 * Refused while jobs are active, because the library would leave the queue paused and half deleted. Refused also while
 * jobs of flows are in it: those that wait for children would stay behind in a queue that is not listed, and a parent
 * elsewhere would go on without its child. Everything else is deleted, to the last key.
 */
export async function deleteBull(connection: Connection, name: string, signal: AbortSignal): Promise<number> {
  const place = { operation: 'delete', queue: name };
  const bull = await findBull(connection, name, signal);
  if (bull === null)
    throw new MqError('QUEUE_NOT_FOUND', `there is no BullMQ queue ${name}`, { backend: 'redis', ...place });
  if (bull.generation === 'bull4') {
    throw new MqError('NOT_SUPPORTED', `cannot delete ${name}: it was made by Bull 4, which is read-only here`, {
      backend: 'redis',
      ...place,
    });
  }
  const counts = await readCounts(connection, bull, signal);
  const refused = (why: string, hint: string): MqError =>
    new MqError('PRECONDITION_FAILED', `cannot delete ${name}: ${why}`, { hint, backend: 'redis', ...place });
  if (counts.active > 0) throw refused(`${countOf(counts.active, 'job')} active`, 'stop its workers first');
  if (counts.waitingChildren > 0)
    throw refused(
      `${countOf(counts.waitingChildren, 'job')} waiting for children in other queues`,
      'let the children end first, or remove the flows by the application',
    );
  const { uniqueIds, children } = await lookThrough(connection, bull, signal);
  if (children > 0)
    throw refused(
      `${countOf(children, 'job')} the child of a job in another queue, which would go on without it`,
      'let them end first, or remove the flows by the application',
    );
  const wasPaused = asTextOrNull(await connection.call(['HGET', `${bull.base}:meta`, 'paused'], place)) !== null;
  const { queue } = await bullLibrary(connection, bull);
  try {
    await queue.obliterate();
    // The keys that the library does not know of or leaves: a deduplication id would drop the first job of a new queue
    // of that name.
    const keys = ['priority', 'limiter', 'meta-paused', ...uniqueIds.flatMap((id) => [`de:${id}`, `dn:${id}`])];
    for (let i = 0; i < keys.length; i += 500)
      await connection.call(['DEL', ...keys.slice(i, i + 500).map((key) => `${bull.base}:${key}`)], place);
  } catch (error) {
    // Obliterating pauses first. A worker may have taken a job since we counted.
    if (!wasPaused) await queue.resume().catch(() => {});
    throw redisError(error, place);
  }
  return counts.wait + counts.paused + counts.prioritized + counts.delayed + counts.failed + counts.completed;
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? ' is' : 's are'}`;
}

const LOOK_PAGE = 1000;

/**
 * What deleting has to know of every job: the deduplication ids that they hold, and how many are children of an
 * existing job.
 */
async function lookThrough(
  connection: Connection,
  bull: BullPlace,
  signal: AbortSignal,
): Promise<{ readonly uniqueIds: readonly string[]; readonly children: number }> {
  const place = { operation: 'look at the jobs', queue: bull.shown, signal };
  const uniqueIds: string[] = [];
  let children = 0;
  for (const state of ['ready', 'delayed', 'dead', 'completed'] as const) {
    for (let offset = 0; ; offset += LOOK_PAGE) {
      const refs = await readIds(connection, bull, state, offset, LOOK_PAGE, signal);
      const replies = await connection.all(
        refs.map(({ id }): Call => ['HMGET', `${bull.base}:${id}`, 'deid', 'parentKey']),
        place,
      );
      const fields = replies.map((reply) => asList(reply).map(asTextOrNull));
      for (const [unique = null] of fields) if (unique !== null) uniqueIds.push(unique);
      // A finished child has already told its parent.
      const parents =
        state === 'completed'
          ? []
          : fields.flatMap(([, parent = null]) => (parent === null || parent === '' ? [] : [parent]));
      const there = await connection.all(
        parents.map((parent): Call => ['EXISTS', parent]),
        place,
      );
      children += there.map(asInteger).filter((count) => count > 0).length;
      if (refs.length < LOOK_PAGE) break;
    }
  }
  return { uniqueIds, children };
}
