import type { Message, MessageState } from '../../../contract/message.ts';
import type { Notice } from '../../../contract/queue.ts';
import { PAGE } from '../browser.ts';
import type { Call, Connection } from '../connection.ts';
import { asInteger, asList, asNumberOrNull, asText } from '../reply.ts';
import type { BullPlace } from './find.ts';
import { JOB_FIELDS, type JobHash, jobMessage, readHash } from './job.ts';

interface Container {
  readonly suffix: string;
  /** `list-right`: taken from the right end; `zset`: lowest score first. */
  readonly shape: 'list-right' | 'zset';
}

/**
 * Where the jobs of each state are, in the order in which workers take them: the list of version 5 for a paused queue goes in front of
 * `wait` on resume, and prioritized jobs are taken after those that wait.
 */
const CONTAINERS: Readonly<Record<MessageState, readonly Container[]>> = {
  ready: [
    { suffix: 'paused', shape: 'list-right' },
    { suffix: 'wait', shape: 'list-right' },
    { suffix: 'prioritized', shape: 'zset' },
  ],
  'in-flight': [{ suffix: 'active', shape: 'list-right' }],
  delayed: [{ suffix: 'delayed', shape: 'zset' }],
  dead: [{ suffix: 'failed', shape: 'zset' }],
  completed: [{ suffix: 'completed', shape: 'zset' }],
  'waiting-children': [{ suffix: 'waiting-children', shape: 'zset' }],
};

export interface JobRef {
  readonly id: string;
  readonly dueAt: number | null;
}

/** Ids of jobs in a state, from `offset` on in delivery order. Fewer than asked: that is all there are. */
export async function readIds(
  connection: Connection,
  bull: BullPlace,
  state: MessageState,
  offset: number,
  count: number,
  signal: AbortSignal,
): Promise<readonly JobRef[]> {
  const place = { operation: 'read the jobs', queue: bull.shown, signal };
  const containers = CONTAINERS[state];
  const lengths = (
    await connection.all(
      containers.map(({ suffix, shape }): Call => [shape === 'zset' ? 'ZCARD' : 'LLEN', `${bull.base}:${suffix}`]),
      place,
    )
  ).map(asInteger);
  const refs: JobRef[] = [];
  let skip = offset;
  for (const [index, { suffix, shape }] of containers.entries()) {
    const length = lengths[index] ?? 0;
    if (skip >= length) {
      skip -= length;
      continue;
    }
    const wanted = Math.min(count - refs.length, length - skip);
    if (wanted <= 0) break;
    const key = `${bull.base}:${suffix}`;
    if (shape === 'list-right') {
      const ids = asList(await connection.call(['LRANGE', key, -skip - wanted, -skip - 1], place)).map(asText);
      refs.push(...ids.reverse().map((id) => ({ id, dueAt: null })));
    } else {
      const reply = asList(await connection.call(['ZRANGE', key, skip, skip + wanted - 1, 'WITHSCORES'], place));
      for (let i = 0; i + 1 < reply.length; i += 2) {
        // The score of a delayed job is its due time times 4096, plus a number that keeps the order (BullMQ, getDelayedScore).
        const dueAt = state === 'delayed' ? Math.floor((asNumberOrNull(reply[i + 1]) ?? 0) / 0x1000) : null;
        refs.push({ id: asText(reply[i]), dueAt });
      }
    }
    skip = 0;
  }
  return refs;
}

/** The hashes of these jobs; null where a job is gone. */
export async function readHashes(
  connection: Connection,
  bull: BullPlace,
  ids: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly (JobHash | null)[]> {
  const replies = await connection.all(
    ids.map((id): Call => ['HMGET', `${bull.base}:${id}`, ...JOB_FIELDS]),
    { operation: 'read the jobs', queue: bull.shown, bytes: true, signal },
  );
  return replies.map(readHash);
}

/** Looks without taking. A job that is listed while its hash is gone is left out, and said. */
export async function* peekJobs(
  connection: Connection,
  bull: BullPlace,
  state: MessageState,
  limit: number | null,
  notice: Notice,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  let missing = 0;
  let offset = 0;
  let given = 0;
  while (limit === null || given < limit) {
    const count = limit === null ? PAGE : Math.min(PAGE, limit - given);
    const refs = await readIds(connection, bull, state, offset, count, signal);
    if (refs.length === 0) break;
    offset += refs.length;
    const hashes = await readHashes(
      connection,
      bull,
      refs.map(({ id }) => id),
      signal,
    );
    for (const [index, { id, dueAt }] of refs.entries()) {
      const hash = hashes[index] ?? null;
      if (isMarker(id)) continue;
      if (hash === null) missing += 1;
      else {
        given += 1;
        yield jobMessage(bull, id, hash, state, dueAt);
      }
    }
    if (refs.length < count) break;
  }
  if (missing > 0)
    notice(`${missing} ${missing === 1 ? 'job is' : 'jobs are'} listed in ${bull.shown} but the data is gone`);
}

/** Earlier releases of BullMQ put a marker among the waiting jobs to wake workers; it is no job. */
export function isMarker(id: string): boolean {
  return id.startsWith('0:');
}
