import type { JobsOptions } from 'bullmq';
import type { OutgoingMessage, SendOutcome } from '../../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../../contract/queue.ts';
import type { Connection } from '../connection/connection.ts';
import { isRefusal } from '../errors.ts';
import { batchPublisher, failureOf } from '../publisher.ts';
import { type Added, type Adder, adder } from './add-script.ts';
import type { BullPlace } from './find.ts';
import { isDerived, isUniqueByPlace, jobId, losesId, recordOf } from './ids.ts';
import { type BullLibrary, refusalOfCode } from './library.ts';

/** 2^21 − 1 (`PRIORITY_LIMIT` in bullmq). */
const HIGHEST_PRIORITY = 2_097_151;
const DEFAULT_NAME = 'default';

/** Adds jobs as the library does. The data is stored as the text that it is: parsing it would change large numbers. */
export function jobPublisher(connection: Connection, bull: BullPlace, options: PublisherOptions): Publisher {
  const run: Run = { once: options.once === true, tried: new Map() };
  return batchPublisher(
    {
      queue: bull.shown,
      misfits: (message) => jobMisfits(message, bull),
      async store(messages) {
        const adding = await adder(connection, bull);
        return Promise.all(messages.map((message) => add(adding, bull, message, run)));
      },
    },
    options,
  );
}

interface Run {
  readonly once: boolean;
  /**
   * How often this run has sent a message of that id, for ids that their place does not make unique. An existing job
   * may then be the earlier message: a list and other brokers can hold two equal messages, and they count as two.
   */
  readonly tried: Map<string, number>;
}

function jobMisfits(message: OutgoingMessage, { layout }: BullPlace): readonly string[] {
  const misfits: string[] = [];
  if (Object.keys(message.headers).length > 0) misfits.push('headers');
  if (message.groupId !== null) misfits.push('a group');
  if (message.ttlMs !== null) misfits.push('a time to live');
  if (message.replays !== null) misfits.push('a mark of how often it was redriven');
  const media = message.contentType?.split(';')[0]?.trim().toLowerCase();
  if (media !== undefined && media !== 'application/json') misfits.push(`the content type ${message.contentType}`);
  if (jsonText(message.body) === null) misfits.push('a body that is not JSON');
  if (losesId(message)) misfits.push('an id that is a whole number or holds a colon');
  if (layout <= 4 && message.deduplicationId !== null) misfits.push(`a deduplication id (BullMQ ${layout} has none)`);
  if (
    message.priority !== null &&
    !(Number.isInteger(message.priority) && message.priority >= 0 && message.priority <= HIGHEST_PRIORITY)
  ) {
    misfits.push(`a priority that is not a whole number up to ${HIGHEST_PRIORITY}`);
  }
  const own = recordOf(message, 'bullmq');
  if (own?.parentKey !== undefined) misfits.push('a parent job');
  return misfits;
}

function dataOf(message: OutgoingMessage): string {
  return jsonText(message.body) ?? JSON.stringify(Buffer.from(message.body).toString('utf8'));
}

async function add(adding: Adder, bull: BullPlace, message: OutgoingMessage, run: Run): Promise<SendOutcome> {
  const name = message.name ?? DEFAULT_NAME;
  const data = dataOf(message);
  const record = recordOf(message, 'bullmq');
  const content = JSON.stringify([
    name,
    data,
    record?.timestamp,
    record?.opts,
    message.priority,
    message.deduplicationId,
  ]);
  const { id, isSecond } = idIn(run, message, content);
  try {
    const { queue, Job } = adding.library;
    const job = new Job(queue, name, {}, optionsOf(message, adding.library, bull), id ?? undefined);
    return outcomeOf(await adding.add({ ...job.asJSON(), data }, id), message, run.once, isSecond);
  } catch (error) {
    return failureOf(error, isRefusal(error), { operation: 'add the job', queue: bull.shown });
  }
}

function idIn(
  { once, tried }: Run,
  message: OutgoingMessage,
  content: string,
): { id: string | null; isSecond: boolean } {
  const id = jobId(message, once, content);
  if (id === null || message.from === undefined || isUniqueByPlace(message)) return { id, isSecond: false };
  const before = tried.get(id) ?? 0;
  tried.set(id, before + 1);
  if (before === 0) return { id, isSecond: false };
  return isDerived(id)
    ? { id: jobId(message, once, JSON.stringify([content, before])), isSecond: false }
    : { id, isSecond: true };
}

/**
 * `sent` means that the job in the queue is this message. A producer that sends an id again means another message, even
 * if it is equal. A producer that gives a deduplication id means that equal messages are one. A message that leaves its
 * source must not be taken for another with its deduplication id: that one may be finished and gone before this one's
 * work is.
 */
function outcomeOf({ word, id }: Added, message: OutgoingMessage, once: boolean, isSecond: boolean): SendOutcome {
  const isCopy = message.from !== undefined;
  const unique = `the deduplication id ${message.deduplicationId}`;
  switch (word) {
    case 'added':
      return id.startsWith('-') ? { status: 'failed', reason: refusalOfCode(Number(id)) } : { status: 'sent', id };
    case 'same':
      return (once || isCopy) && !isSecond
        ? { status: 'sent', id, already: true }
        : { status: 'failed', reason: `a job with the id ${id} and the same content is there already` };
    case 'other':
      return { status: 'failed', reason: `another job with the id ${id} exists already` };
    case 'twin':
      return once
        ? { status: 'failed', reason: `the job ${id} has ${unique}, and BullMQ would drop this one` }
        : { status: 'sent', id, already: true };
    case 'rival':
      return { status: 'failed', reason: `another job, ${id}, has ${unique}` };
    case 'closed':
      return { status: 'failed', reason: `${unique} is taken for some time yet by the job ${id}, which is gone` };
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

/**
 * The job's own options as they were, except those that belong to its old place. The message's current properties win.
 */
function optionsOf(message: OutgoingMessage, { Job }: BullLibrary, { layout }: BullPlace): JobsOptions {
  const record = recordOf(message, 'bullmq');
  const stored = record?.opts;
  const kept: JobsOptions =
    typeof stored === 'object' && stored !== null ? Job.optsFromJSON(JSON.stringify(stored)) : {};
  const { deduplication } = kept;
  const rest = Object.fromEntries(Object.entries(kept).filter(([name]) => !BOUND_TO_PLACE.has(name)));
  const timestamp = record?.timestamp;
  return {
    ...rest,
    // A delay counts from it.
    ...(typeof timestamp === 'number' && message.delayMs === null ? { timestamp } : {}),
    ...(message.priority === null ? {} : { priority: message.priority }),
    ...(message.delayMs === null ? {} : { delay: message.delayMs }),
    ...(message.attempts === null ? {} : { attempts: message.attempts }),
    ...(message.backoff === null ? {} : { backoff: { type: message.backoff.type, delay: message.backoff.delayMs } }),
    ...(message.deduplicationId === null || layout <= 4
      ? {}
      : {
          deduplication:
            deduplication?.id === message.deduplicationId ? deduplication : { id: message.deduplicationId },
        }),
  };
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The body unchanged if it is JSON in UTF-8, else null. */
function jsonText(body: Uint8Array): string | null {
  try {
    const text = strictUtf8.decode(body);
    JSON.parse(text);
    return text;
  } catch {
    return null;
  }
}
