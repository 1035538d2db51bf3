import { MqError, throwIfAborted } from '../../../contract/errors.ts';
import type { PurgeOptions, PurgeResult } from '../../../contract/queue.ts';
import type { Connection } from '../connection.ts';
import { redisError } from '../errors.ts';
import { asInteger, asTextOrNull } from '../reply.ts';
import { type BullPlace, findBull, placeOf } from './find.ts';
import { bullLibrary } from './library.ts';
import { PAUSE_REASON, readCounts } from './stats.ts';

/** `clean` of 10,000 jobs held the server for 0.2 s (measured), so it is asked for 1,000 at a time. */
const CLEAN_PAGE = 1000;

export async function pauseBull(connection: Connection, bull: BullPlace, reason: string | null): Promise<void> {
  const place = { operation: 'pause', queue: bull.shown };
  try {
    const { queue } = await bullLibrary(connection, bull);
    if (reason !== null) await connection.call(['HSET', `${bull.base}:meta`, PAUSE_REASON, reason], place);
    await queue.pause();
  } catch (error) {
    throw redisError(error, place);
  }
}

/**
 * The library's resume also brings back, 7,000 a call, the jobs that BullMQ 5 has put into its paused list. A producer of version 5 may
 * still add one between reading the flag and our clearing it, so the list is looked at again until it is empty.
 */
export async function resumeBull(connection: Connection, bull: BullPlace, signal: AbortSignal): Promise<void> {
  const place = { operation: 'resume', queue: bull.shown };
  try {
    const { queue } = await bullLibrary(connection, bull);
    for (;;) {
      throwIfAborted(signal);
      await queue.resume();
      if (asInteger(await connection.call(['LLEN', `${bull.base}:paused`], place)) === 0) break;
    }
    await connection.call(['HDEL', `${bull.base}:meta`, PAUSE_REASON], place);
  } catch (error) {
    throw redisError(error, place);
  }
}

const PURGED = { ready: ['paused', 'wait', 'prioritized'], delayed: ['delayed'], dead: ['failed'] } as const;

/** Jobs that a scheduler made stay: only removing the scheduler stops it. */
export async function purgeBull(connection: Connection, bull: BullPlace, options: PurgeOptions): Promise<PurgeResult> {
  const place = { operation: 'purge', queue: bull.shown };
  let removed = 0;
  try {
    const { queue } = await bullLibrary(connection, bull);
    for (const state of options.states) {
      if (state !== 'ready' && state !== 'delayed' && state !== 'dead') continue;
      for (const suffix of PURGED[state]) {
        // An empty state is not touched: the call writes an event even when there is nothing to clean.
        while ((await countOf(connection, bull, suffix)) > 0) {
          throwIfAborted(options.signal);
          const ids = await queue.getBackend().cleanJobsByState(suffix, Date.now() + CLOCK_SKEW_MS, CLEAN_PAGE);
          removed += ids.length;
          if (ids.length === 0) break;
        }
      }
    }
    return { removed };
  } catch (error) {
    throw redisError(error, place);
  }
}

/** The library compares times of producers with this machine's clock. */
const CLOCK_SKEW_MS = 24 * 60 * 60 * 1000;

async function countOf(connection: Connection, bull: BullPlace, suffix: string): Promise<number> {
  const isList = suffix === 'paused' || suffix === 'wait';
  return asInteger(
    await connection.call([isList ? 'LLEN' : 'ZCARD', `${bull.base}:${suffix}`], {
      operation: 'purge',
      queue: bull.shown,
    }),
  );
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
  const bull = placeOf(`${prefix}:${name}`, 'bullmq', prefix);
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
