import type { Notice } from '../../../contract/call.ts';
import type { Message, MessageState } from '../../../contract/message.ts';
import { bytesOf, PAGE, PageSize } from '../browsing/page-size.ts';
import { sortedSetPages } from '../browsing/sorted-set.ts';
import type { Call, Connection } from '../connection/connection.ts';
import { asInteger, asList, asNumberOrNull, asText } from '../connection/reply.ts';
import { isWrongType, redisError } from '../errors.ts';
import type { BullPlace } from './find.ts';
import { JOB_FIELDS, type JobHash, jobMessage, readHash } from './message.ts';
import { tiesOf, withTie } from './ties.ts';

interface Container {
  readonly suffix: string;
  /** `list-right`: taken from the right end; `zset`: lowest score first. */
  readonly shape: 'list-right' | 'zset';
}

/**
 * Where the jobs of each state are, in the order in which workers take them. On resume, version 5 puts the list of a
 * paused queue before `wait`. Prioritized jobs are taken after waiting ones.
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

/**
 * The score of a delayed job is its due time times 4096, plus a number that keeps the order (BullMQ, getDelayedScore).
 */
function dueAtOf(score: number): number {
  return Math.floor(score / 0x1000);
}

export interface JobRef {
  readonly id: string;
  /** The list or set that it was read from. */
  readonly container: string;
  readonly dueAt: number | null;
}

/** Ids of jobs in a state, from `offset` on, in delivery order. Fewer than asked for: there are no more. */
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
      refs.push(...ids.reverse().map((id) => ({ id, container: suffix, dueAt: null })));
    } else {
      const reply = asList(await connection.call(['ZRANGE', key, skip, skip + wanted - 1, 'WITHSCORES'], place));
      for (let i = 0; i + 1 < reply.length; i += 2) {
        const dueAt = state === 'delayed' ? dueAtOf(asNumberOrNull(reply[i + 1]) ?? 0) : null;
        refs.push({ id: asText(reply[i]), container: suffix, dueAt });
      }
    }
    skip = 0;
  }
  return refs;
}

/** The hashes of these jobs; null: the job is gone, or its key holds another type of value. */
export async function readHashes(
  connection: Connection,
  bull: BullPlace,
  ids: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly (JobHash | null)[]> {
  const place = { operation: 'read the jobs', queue: bull.shown, bytes: true, signal };
  const answers = await connection.each(
    ids.map((id): Call => ['HMGET', `${bull.base}:${id}`, ...JOB_FIELDS]),
    place,
  );
  return answers.map((answer) => {
    if (answer.ok) return readHash(answer.reply);
    if (isWrongType(answer.error)) return null;
    throw redisError(answer.error, place);
  });
}

/** Looks without taking. A job that is listed while its hash is gone is left out, with a notice. */
export async function* peekJobs(
  connection: Connection,
  bull: BullPlace,
  state: MessageState,
  limit: number | null,
  notice: Notice,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  let missing = 0;
  let given = 0;
  const size = new PageSize();
  const pageSize = limit === null ? PAGE : Math.min(PAGE, Math.max(1, limit));
  for (const container of CONTAINERS[state]) {
    const pages = container.shape === 'zset' ? zsetRefs : listRefs;
    for await (const page of pages(connection, bull, container.suffix, pageSize, signal)) {
      const refs = page.filter(({ id }) => !isMarker(id));
      while (refs.length > 0 && (limit === null || given < limit)) {
        const part = refs.splice(0, size.next(limit === null ? PAGE : limit - given));
        const ids = part.map(({ id }) => id);
        const hashes = await readHashes(connection, bull, ids, signal);
        const jobs = part.flatMap(({ id, dueAt }, index) => {
          const hash = hashes[index] ?? null;
          return hash === null ? [] : [{ id, dueAt, hash }];
        });
        const ties = await tiesOf(connection, bull, jobs, signal);
        const messages = jobs.map(({ id, dueAt, hash }, index) =>
          withTie(jobMessage(bull, id, hash, state, dueAt), ties[index] ?? null),
        );
        size.learn(messages.length, bytesOf(messages));
        missing += part.length - messages.length;
        given += messages.length;
        yield* messages;
      }
      if (limit !== null && given >= limit) break;
    }
    if (limit !== null && given >= limit) break;
  }
  if (missing > 0)
    notice(`${missing} ${missing === 1 ? 'job is' : 'jobs are'} listed in ${bull.shown} but the data is gone`);
}

async function* zsetRefs(
  connection: Connection,
  bull: BullPlace,
  suffix: string,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<readonly JobRef[]> {
  const place = { operation: 'read the jobs', queue: bull.shown, signal };
  for await (const page of sortedSetPages(connection, `${bull.base}:${suffix}`, pageSize, place)) {
    yield page.map(({ value, score }) => ({
      id: value.toString('utf8'),
      container: suffix,
      dueAt: suffix === 'delayed' ? dueAtOf(score) : null,
    }));
  }
}

/**
 * From the right. If jobs leave while we read, others slip past us: then once more from the start, without the seen
 * ones.
 */
async function* listRefs(
  connection: Connection,
  bull: BullPlace,
  suffix: string,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<readonly JobRef[]> {
  const place = { operation: 'read the jobs', queue: bull.shown, signal };
  const key = `${bull.base}:${suffix}`;
  const seen = new Set<string>();
  for (let isNew = true; isNew; ) {
    isNew = false;
    for (let offset = 0; ; ) {
      const ids = asList(await connection.call(['LRANGE', key, -offset - pageSize, -offset - 1], place)).map(asText);
      offset += ids.length;
      const fresh = ids.reverse().filter((id) => !seen.has(id));
      for (const id of fresh) seen.add(id);
      if (fresh.length > 0) {
        isNew = seen.size > fresh.length || ids.length === pageSize;
        yield fresh.map((id) => ({ id, container: suffix, dueAt: null }));
      }
      if (ids.length < pageSize) break;
    }
  }
}

/** Earlier releases of BullMQ put a marker among the waiting jobs to wake workers. It is not a job. */
export function isMarker(id: string): boolean {
  return id.startsWith('0:');
}
