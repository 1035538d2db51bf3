import { throwIfAborted } from '../../../contract/errors.ts';
import type { ItemOutcome, PurgeOptions, PurgeResult } from '../../../contract/queue.ts';
import type { Connection } from '../connection/connection.ts';
import { asInteger } from '../connection/reply.ts';
import { redisError } from '../errors.ts';
import type { BullPlace } from './find.ts';
import { cleanPage, whyItStays } from './removal.ts';

/** One script over 10,000 jobs blocked the server for 0.2 s (measured), so it is asked for few at a time. */
const CLEAN_PAGE = 200;

const PURGED = { ready: ['paused', 'wait', 'prioritized'], delayed: ['delayed'], dead: ['failed'] } as const;

/**
 * Purges what was there at the start. Jobs of flows stay, and so does the next run of a scheduler, because only
 * removing the scheduler may stop that: these are the same jobs that cannot be taken out one by one.
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
