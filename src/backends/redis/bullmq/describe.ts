import type { JsonValue, Message, MessageState } from '../../../contract/message.ts';
import type { QueueDescription } from '../../../contract/queue.ts';
import type { Call, Connection } from '../connection/connection.ts';
import { asInteger, asList, asListOrNone, asNumberOrNull, asPairs, asText, asTextOrNull } from '../connection/reply.ts';
import type { BullPlace } from './find.ts';
import { jobMessage } from './message.ts';
import { readHashes } from './peek.ts';
import { clientName, readCounts, readWorkers } from './stats.ts';

const STATES = {
  failed: 'dead',
  completed: 'completed',
  delayed: 'delayed',
  prioritized: 'ready',
  'waiting-children': 'waiting-children',
  wait: 'ready',
  paused: 'ready',
  active: 'in-flight',
} as const satisfies Readonly<Record<string, MessageState>>;

/**
 * One job with everything that is known of it in `native`: stack traces, log lines, progress, result, parent and
 * children.
 */
export async function getJob(
  connection: Connection,
  bull: BullPlace,
  id: string,
  signal: AbortSignal,
): Promise<Message | null> {
  const place = { operation: 'read the job', queue: bull.shown, signal };
  const key = `${bull.base}:${id}`;
  // The name of a key of the queue itself is not a job: `wait` is a list, `meta` a hash without a name.
  if (asText(await connection.call(['TYPE', key], place)) !== 'hash') return null;
  const [hash] = await readHashes(connection, bull, [id], signal);
  if (hash === null || hash === undefined || (hash.name === null && hash.data === null)) return null;
  const sets = ['failed', 'completed', 'delayed', 'prioritized', 'waiting-children'] as const;
  const lists = ['wait', 'paused', 'active'] as const;
  const answers = await connection.each(
    [
      ...sets.map((set): Call => ['ZSCORE', `${bull.base}:${set}`, id]),
      ...lists.map((list): Call => ['LPOS', `${bull.base}:${list}`, id]),
    ],
    place,
  );
  const at = answers.findIndex((answer) => answer.ok && answer.reply !== null);
  const where = [...sets, ...lists][at] ?? null;
  const score = answers[2]?.ok === true ? asNumberOrNull(answers[2].reply) : null;
  const message = jobMessage(
    bull,
    id,
    hash,
    where === null ? 'ready' : STATES[where],
    score === null ? null : Math.floor(score / 0x1000),
  );
  return {
    ...message,
    native: {
      ...message.native,
      redis: { ...(message.native.redis as object), job: await everything(connection, bull, id, where, signal) },
    },
  };
}

const MOST_LOG_LINES = 1000;
const MOST_CHILDREN = 1000;

async function everything(
  connection: Connection,
  bull: BullPlace,
  id: string,
  where: string | null,
  signal: AbortSignal,
): Promise<Readonly<Record<string, JsonValue>>> {
  const key = `${bull.base}:${id}`;
  const place = { operation: 'read the job', queue: bull.shown, signal };
  const [fields, logs, waitingFor, processed, failedChildren] = await connection.each(
    [
      [
        'HMGET',
        key,
        'stacktrace',
        'progress',
        'returnvalue',
        'processedOn',
        'finishedOn',
        'parent',
        'stc',
        'pb',
        'atm',
        'ats',
      ],
      ['LRANGE', `${key}:logs`, 0, MOST_LOG_LINES - 1],
      ['SRANDMEMBER', `${key}:dependencies`, MOST_CHILDREN],
      ['HKEYS', `${key}:processed`],
      ['HGETALL', `${key}:failed`],
    ],
    place,
  );
  const [stacktrace, progress, returnvalue, processedOn, finishedOn, parent, stalled, processedBy, made, started] =
    fields?.ok === true ? asList(fields.reply).map(asTextOrNull) : [];
  const texts = (answer: typeof logs): string[] => (answer?.ok === true ? asListOrNone(answer.reply).map(asText) : []);
  return {
    state: where,
    attemptsMade: asNumberOrNull(made),
    attemptsStarted: asNumberOrNull(started),
    stalled: asNumberOrNull(stalled),
    processedBy: processedBy ?? null,
    processedOn: asNumberOrNull(processedOn),
    finishedOn: asNumberOrNull(finishedOn),
    progress: parsed(progress),
    returnvalue: parsed(returnvalue),
    stacktrace: parsed(stacktrace),
    logs: texts(logs),
    parent: parsed(parent),
    children: {
      waiting: texts(waitingFor),
      processed: texts(processed),
      failed:
        failedChildren?.ok === true
          ? Object.fromEntries([...asPairs(failedChildren.reply)].map(([child, why]) => [child, asText(why)]))
          : {},
    },
  };
}

function parsed(text: string | null | undefined): JsonValue {
  if (text === null || text === undefined) return null;
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return text;
  }
}

export async function describeBull(
  connection: Connection,
  bull: BullPlace,
  signal: AbortSignal,
): Promise<QueueDescription> {
  const place = { operation: 'describe', queue: bull.shown, signal };
  const [counts, workers, meta, schedulers, limiter] = await Promise.all([
    readCounts(connection, bull, signal),
    readWorkers(connection, signal),
    connection.call(['HGETALL', `${bull.base}:meta`], place).then(asPairs),
    connection.call(['ZRANGE', `${bull.base}:repeat`, 0, 99, 'WITHSCORES'], place).then(asList),
    connection.call(['PTTL', `${bull.base}:limiter`], place).then(asInteger),
  ]);
  const version = asTextOrNull(meta.get('version'));
  const next: JsonValue[] = [];
  for (let i = 0; i + 1 < schedulers.length; i += 2)
    next.push({ id: asText(schedulers[i]), nextAt: asNumberOrNull(schedulers[i + 1]) });
  return {
    configuration: Object.fromEntries([...meta].map(([name, value]) => [name, asText(value)])),
    details: {
      library: bull.generation === 'bull4' ? 'Bull 4 (read-only)' : (version ?? 'BullMQ'),
      prefix: bull.prefix,
      counts: { ...counts },
      schedulers: next,
      rateLimitedForMs: limiter > 0 ? limiter : null,
    },
    consumers:
      workers === null ? null : (workers.get(clientName(bull)) ?? []).map(({ address, name }) => ({ address, name })),
  };
}
