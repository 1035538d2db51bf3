import { isMqError, MqError } from '../../../contract/errors.ts';
import { readInstant } from '../../../contract/instant.ts';
import { depthOf, type QueueStats, type Rates } from '../../../contract/stats.ts';
import type { Call, Connection } from '../connection/connection.ts';
import { asInteger, asList, asListOrNone, asPairs, asText, asTextOrNull } from '../connection/reply.ts';
import { clockOf } from '../connection/server-clock.ts';
import { redisError } from '../errors.ts';
import { type BullPlace, verifyBull } from './find.ts';
import { isMarker } from './peek.ts';

export interface BullWorker {
  /** Its address as the server sees it. */
  readonly address: string | null;
  /** The name that the application gave it; null: none. */
  readonly name: string | null;
}

/**
 * Connected workers by the client name that BullMQ gives them (`<prefix>:<base64 of the queue>`); null: the server does
 * not tell.
 */
export type Workers = ReadonlyMap<string, readonly BullWorker[]> | null;

export interface BullCounts {
  readonly wait: number;
  /** Version 5 parks jobs here while the queue is paused. Version 6 does not count this list. */
  readonly paused: number;
  readonly prioritized: number;
  readonly active: number;
  readonly delayed: number;
  readonly failed: number;
  readonly completed: number;
  readonly waitingChildren: number;
}

/**
 * Rates cover this much time, or as much as the events do: long enough to be steady, short enough to follow an
 * incident.
 */
const WINDOW_MS = 10_000;
/** Over a shorter time, one event more or less would change the rate completely. */
const LEAST_WINDOW_MS = 1_000;
/** At most this many events are read. A busier queue has a shorter window. */
const MOST_EVENTS = 5_000;

/** CLIENT LIST, once for all queues. In a cluster each node knows only its own clients, so it is not asked there. */
export async function readWorkers(connection: Connection, signal: AbortSignal): Promise<Workers> {
  if (connection.isCluster) return null;
  let text: string;
  try {
    text = asText(await connection.call(['CLIENT', 'LIST'], { operation: 'list the clients', signal }));
  } catch (error) {
    if (isMqError(error) && error.code !== 'ABORTED' && error.code !== 'UNAVAILABLE') return null;
    throw error;
  }
  const workers = new Map<string, BullWorker[]>();
  for (const line of text.split('\n')) {
    // Versions 5.? and 6 append `:w:<name>` for a worker with a name. Other suffixes are listeners.
    const [, client = '', name = null] = / name=([^ ]*?)(?::w:([^ ]*))?(?: |$)/.exec(line) ?? [];
    if (client === '') continue;
    const address = / addr=([^ ]*)/.exec(line)?.[1] ?? null;
    workers.set(client, [...(workers.get(client) ?? []), { address, name }]);
  }
  return workers;
}

export async function bullStatsOf(
  connection: Connection,
  bull: BullPlace,
  workers: Workers,
  signal: AbortSignal,
): Promise<QueueStats> {
  const key = (suffix: string): string => `${bull.base}:${suffix}`;
  const place = { operation: 'read the stats', queue: bull.shown, signal };
  const [counts, [time], [meta, oldPaused, ...heads]] = await Promise.all([
    readCounts(connection, bull, signal),
    connection.each([['TIME']], place),
    connection.all(
      [
        ['HMGET', key('meta'), 'paused', PAUSE_REASON],
        ['EXISTS', key('meta-paused')],
        ['LINDEX', key('wait'), -1],
        ['LINDEX', key('paused'), -1],
        ['ZRANGE', key('prioritized'), 0, 0],
      ],
      place,
    ),
  ]);
  const clock = clockOf(time);
  const { now } = clock;
  const ids = heads
    .flat()
    .map(asTextOrNull)
    .filter((id) => id !== null);
  const calls: readonly Call[] = [
    ...ids.map((id): Call => ['HGET', key(id), 'timestamp']),
    ['XINFO', 'STREAM', key('events')],
    // Events between that instant and this call belong to the next reading.
    ['XREVRANGE', key('events'), now, now - WINDOW_MS, 'COUNT', MOST_EVENTS],
  ];
  const answers = await connection.each(calls, place);
  const times = answers
    .slice(0, ids.length)
    .map((answer) => readInstant(answer.ok ? asTextOrNull(answer.reply) : null, 'milliseconds'));
  const [info, events] = answers.slice(ids.length);
  const hasEvents = info?.ok === true && events?.ok === true;
  const rates = hasEvents ? ratesOf(now, asPairs(info.reply), asList(events.reply)) : null;
  const whyNoEvents = [info, events]
    .flatMap((answer) => (answer?.ok === false ? [redisError(answer.error, place)] : []))
    .find(({ code }) => code === 'PERMISSION_DENIED');
  const [pausedFlag, reason] = asList(meta).map(asTextOrNull);
  // After a migration the key of Bull 4 may stay for ever, and BullMQ does not look at it.
  const isPaused = (pausedFlag ?? null) !== null || (bull.generation === 'bull4' && asInteger(oldPaused) === 1);
  const undated = times.find(({ note }) => note !== undefined);
  const oldest = Math.min(...times.map(({ at }) => at).filter((at) => at !== null));
  const ready = counts.wait + counts.paused + counts.prioritized;
  const consumers = workers === null ? null : (workers.get(clientName(bull))?.length ?? 0);
  if (isEmpty(counts) && (await verifyBull(connection, [bull.base], signal)).length === 0) {
    throw new MqError('QUEUE_NOT_FOUND', `the BullMQ queue ${bull.shown} no longer exists`, {
      backend: 'redis',
      operation: 'stats',
      queue: bull.shown,
    });
  }
  const stateNote = [
    bull.generation === 'bull4' ? 'a queue of Bull 4: read-only' : null,
    reason ?? null,
    isPaused && counts.active > 0 ? `${counts.active} running when it was paused` : null,
  ].filter((note) => note !== null);
  return {
    queue: bull.shown,
    broker: 'redis',
    kind: 'bullmq',
    state: isPaused ? 'paused' : 'running',
    ready,
    inFlight: counts.active,
    delayed: counts.delayed,
    dead: counts.failed,
    depth: depthOf(ready, counts.active, counts.delayed),
    consumers,
    oldestAgeMs: Number.isFinite(oldest) ? Math.max(0, now - oldest) : null,
    rates: rates ?? { inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null },
    approximate: [],
    notes: {
      ...(stateNote.length === 0 ? {} : { state: stateNote.join('; ') }),
      ...(counts.waitingChildren === 0
        ? {}
        : {
            depth: `without ${counts.waitingChildren} that ${counts.waitingChildren === 1 ? 'waits' : 'wait'} for children`,
          }),
      ...(counts.paused === 0 ? {} : { ready: `${counts.paused} of them in the paused list of BullMQ 5` }),
      ...(clock.note === null ? {} : { oldestAgeMs: clock.note }),
      ...(undated?.note === undefined ? {} : { oldestAgeMs: `the timestamp of a job: ${undated.note}` }),
      ...(consumers === null
        ? {
            consumers: connection.isCluster
              ? 'not known in a cluster'
              : 'the server does not list its clients to this user',
          }
        : {}),
      ...(rates === null
        ? {
            rates:
              bull.generation === 'bull4'
                ? 'Bull 4 keeps no events'
                : hasEvents
                  ? 'the events of the queue have only begun, or were deleted just now'
                  : (whyNoEvents?.message ?? 'the queue has no events yet'),
          }
        : {}),
    },
    sampledAt: now,
    ...clock.brokerTime,
  };
}

/**
 * A field of ours in the queue's own `meta` hash, which the library leaves alone. It is removed when the queue is
 * resumed.
 */
export const PAUSE_REASON = 'mq:pauseReason';

export async function readCounts(connection: Connection, bull: BullPlace, signal: AbortSignal): Promise<BullCounts> {
  const key = (suffix: string): string => `${bull.base}:${suffix}`;
  const replies = await connection.all(
    [
      ['LLEN', key('wait')],
      ['LLEN', key('paused')],
      ['ZCARD', key('prioritized')],
      ['LLEN', key('active')],
      ['ZCARD', key('delayed')],
      ['ZCARD', key('failed')],
      ['ZCARD', key('completed')],
      ['ZCARD', key('waiting-children')],
      ['LINDEX', key('wait'), -1],
      ['LINDEX', key('paused'), -1],
    ],
    { operation: 'count the jobs', queue: bull.shown, signal },
  );
  const [
    wait = 0,
    paused = 0,
    prioritized = 0,
    active = 0,
    delayed = 0,
    failed = 0,
    completed = 0,
    waitingChildren = 0,
  ] = replies.slice(0, 8).map(asInteger);
  // Versions 3 and 4 put a marker into an empty list to wake workers. It comes next and is not a job.
  const [waitMarker, pausedMarker] = replies.slice(8).map((next) => (isMarker(asTextOrNull(next) ?? '') ? 1 : 0));
  return {
    wait: Math.max(0, wait - (waitMarker ?? 0)),
    paused: Math.max(0, paused - (pausedMarker ?? 0)),
    prioritized,
    active,
    delayed,
    failed,
    completed,
    waitingChildren,
  };
}

function isEmpty(counts: BullCounts): boolean {
  return Object.values(counts).every((count) => count === 0);
}

export function clientName(bull: BullPlace): string {
  return `${bull.prefix}:${Buffer.from(bull.name, 'utf8').toString('base64')}`;
}

/**
 * Rates from the history in the events stream: they are right at once, even if jobs remove themselves. They cover the
 * time of that history. It is shorter than the window if there are more events than we read, if the stream was trimmed
 * within the window, or if it was created within it. The last happens to a new queue and to one that was obliterated,
 * which cannot be told apart: the time before is unknown. Null: it covers almost nothing.
 */
function ratesOf(now: number, info: ReadonlyMap<string, unknown>, events: readonly unknown[]): Rates | null {
  const happened = events.map((entry) => {
    const [id, fields] = asList(entry);
    return { at: instantOf(id), event: asTextOrNull(asPairs(asListOrNone(fields)).get('event')) };
  });
  const isCut = happened.length >= MOST_EVENTS;
  // If a stream was emptied, it is known that nothing came since its last entry.
  const first = asListOrNone(info.get('first-entry'))[0] ?? info.get('last-generated-id');
  const start = Math.max(now - WINDOW_MS, isCut ? (happened.at(-1)?.at ?? now) : instantOf(first));
  const windowMs = now - start;
  if (isCut ? windowMs <= 0 : windowMs < LEAST_WINDOW_MS) return null;
  const perSec = (name: string): number => (happened.filter(({ event }) => event === name).length * 1000) / windowMs;
  return { inPerSec: perSec('added'), outPerSec: perSec('completed'), errorPerSec: perSec('failed'), windowMs };
}

/** Milliseconds since the epoch: an entry's id begins with them. */
function instantOf(id: unknown): number {
  return Number(asText(id).split('-')[0]);
}
