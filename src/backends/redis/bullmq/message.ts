import { dueInstant, instantNotes, readInstant } from '../../../contract/instant.ts';
import type { JsonValue, Message, MessageState } from '../../../contract/message.ts';
import { parseObject } from '../../common/conventions/json-text.ts';
import { asList } from '../connection/reply.ts';
import type { BullPlace } from './find.ts';

/**
 * The fields of a job's hash that a message is made of. `atm` and `ats` are BullMQ's attempts; Bull 4 calls them
 * `attemptsMade`.
 */
export const JOB_FIELDS = [
  'name',
  'data',
  'opts',
  'timestamp',
  'priority',
  'atm',
  'ats',
  'attemptsMade',
  'processedOn',
  'finishedOn',
  'failedReason',
  'parentKey',
  'rjk',
  'deid',
  'delay',
  'mq:replays',
] as const;

export type JobField = (typeof JOB_FIELDS)[number];
export type JobHash = Readonly<Record<JobField, Buffer | null>>;

/** Counts how often `mq` has redriven a job: a field of ours in its hash, which the library leaves alone. */
export const REPLAYS: JobField = 'mq:replays';

/** Null if the hash is gone. Never throws for broken contents: a part that cannot be read is null. */
export function readHash(reply: unknown): JobHash | null {
  const values = asList(reply);
  if (values.every((value) => value === null)) return null;
  return Object.fromEntries(
    JOB_FIELDS.map((field, index) => {
      const value = values[index];
      return [field, Buffer.isBuffer(value) ? value : typeof value === 'string' ? Buffer.from(value, 'utf8') : null];
    }),
  ) as JobHash;
}

export function textOf(value: Buffer | null): string | null {
  return value === null ? null : value.toString('utf8');
}

function numberOf(value: Buffer | null): number | null {
  const number = value === null || value.length === 0 ? Number.NaN : Number(value.toString('utf8'));
  return Number.isFinite(number) ? number : null;
}

/** `dueAt`: milliseconds since the epoch, for a delayed job. */
export function jobMessage(
  bull: BullPlace,
  id: string,
  hash: JobHash,
  state: MessageState,
  dueAt: number | null = null,
): Message {
  const opts = parseObject(textOf(hash.opts) ?? '') as Readonly<Record<string, JsonValue>> | null;
  const priority = numberOf(hash.priority) ?? numericOption(opts, 'priority');
  const made = numberOf(hash.atm) ?? numberOf(hash.attemptsMade) ?? 0;
  const parentKey = textOf(hash.parentKey);
  const schedulerKey = textOf(hash.rjk);
  const added = readInstant(textOf(hash.timestamp), 'milliseconds');
  const finished = readInstant(textOf(hash.finishedOn), 'milliseconds');
  const due = dueInstant(dueAt);
  return {
    queue: bull.shown,
    id,
    // Whole numbers are the library's own counter: it refuses them from producers.
    ...(/^\d+$/.test(id) ? { idFrom: 'broker' as const } : {}),
    body: hash.data ?? Buffer.alloc(0),
    headers: {},
    contentType: null,
    priority: priority === null || priority === 0 ? null : priority,
    groupId: null,
    deduplicationId: textOf(hash.deid),
    ttlMs: null,
    name: textOf(hash.name),
    native: {
      redis: {
        bullmq: {
          queue: bull.shown,
          opts,
          ...(parentKey === null || parentKey === '' ? {} : { parentKey }),
          ...(schedulerKey === null || schedulerKey === '' ? {} : { schedulerKey }),
          timestamp: numberOf(hash.timestamp),
        },
      },
    },
    state,
    enqueuedAt: added.at,
    deliverAt: due.at,
    receiveCount: state === 'in-flight' ? Math.max(made, numberOf(hash.ats) ?? made) : made,
    dead:
      state === 'dead'
        ? {
            from: bull.shown,
            reason: 'failed',
            error: textOf(hash.failedReason),
            at: finished.at,
            count: null,
            replays: numberOf(hash[REPLAYS]) ?? 0,
          }
        : null,
    ...instantNotes({ enqueuedAt: added, deliverAt: due, ...(state === 'dead' ? { 'dead.at': finished } : {}) }),
  };
}

function numericOption(opts: Readonly<Record<string, JsonValue>> | null, name: string): number | null {
  const value = opts?.[name];
  return typeof value === 'number' ? value : null;
}
