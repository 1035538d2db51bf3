import type { JobsOptions } from 'bullmq';
import type { JsonValue, OutgoingMessage, SendOutcome } from '../../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../../contract/queue.ts';
import { batchPublisher } from '../batch-publisher.ts';
import type { Call, Connection } from '../connection.ts';
import { isRefusal, redisError } from '../errors.ts';
import { asList, asTextOrNull } from '../reply.ts';
import type { RedisKind } from '../url.ts';
import type { BullPlace } from './find.ts';
import { type BullLibrary, bullLibrary, refusalOf } from './library.ts';

/** 2^21 − 1 (`PRIORITY_LIMIT` in bullmq). */
const HIGHEST_PRIORITY = 2_097_151;
const DEFAULT_NAME = 'default';

/** Adds jobs by the library's own scripts. The data goes in as the text that it is: parsing it would change large numbers. */
export function jobPublisher(connection: Connection, bull: BullPlace, options: PublisherOptions): Publisher {
  return batchPublisher(
    {
      queue: bull.shown,
      misfits: jobMisfits,
      async store(messages) {
        const library = await bullLibrary(connection, bull);
        const taken = await takenIds(connection, bull, messages);
        return Promise.all(messages.map((message) => add(library, bull, message, taken)));
      },
    },
    options,
  );
}

function jobMisfits(message: OutgoingMessage): readonly string[] {
  const misfits: string[] = [];
  if (Object.keys(message.headers).length > 0) misfits.push('headers');
  if (message.groupId !== null) misfits.push('a group');
  if (message.ttlMs !== null) misfits.push('a time to live');
  if (message.replays !== null) misfits.push('a mark of how often it was redriven');
  const media = message.contentType?.split(';')[0]?.trim().toLowerCase();
  if (media !== undefined && media !== 'application/json') misfits.push(`the content type ${message.contentType}`);
  if (jsonText(message.body) === null) misfits.push('a body that is not JSON');
  if (derivedId(message) === null && message.id !== null && !isUsableId(message.id)) {
    misfits.push('an id that is a whole number or holds a colon');
  }
  if (
    message.priority !== null &&
    !(Number.isInteger(message.priority) && message.priority >= 0 && message.priority <= HIGHEST_PRIORITY)
  ) {
    misfits.push(`a priority that is not a whole number up to ${HIGHEST_PRIORITY}`);
  }
  const own = ownRecord(message);
  if (own?.parentKey !== undefined) misfits.push('a parent job');
  if (own?.schedulerKey !== undefined) misfits.push('a job scheduler');
  return misfits;
}

/**
 * A message that comes from a queue of this backend gets an id made of where it was, so that the same move done twice (after a crash
 * between adding and removing) adds it once. Null: it comes from elsewhere.
 */
function derivedId(message: OutgoingMessage): string | null {
  if (message.id === null) return null;
  for (const kind of ['bullmq', 'stream', 'list'] as const) {
    const source = recordOf(message, kind)?.queue;
    if (typeof source === 'string') return `mq-${escapeId(source)}-${escapeId(message.id)}`;
  }
  return null;
}

function escapeId(text: string): string {
  return text.replaceAll('%', '%25').replaceAll(':', '%3A');
}

/** The library refuses whole numbers, which are its own counter, and colons, which part its keys. */
function isUsableId(id: string): boolean {
  return id !== '' && !/^\d+$/.test(id) && !id.includes(':');
}

/**
 * Ids that came with the messages and that other jobs have: the library would ignore such a message and say that all is well. A job
 * with the same id, name and data is the message itself, sent before.
 */
async function takenIds(
  connection: Connection,
  bull: BullPlace,
  messages: readonly OutgoingMessage[],
): Promise<ReadonlySet<string>> {
  const own = messages.filter((message) => message.id !== null && derivedId(message) === null);
  const replies = await connection.all(
    own.map(({ id }): Call => ['HMGET', `${bull.base}:${id}`, 'name', 'data']),
    { operation: 'look for jobs of these ids', queue: bull.shown },
  );
  const taken = new Set<string>();
  const first = new Map<string, string>();
  for (const [index, message] of own.entries()) {
    const id = message.id ?? '';
    const content = JSON.stringify([message.name ?? DEFAULT_NAME, dataOf(message)]);
    const stored = asList(replies[index]).map(asTextOrNull);
    if (stored.some((field) => field !== null) && JSON.stringify(stored) !== content) taken.add(id);
    if ((first.get(id) ?? content) !== content) taken.add(id);
    first.set(id, content);
  }
  return taken;
}

function dataOf(message: OutgoingMessage): string {
  return jsonText(message.body) ?? JSON.stringify(Buffer.from(message.body).toString('utf8'));
}

async function add(
  library: BullLibrary,
  bull: BullPlace,
  message: OutgoingMessage,
  taken: ReadonlySet<string>,
): Promise<SendOutcome> {
  const derived = derivedId(message);
  if (derived === null && message.id !== null && taken.has(message.id)) {
    return { status: 'failed', reason: `another job with the id ${message.id} exists already` };
  }
  const id = derived ?? (message.id !== null && isUsableId(message.id) ? message.id : undefined);
  try {
    const { queue, Job } = library;
    const job = new Job(queue, message.name ?? DEFAULT_NAME, {}, optionsOf(message, library), id);
    const data = dataOf(message);
    const stored = await queue.getBackend().addJob({ ...job.asJSON(), data }, id ?? '', {});
    return { status: 'sent', id: String(stored) };
  } catch (error) {
    const reason = refusalOf(error) ?? redisError(error, { operation: 'add the job', queue: bull.shown }).message;
    return { status: isRefusal(error) || refusalOf(error) !== null ? 'failed' : 'unknown', reason };
  }
}

const BOUND_TO_PLACE: ReadonlySet<string> = new Set([
  'delay',
  'repeat',
  'jobId',
  'parent',
  'priority',
  'deduplication',
  'timestamp',
]);

/** The job's own options as they were, but for those that belong to its old place; what the message says now wins. */
function optionsOf(message: OutgoingMessage, { Job }: BullLibrary): JobsOptions {
  const record = ownRecord(message);
  const stored = record?.opts;
  const kept: JobsOptions =
    typeof stored === 'object' && stored !== null ? Job.optsFromJSON(JSON.stringify(stored)) : {};
  const { deduplication } = kept;
  const rest = Object.fromEntries(Object.entries(kept).filter(([name]) => !BOUND_TO_PLACE.has(name)));
  const timestamp = record?.timestamp;
  return {
    ...rest,
    ...(typeof timestamp === 'number' ? { timestamp } : {}),
    ...(message.priority === null ? {} : { priority: message.priority }),
    ...(message.delayMs === null ? {} : { delay: message.delayMs }),
    ...(message.attempts === null ? {} : { attempts: message.attempts }),
    ...(message.backoff === null ? {} : { backoff: { type: message.backoff.type, delay: message.backoff.delayMs } }),
    ...(message.deduplicationId === null
      ? {}
      : {
          deduplication:
            deduplication?.id === message.deduplicationId ? deduplication : { id: message.deduplicationId },
        }),
  };
}

function ownRecord(message: OutgoingMessage): Readonly<Record<string, JsonValue | undefined>> | null {
  return recordOf(message, 'bullmq');
}

function recordOf(message: OutgoingMessage, kind: RedisKind): Readonly<Record<string, JsonValue | undefined>> | null {
  const { redis } = message.native;
  if (typeof redis !== 'object' || redis === null || !(kind in redis)) return null;
  const record = (redis as Readonly<Record<string, JsonValue | undefined>>)[kind];
  return typeof record === 'object' && record !== null
    ? (record as Readonly<Record<string, JsonValue | undefined>>)
    : null;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The body as it is when it is JSON in UTF-8, else null. */
function jsonText(body: Uint8Array): string | null {
  try {
    const text = strictUtf8.decode(body);
    JSON.parse(text);
    return text;
  } catch {
    return null;
  }
}
