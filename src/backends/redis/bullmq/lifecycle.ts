import { MqError, throwIfAborted } from '../../../contract/errors.ts';
import type { ItemOutcome, PurgeOptions, PurgeResult } from '../../../contract/queue.ts';
import type { Call, Connection } from '../connection.ts';
import { redisError } from '../errors.ts';
import { asInteger, asList, asTextOrNull } from '../reply.ts';
import { type BullPlace, findBull, placeOf } from './find.ts';
import { bullLibrary } from './library.ts';
import { readIds } from './read.ts';
import { cleanPage, whyItStays } from './removal.ts';
import { readCounts } from './stats.ts';

/** One script over 10,000 jobs held the server for 0.2 s (measured), so it is asked for 1,000 at a time. */
const CLEAN_PAGE = 1000;

const PURGED = { ready: ['paused', 'wait', 'prioritized'], delayed: ['delayed'], dead: ['failed'] } as const;

/**
 * What was there at the start. Jobs of flows stay, and the next run of a scheduler, which only removing the scheduler
 * may stop: the same jobs as those that cannot be taken out one by one.
 */
export async function purgeBull(connection: Connection, bull: BullPlace, options: PurgeOptions): Promise<PurgeResult> {
  const place = { operation: 'purge', queue: bull.shown };
  let removed = 0;
  let bare = 0;
  let foreign = 0;
  const stays: ItemOutcome[] = [];
  try {
    for (const state of options.states) {
      if (state !== 'ready' && state !== 'delayed' && state !== 'dead') continue;
      for (const suffix of PURGED[state]) {
        const isList = suffix === 'paused' || suffix === 'wait';
        let left = asInteger(await connection.call([isList ? 'LLEN' : 'ZCARD', `${bull.base}:${suffix}`], place));
        for (let skip = 0; left > 0; ) {
          throwIfAborted(options.signal);
          const count = Math.min(left, CLEAN_PAGE);
          const page = await cleanPage(connection, bull, { suffix, isList, skip, count });
          removed += page.removed;
          bare += page.bare;
          const jobs = page.stays.filter(({ tie }) => tie !== 'foreign');
          foreign += page.stays.length - jobs.length;
          stays.push(...jobs.map(({ id, tie }) => ({ id, reason: whyItStays(tie) })));
          skip += page.looked - page.removed - page.bare;
          left -= page.looked;
          if (page.looked < count) break;
        }
      }
    }
  } catch (error) {
    throw redisError(error, place);
  }
  if (bare > 0) options.notice(`${bare} ${bare === 1 ? 'id' : 'ids'} without a job went too`);
  if (foreign > 0)
    options.notice(
      `${foreign} ${foreign === 1 ? 'id stays, whose key holds' : 'ids stay, whose keys hold'} another type of value`,
    );
  return stays.length === 0 ? { removed } : { removed, stays };
}

/** What a producer would write: the queue exists from then on. */
export async function createBull(connection: Connection, name: string, signal: AbortSignal): Promise<void> {
  const place = { operation: 'create', queue: name };
  if ((await findBull(connection, name, signal)) !== null) {
    throw new MqError('ALREADY_EXISTS', `there is a BullMQ queue ${name} already`, { backend: 'redis', ...place });
  }
  if (name.includes(':') || name === '') {
    throw new MqError('USAGE', 'the name of a BullMQ queue cannot be empty or hold a colon', {
      hint: 'give another prefix with ?prefix=',
      backend: 'redis',
      ...place,
    });
  }
  const prefix = connection.settings.prefix ?? 'bull';
  const bull = placeOf(`${prefix}:${name}`, 'bullmq', prefix, 6);
  try {
    const { queue } = await bullLibrary(connection, bull);
    await queue.getBackend().setQueueMeta({ ...queue.metaValues });
  } catch (error) {
    throw redisError(error, place);
  }
}

/**
 * Refused while jobs are active, because the library would leave the queue paused and half deleted; and while jobs of
 * flows are in it: those that wait for children would stay behind in a queue that nobody lists, and a parent elsewhere
 * would go on without its child. What else there is goes, to the last key.
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
    // What the library knows nothing of, or leaves: a deduplication id would drop the first job of a new queue of that
    // name.
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
 * What deleting has to know of every job: the deduplication ids that they hold, and how many are children of a job that
 * is there.
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
      // A child that is done has told its parent already.
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
