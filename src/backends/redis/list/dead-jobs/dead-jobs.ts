import { isMqError } from '../../../../contract/errors.ts';
import { readInstant } from '../../../../contract/instant.ts';
import type { Death, Message } from '../../../../contract/message.ts';
import type {
  ItemOutcome,
  NativeMove,
  NativeMoveRequest,
  NativeProgress,
  SurveyOptions,
} from '../../../../contract/queue.ts';
import { parseObject } from '../../../common/conventions/json-text.ts';
import { IN_BOTH, type MoveAnswer, moveScript } from '../../browsing/move-script.ts';
import { PAGE } from '../../browsing/page-size.ts';
import { sortedSetPages } from '../../browsing/sorted-set.ts';
import type { Connection } from '../../connection/connection.ts';
import { asInteger, asList, asTextOrNull } from '../../connection/reply.ts';
import { shortName } from '../frameworks/convention.ts';
import { elementMessage, sidekiqInstant } from '../message.ts';
import { rqErrors } from './rq-error.ts';

/**
 * The dead jobs of a framework, seen as the dead letters of the queue that they came from. RQ keeps one sorted set for
 * each queue (`rq:failed:<name>`, job hashes `rq:job:<id>`), Sidekiq one for all (`dead`, whole payloads).
 */
export interface DeadCount {
  readonly count: number;
  /** A sentence about the jobs that are in no count; null: there are none. */
  readonly note: string | null;
}

/** What an entry of the set stands for. */
export interface DeadEntry {
  readonly id: string | null;
  /** Null: nothing is left but the id. */
  readonly message: Message | null;
  /** No worker could run it: its data ended before its id. */
  readonly gone: boolean;
}

export interface FrameworkDead {
  /** Of the entries: what has no job is counted by the server like any other. */
  count(signal: AbortSignal): Promise<DeadCount>;
  /** Up to `limit` jobs that could run, and what lies among them. */
  read(limit: number | null, signal: AbortSignal): AsyncIterable<DeadEntry>;
  /**
   * Puts one job back as the framework's own retry does. The reply is 1: done; 0: it was no longer there; 2: it is
   * back, and the server refused to take it off the dead ones.
   */
  redrive(message: Message): Promise<MoveAnswer>;
}

/**
 * KEYS[1] failed set, KEYS[2] queue, KEYS[3] job hash, KEYS[4] registry of queues. ARGV[1] job id, ARGV[2] key of the
 * queue. Like RQ's requeue: the job gets back its status and loses its expiry before it joins the queue. A job whose
 * data is gone does not: a heartbeat may outlive the data, and no worker can run such a job.
 */
const REQUEUE_RQ = `
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
if redis.call('HEXISTS', KEYS[3], 'data') == 0 then return 0 end
redis.call('HSET', KEYS[3], 'status', 'queued')
redis.call('PERSIST', KEYS[3])
redis.call('SADD', KEYS[4], ARGV[2])
redis.call('RPUSH', KEYS[2], ARGV[1])
return type(redis.pcall('ZREM', KEYS[1], ARGV[1])) == 'number' and 1 or 2
`;

/**
 * KEYS[1] dead set, KEYS[2] queue, KEYS[3] registry of queues. ARGV[1] payload as it is now, ARGV[2] as it goes back,
 * ARGV[3] short name.
 */
const REQUEUE_SIDEKIQ = `
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('SADD', KEYS[3], ARGV[3])
redis.call('LPUSH', KEYS[2], ARGV[2])
return type(redis.pcall('ZREM', KEYS[1], ARGV[1])) == 'number' and 1 or 2
`;

export function rqDead(connection: Connection, key: string): FrameworkDead {
  const set = `rq:failed:${shortName(key, 'rq')}`;
  const place = { operation: 'read the failed jobs', queue: key };
  return {
    count: async (signal) => ({
      count: asInteger(await connection.call(['ZCARD', set], { ...place, signal })),
      note: null,
    }),
    async *read(limit, signal) {
      let given = 0;
      for await (const page of sortedSetPages(connection, set, PAGE, { ...place, signal })) {
        const hashes = await connection.each(
          page.map(
            ({ value }) =>
              [
                'HMGET',
                `rq:job:${value.toString('utf8')}`,
                'data',
                'exc_info',
                'ended_at',
                'enqueued_at',
                'origin',
                'description',
              ] as const,
          ),
          { ...place, bytes: true, signal },
        );
        const fields = hashes.map((answer) => (answer.ok ? asList(answer.reply) : []));
        const errors = await rqErrors(
          connection,
          page.map(({ value }, index) => ({ id: value.toString('utf8'), trace: fields[index]?.[1] })),
          { ...place, signal },
        );
        for (const [index, { value, score }] of page.entries()) {
          if (limit !== null && given >= limit) return;
          const [data, ...texts] = fields[index] ?? [];
          const gone = data === null;
          const error = errors[index] ?? null;
          if (gone && error === null && texts.every((field) => field === null)) {
            yield { id: value.toString('utf8'), message: null, gone };
            continue;
          }
          if (!gone) given += 1;
          const [, ended, enqueued, origin, description] = texts.map(bytesToText);
          const message = elementMessage(key, value, 'rq', 'dead', {
            from: key,
            reason: 'failed',
            error,
            at: readInstant(ended, 'seconds').at ?? readInstant(score, 'seconds').at,
            count: null,
            replays: 0,
          });
          const list = { framework: 'rq', id: message.id, origin: origin ?? null, description: description ?? null };
          yield {
            id: message.id,
            gone,
            message: { ...message, enqueuedAt: readInstant(enqueued, 'seconds').at, native: { redis: { list } } },
          };
        }
      }
    },
    async redrive(message) {
      const id = Buffer.from(message.body).toString('utf8');
      const keys = [set, key, `rq:job:${id}`, 'rq:queues'];
      return await moveScript(connection, REQUEUE_RQ, keys, [id, key], { operation: 'redrive', queue: key });
    },
  };
}

export function sidekiqDead(connection: Connection, key: string): FrameworkDead {
  const name = shortName(key, 'sidekiq');
  const place = { operation: 'read the dead jobs', queue: key };
  async function* read(
    limit: number | null,
    signal: AbortSignal,
    onUnreadable: () => void = () => {},
  ): AsyncGenerator<DeadEntry> {
    let given = 0;
    for await (const page of sortedSetPages(connection, 'dead', PAGE, { ...place, signal })) {
      for (const { value, score } of page) {
        const payload = parseObject(value.toString('utf8'));
        if (payload === null || typeof payload.queue !== 'string') onUnreadable();
        if (payload?.queue !== name) continue;
        if (limit !== null && given >= limit) return;
        given += 1;
        const message = elementMessage(key, value, 'sidekiq', 'dead', sidekiqDeath(key, payload, score));
        yield { id: message.id, message, gone: false };
      }
    }
  }
  return {
    async count(signal) {
      let count = 0;
      let unreadable = 0;
      const counted = read(null, signal, () => {
        unreadable += 1;
      });
      for await (const _ of counted) count += 1;
      const what = unreadable === 1 ? '1 job' : `${unreadable} jobs`;
      const note = `${what} of Sidekiq's dead set could not be read (no JSON that names a queue), and ${unreadable === 1 ? 'is' : 'are'} in no queue's count`;
      return { count, note: unreadable === 0 ? null : note };
    },
    read: (limit, signal) => read(limit, signal),
    async redrive(message) {
      const payload = Buffer.from(message.body);
      const args = [payload, oneMoreTry(payload), name];
      const keys = ['dead', key, 'queues'];
      return await moveScript(connection, REQUEUE_SIDEKIQ, keys, args, { operation: 'redrive', queue: key });
    },
  };
}

function sidekiqDeath(key: string, payload: Readonly<Record<string, unknown>>, score: number): Death {
  const { error_class: type, error_message: text, failed_at: failedAt } = payload;
  const error = [type, text].filter((part) => typeof part === 'string').join(': ');
  return {
    from: key,
    reason: 'dead',
    error: error === '' ? null : error,
    at: sidekiqInstant(failedAt).at ?? readInstant(score, 'seconds').at,
    count: null,
    replays: 0,
  };
}

/**
 * As in Sidekiq's own retry of a dead job, the count of retries goes down by one, so that the job is not dead again at
 * its next failure. This is done in the text, because a JSON round trip would change large numbers. The text is not
 * changed unless the field is there exactly once.
 */
function oneMoreTry(payload: Buffer): Buffer {
  const text = payload.toString('utf8');
  const found = [...text.matchAll(/"retry_count":(\d+)/g)];
  const [only] = found;
  const count = Number(only?.[1] ?? 0);
  if (only === undefined || found.length !== 1 || count === 0 || !Buffer.from(text, 'utf8').equals(payload))
    return payload;
  const lowered = `"retry_count":${count - 1}`;
  return Buffer.from(text.slice(0, only.index) + lowered + text.slice(only.index + only[0].length), 'utf8');
}

const GONE = 'only its id is left: the job is gone';

/** Those that can be looked at. */
export async function* deadJobs(
  dead: FrameworkDead,
  limit: number | null,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  let given = 0;
  for await (const { message } of dead.read(limit, signal)) {
    if (limit !== null && given >= limit) return;
    if (message === null) continue;
    given += 1;
    yield message;
  }
}

/** What a redrive of all would do. */
export async function surveyDead(
  dead: FrameworkDead,
  { by, limit, signal }: SurveyOptions,
): Promise<Pick<NativeProgress, 'moved' | 'skipped' | 'failed'>> {
  const skipped: ItemOutcome[] = [];
  let moved = 0;
  for await (const entry of dead.read(limit, signal)) {
    if (!entry.gone) moved += 1;
    else if (by === 'native') skipped.push({ id: entry.id, reason: GONE });
  }
  return { moved, skipped, failed: [] };
}

/**
 * Redrives by the framework's own rules, one script for each job: a job is in the dead set or in its queue, never in
 * neither.
 */
export function frameworkRedrive(dead: FrameworkDead, request: NativeMoveRequest): NativeMove {
  /** All that were dead at the start, read completely: pages by rank would skip jobs while others leave the set. */
  let rest: DeadEntry[] | null = null;
  async function atTheStart(): Promise<DeadEntry[]> {
    const all: DeadEntry[] = [];
    for await (const entry of dead.read(request.limit, request.signal)) all.push(entry);
    return all;
  }
  return {
    guarantee: 'atomic',
    async next(selection) {
      rest ??= 'messages' in selection ? [] : await atTheStart();
      const entries = 'messages' in selection ? [] : rest.splice(0, Math.min(selection.upTo, PAGE));
      const page =
        'messages' in selection
          ? selection.messages
          : entries.flatMap(({ message, gone }) => (message === null || gone ? [] : [message]));
      const exhausted = !('messages' in selection) && rest.length === 0;
      const skipped = entries.filter(({ gone }) => gone).map(({ id }): ItemOutcome => ({ id, reason: GONE }));
      let moved = 0;
      for (const [index, message] of page.entries()) {
        const { id } = message;
        const done = { moved, skipped, failed: [], unknown: [], exhausted: false };
        try {
          const answer = await dead.redrive(message);
          if ('refused' in answer) return { ...done, refused: answer.refused };
          const code = asInteger(answer.reply);
          if (code === 2) return { ...done, unknown: [{ id, reason: IN_BOTH }] };
          if (code === 1) moved += 1;
          else skipped.push({ id, reason: 'no longer among the dead jobs' });
        } catch (error) {
          if (!isMqError(error)) throw error;
          // The earlier moves are reported, and the rest is not tried.
          const reason = error.message;
          const failed = page.slice(index + 1).map((other): ItemOutcome => ({ id: other.id, reason }));
          return { ...done, failed, unknown: [{ id, reason }] };
        }
      }
      return { moved, skipped, failed: [], unknown: [], exhausted };
    },
    close: () => Promise.resolve(),
  };
}

function bytesToText(reply: unknown): string | null {
  if (Buffer.isBuffer(reply)) {
    const text = reply.toString('utf8');
    return Buffer.from(text, 'utf8').equals(reply) ? text : null;
  }
  return asTextOrNull(reply);
}
