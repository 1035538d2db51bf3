import { MqError, throwIfAborted } from '../../../contract/errors.ts';
import type { ItemOutcome, PurgeOptions, PurgeResult } from '../../../contract/queue.ts';
import type { Connection } from '../connection.ts';
import { redisError } from '../errors.ts';
import { asInteger, asTextOrNull } from '../reply.ts';
import { type BullPlace, findBull, placeOf } from './find.ts';
import { bullLibrary } from './library.ts';
import { cleanPage, whyItStays } from './removal.ts';
import { readCounts } from './stats.ts';

/** One script over 10,000 jobs held the server for 0.2 s (measured), so it is asked for 1,000 at a time. */
const CLEAN_PAGE = 1000;

const PURGED = { ready: ['paused', 'wait', 'prioritized'], delayed: ['delayed'], dead: ['failed'] } as const;

/**
 * What was there at the start. Jobs of flows stay, and the next run of a scheduler, which only removing the scheduler may stop: the same jobs as those that
 * cannot be taken out one by one.
 */
export async function purgeBull(connection: Connection, bull: BullPlace, options: PurgeOptions): Promise<PurgeResult> {
  const place = { operation: 'purge', queue: bull.shown };
  let removed = 0;
  let bare = 0;
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
          stays.push(...page.stays.map(({ id, tie }) => ({ id, reason: whyItStays(tie) })));
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

/** Refused while jobs are active: the library would leave the queue paused and half deleted. */
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
  if (counts.active > 0) {
    throw new MqError('PRECONDITION_FAILED', `cannot delete ${name}: ${counts.active} jobs are active`, {
      hint: 'stop its workers first',
      backend: 'redis',
      ...place,
    });
  }
  const wasPaused = asTextOrNull(await connection.call(['HGET', `${bull.base}:meta`, 'paused'], place)) !== null;
  const { queue } = await bullLibrary(connection, bull);
  try {
    await queue.obliterate();
  } catch (error) {
    // Obliterating pauses first. A worker may have taken a job since we counted.
    if (!wasPaused) await queue.resume().catch(() => {});
    throw redisError(error, place);
  }
  return (
    counts.wait +
    counts.paused +
    counts.prioritized +
    counts.delayed +
    counts.failed +
    counts.completed +
    counts.waitingChildren
  );
}
