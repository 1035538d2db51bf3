import type { ItemOutcome, NativeProgress, SurveyOptions } from '../../../contract/queue.ts';
import type { Call, Connection } from '../connection/connection.ts';
import { asList } from '../connection/reply.ts';
import { isWrongType, redisError } from '../errors.ts';
import type { BullPlace } from './find.ts';
import { refusalOfCode } from './library.ts';
import { isMarker, readIds } from './peek.ts';
import { tiesOf } from './ties.ts';

/** Without the data, so that a page is small whatever the jobs contain. */
const PAGE = 1000;
/** The parts of each page that are read: enough to know that a job is there. */
const FIELDS = ['timestamp', 'name', 'parentKey', 'rjk'] as const;

/**
 * What a run over all jobs of a state would do with each. The server counts ids without a job, and jobs that stay, like
 * any other.
 */
export async function surveyJobs(
  connection: Connection,
  bull: BullPlace,
  { state, by, limit, signal }: SurveyOptions,
): Promise<Pick<NativeProgress, 'moved' | 'skipped' | 'failed'>> {
  const skipped: ItemOutcome[] = [];
  const failed: ItemOutcome[] = [];
  let moved = 0;
  const isFull = (): boolean => limit !== null && moved >= limit;
  for (let offset = 0; !isFull(); ) {
    const refs = await readIds(connection, bull, state, offset, PAGE, signal);
    offset += refs.length;
    const ids = refs.map(({ id }) => id).filter((id) => !isMarker(id));
    const place = { operation: 'look at the jobs', queue: bull.shown, bytes: true, signal };
    const answers = await connection.each(
      ids.map((id): Call => ['HMGET', `${bull.base}:${id}`, ...FIELDS]),
      place,
    );
    const replies = answers.map((answer) => {
      if (answer.ok) return answer.reply;
      if (isWrongType(answer.error)) return [];
      throw redisError(answer.error, place);
    });
    const jobs = ids.map((id, index) => {
      const [, , parentKey = null, rjk = null] = asList(replies[index]) as (Buffer | null)[];
      return { id, hash: { parentKey, rjk } };
    });
    const isThere = replies.map((reply) => asList(reply).some((field) => field !== null));
    const ties = by === 'native' ? [] : await tiesOf(connection, bull, jobs, signal);
    for (const [index, { id }] of jobs.entries()) {
      if (isFull()) break;
      const reason = ties[index] ?? null;
      if (isThere[index] !== true) {
        // Taking out one by one skips them, and so does every look.
        if (by === 'native') skipped.push({ id, reason: refusalOfCode(-1) });
      } else if (reason === null) moved += 1;
      else failed.push({ id, reason });
    }
    if (refs.length < PAGE) break;
  }
  return { moved, skipped, failed };
}
