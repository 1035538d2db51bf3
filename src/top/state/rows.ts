import type { QueueStats } from '../../contract/stats.ts';
import { aged } from '../../feed/aged.ts';
import { isSettled, type Judgement, judge } from '../../feed/judgement.ts';
import { appended, emptySeries, repeated, type Series } from '../../feed/series.ts';
import type { Condition, Snapshot } from '../../feed/snapshot.ts';
import type { RowKey } from '../watched.ts';

/**
 * A queue as it was at the last sample that said something new of it. `upToDate` tells how it is now: thousands of idle
 * queues are not made again at every sample.
 */
export interface Row extends RowKey {
  readonly stats: QueueStats;
  readonly series: Series;
  readonly judgement: Judgement;
  /** It had consumers while it was watched, and has none now. */
  readonly lostConsumers: boolean;
  /** The number of that sample among those of its broker. */
  readonly sample: number;
}

/** The state of one broker: the last good rows, and whether they are still true. */
export interface BrokerView {
  readonly context: string;
  readonly broker: string | null;
  readonly address: string | null;
  readonly condition: Condition;
  /** The time of the last good sample, in milliseconds since the epoch; null: there was none yet. */
  readonly sampledAt: number | null;
  /** How many good samples there were. */
  readonly samples: number;
  readonly tookMs: number | null;
  /** The time from one reading to the next, in milliseconds; null: the interval of the view. */
  readonly everyMs: number | null;
  readonly notices: readonly string[];
  readonly rows: ReadonlyMap<string, Row>;
  /** The rows that show something new, beside ages, even at a sample that says that nothing has changed. */
  readonly restless: readonly Row[];
}

/**
 * The broker after a snapshot. It is pure: the earlier state does not change, so a frozen screen can keep showing it.
 */
export function withSnapshot(before: BrokerView | undefined, snapshot: Snapshot): BrokerView {
  const { context, queues, condition, at } = snapshot;
  const facts = {
    context,
    condition,
    broker: snapshot.broker ?? before?.broker ?? null,
    address: snapshot.address ?? before?.address ?? null,
  };
  const samples = before?.samples ?? 0;
  const { tookMs, everyMs = null, notices } = snapshot;
  if (snapshot.unchanged === true && before !== undefined) {
    const now = { ...before, ...facts, sampledAt: at, samples: samples + 1, tookMs, everyMs, notices };
    return { ...now, ...confirmed(before, now) };
  }
  if (queues === null) {
    const {
      sampledAt = null,
      tookMs = null,
      everyMs = null,
      notices = [],
      rows = new Map(),
      restless = [],
    } = before ?? {};
    const said = snapshot.notices.length > 0 ? snapshot.notices : notices;
    return { ...facts, sampledAt, samples, tookMs, everyMs, rows, restless, notices: said };
  }
  const rows = new Map<string, Row>();
  const sample = samples + 1;
  for (const stats of queues) {
    const row = before?.rows.get(stats.queue);
    const known = row === undefined || before === undefined ? undefined : upToDate(row, before);
    rows.set(stats.queue, nextRow(known, context, stats, sample));
  }
  const restless = [...rows.values()].filter(isRestless);
  return { ...facts, sampledAt: at, samples: sample, tookMs, everyMs, notices, rows, restless };
}

/** The row as it is at the last good sample of its broker. */
export function upToDate(row: Row, { samples, sampledAt }: Pick<BrokerView, 'samples' | 'sampledAt'>): Row {
  if (row.sample === samples || sampledAt === null) return row;
  const series = repeated(row.series, samples - row.sample, sampledAt - row.stats.sampledAt);
  return { ...row, stats: aged(row.stats, sampledAt), series, sample: samples };
}

/** The rows after a sample that said that nothing has changed. The same map, if no row has anything new to show. */
function confirmed(
  before: BrokerView,
  now: Pick<BrokerView, 'samples' | 'sampledAt'>,
): Pick<BrokerView, 'rows' | 'restless'> {
  if (before.restless.length === 0) return { rows: before.rows, restless: before.restless };
  const rows = new Map(before.rows);
  const restless: Row[] = [];
  for (const row of before.restless) {
    const { stats, ...rest } = upToDate(row, now);
    const next = { ...rest, stats, judgement: judge(stats, rest.series, rest.lostConsumers) };
    rows.set(next.queue, next);
    if (isRestless(next)) restless.push(next);
  }
  return { rows, restless };
}

function isRestless({ stats, series }: Row): boolean {
  return !isSettled(stats, series);
}

function nextRow(before: Row | undefined, context: string, stats: QueueStats, sample: number): Row {
  const elapsedMs = before === undefined ? 0 : stats.sampledAt - before.stats.sampledAt;
  // The broker answered with a reading that is known already (RabbitMQ renews its own every five seconds): this is not
  // a new sample.
  const lostConsumers =
    before !== undefined && stats.consumers === 0 && (before.lostConsumers || (before.stats.consumers ?? 0) > 0);
  if (before !== undefined && elapsedMs <= 0)
    return { ...before, stats, lostConsumers, sample, judgement: judge(stats, before.series, lostConsumers) };
  const { inPerSec = null, outPerSec = null, errorPerSec = null } = stats.rates ?? {};
  const figures = { depth: stats.depth, dead: stats.dead ?? null, inPerSec, outPerSec, errorPerSec };
  const series = appended(before?.series ?? emptySeries(), figures, elapsedMs);
  const judgement = judge(stats, series, lostConsumers);
  return { context, queue: stats.queue, stats, series, lostConsumers, sample, judgement };
}
