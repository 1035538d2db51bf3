import { readInstant } from '../../contract/instant.ts';
import { depthOf, type QueueStats, type Rates, type StatsField } from '../../contract/stats.ts';
import { parkedNote } from '../common/conventions/queue-names.ts';
import { inFlightNow } from './figures/in-flight.ts';
import { type LiveFigures, whyUncounted } from './figures/live.ts';
import { isObject, type JsonObject, numberAt, objectAt } from './management/client.ts';
import type { QueueInfo, RabbitKind } from './management/queue-info.ts';

export interface DeadFigure {
  readonly count: number | null;
  readonly note: string | null;
}

export interface StatsInput {
  readonly queue: string;
  readonly kind: RabbitKind;
  /** Null: no management API. */
  readonly info: QueueInfo | null;
  readonly live: LiveFigures | null;
  readonly dead: DeadFigure;
  /** The queues whose dead letters come here. A text is the reason why they are unknown. */
  readonly deadLettersFrom: readonly string[] | string;
  /** Why `info` is null. */
  readonly reason: string | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Management figures are collected every 5 s by default, and were seen up to 7 s late. */
const LAG = 'from the management API, up to 7 s old';
const NO_FIGURES = 'the management API has no figures of this queue yet';
/** The samples are five seconds apart: two steps. */
const RATE_WINDOW_MS = 10_000;

export function toStats(input: StatsInput): QueueStats {
  const { queue, kind, info, live, dead, deadLettersFrom, reason, now } = input;
  // These come from the management API, or from another queue that changes meanwhile.
  const approximate: StatsField[] = ['inFlight', 'depth', 'rates'];
  if (kind === 'rabbit-stream') approximate.push('ready');
  else approximate.push('dead');
  const notes: Partial<Record<StatsField | 'state', string>> = {};
  const missing = (field: StatsField): void => {
    notes[field] = reason ?? NO_FIGURES;
  };
  const ready = live?.ready ?? info?.ready ?? null;
  if (live?.ready == null && ready !== null) {
    if (kind !== 'rabbit-stream') approximate.push('ready');
    notes.ready = LAG;
  }
  if (ready === null) notes.ready = live === null ? (reason ?? NO_FIGURES) : whyUncounted(live);
  const { count: inFlight, note: inFlightNote } = inFlightNow(info, live);
  if (inFlight !== null) notes.inFlight = LAG;
  else if (inFlightNote === null) missing('inFlight');
  else notes.inFlight = inFlightNote;
  const depth = depthOf(ready, inFlight);
  if (depth === null) notes.depth = ready === null ? (notes.ready ?? NO_FIGURES) : (notes.inFlight ?? NO_FIGURES);
  const consumers = live?.consumers ?? info?.consumers ?? null;
  if (consumers === null) missing('consumers');
  else if (live?.consumers == null) {
    approximate.push('consumers');
    notes.consumers = LAG;
  }
  if (dead.note !== null && kind !== 'rabbit-stream')
    notes.dead = dead.count === 0 ? andParked(dead.note, queue) : dead.note;
  const counted = info === null ? null : ratesOf(info.messageStats);
  // Neither classic nor quorum queues count messages that were dead-lettered to them (3.10, 4.0): the published ones
  // are only a part, and usually nothing.
  const isPartial = deadLettersFrom.length > 0 && counted !== null;
  const rates = isPartial ? { ...counted, inPerSec: null } : counted;
  if (isPartial) {
    notes.rates =
      typeof deadLettersFrom === 'string'
        ? `the broker does not count the dead letters that come in, and whether any do cannot be read: ${deadLettersFrom}`
        : `the broker does not count the dead letters that come in from ${deadLettersFrom.join(', ')}`;
  }
  if (rates === null) {
    missing('rates');
    if (info?.messageStats != null) notes.rates = 'the broker has not counted long enough yet';
  }
  const oldest = oldestAge(kind, info, ready, now);
  if (oldest.note !== null) notes.oldestAgeMs = oldest.note;
  // A queue that answers a declaration is running, whatever the management API knows.
  const state = info?.state ?? (info !== null && live?.ready != null ? 'running' : null);
  if (state === null) notes.state = reason ?? NO_FIGURES;
  return {
    queue,
    broker: 'rabbitmq',
    kind,
    state: state ?? 'unknown',
    ready,
    inFlight,
    ...(kind !== 'rabbit-stream' && { dead: dead.count }),
    depth,
    consumers,
    oldestAgeMs: oldest.ms,
    rates: rates ?? { inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null },
    approximate,
    notes,
    sampledAt: now,
  };
}

/** A queue without dead letters of its own may be a dead-letter queue of an application. */
function andParked(note: string, queue: string): string {
  const parked = parkedNote(queue);
  return parked === null ? note : `${note}; ${parked}`;
}

/**
 * `message_stats` is absent until a queue has had traffic, or if the broker keeps no rates. Counts from before the
 * first message are zeros; so are counts from before the queue was deleted and created again, or before a restart.
 * Rates begin where the counting does.
 */
function ratesOf(stats: JsonObject | null): Rates | null {
  if (stats === null) return null;
  const counted = COUNTED.map((name) => ({ name, readings: readingsOf(stats, name) }));
  const since = Math.min(
    ...counted.flatMap(({ readings }) => readings.filter(({ count }) => count > 0).map(({ at }) => at)),
  );
  const moved = (name: (typeof COUNTED)[number]): Moved | null =>
    movedIn(counted.find((one) => one.name === name)?.readings.filter(({ at }) => at >= since) ?? []);
  const sent = moved('publish');
  // A consumer that takes without acknowledging is done at once.
  const done = sum(sum(moved('ack'), moved('deliver_no_ack')), moved('get_no_ack'));
  if (sent === null && done === null) return null;
  // Redeliveries are not failures: the broker does not count, for each queue, the messages that were given up on.
  return {
    inPerSec: sent?.perSec ?? null,
    outPerSec: done?.perSec ?? null,
    errorPerSec: null,
    windowMs: (sent ?? done)?.windowMs ?? null,
  };
}

/** Whether there is a rate of incoming messages to tell. */
export function countsPublished(stats: JsonObject | null): boolean {
  return stats !== null && readingsOf(stats, 'publish').some(({ count }) => count > 0);
}

const COUNTED = ['publish', 'ack', 'deliver_no_ack', 'get_no_ack'] as const;

interface Reading {
  readonly count: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

interface Moved {
  readonly perSec: number;
  readonly windowMs: number;
}

function sum(one: Moved | null, other: Moved | null): Moved | null {
  if (one === null || other === null) return one ?? other;
  return { perSec: one.perSec + other.perSec, windowMs: one.windowMs };
}

/** Oldest first; none if the broker does not count this. */
function readingsOf(stats: JsonObject, name: string): readonly Reading[] {
  const { samples } = objectAt(stats, `${name}_details`);
  return (Array.isArray(samples) ? samples : [])
    .filter(isObject)
    .flatMap((one) => {
      const [count, at] = [numberAt(one, 'sample'), numberAt(one, 'timestamp')];
      return count === null || at === null ? [] : [{ count, at }];
    })
    .sort((one, other) => one.at - other.at);
}

/**
 * Over the whole window; null if the readings do not reach that far. Between two readings it would be a fifth too high
 * or too low: queues, too, report their counts every five seconds, a little early or late (seen on a busy machine).
 */
function movedIn(readings: readonly Reading[]): Moved | null {
  const last = readings.at(-1);
  const first = last && readings.find(({ at }) => last.at - at <= RATE_WINDOW_MS);
  if (last === undefined || first === undefined) return null;
  const windowMs = last.at - first.at;
  if (windowMs < RATE_WINDOW_MS) return null;
  // A counter that went backwards was reset.
  return last.count < first.count ? null : { perSec: ((last.count - first.count) * 1_000) / windowMs, windowMs };
}

function oldestAge(
  kind: RabbitKind,
  info: QueueInfo | null,
  ready: number | null,
  now: number,
): { readonly ms: number | null; readonly note: string | null } {
  if (ready === 0) return { ms: null, note: null };
  if (kind !== 'classic') return { ms: null, note: `the broker does not tell the age on kind ${kind}` };
  const head = readInstant(info?.headTimestamp ?? null, 'seconds');
  if (head.at === null)
    return { ms: null, note: head.note ?? 'needs the management API and publishers that set a timestamp' };
  const note = ['from the timestamp that the publisher set', head.note].filter((part) => part !== undefined).join('; ');
  return { ms: Math.max(0, now - head.at), note };
}
