import type { QueueStats } from '../../contract/stats.ts';
import { type Judgement, judge } from '../../feed/judgement.ts';
import { appended, emptySeries, type Series } from '../../feed/series.ts';
import type { Condition, Snapshot } from '../../feed/snapshot.ts';
import type { RowKey } from '../watched.ts';

export interface Row extends RowKey {
  readonly stats: QueueStats;
  readonly series: Series;
  readonly judgement: Judgement;
  /** It had consumers while it was watched, and has none now. */
  readonly lostConsumers: boolean;
}

/** The state of one broker: the last good rows, and whether they are still true. */
export interface BrokerView {
  readonly context: string;
  readonly broker: string | null;
  readonly address: string | null;
  readonly condition: Condition;
  /** The time of the last good sample, in milliseconds since the epoch; null: there was none yet. */
  readonly sampledAt: number | null;
  readonly tookMs: number | null;
  /** The time from one reading to the next, in milliseconds; null: the interval of the view. */
  readonly everyMs: number | null;
  readonly notices: readonly string[];
  readonly rows: ReadonlyMap<string, Row>;
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
  if (queues === null) {
    const { sampledAt = null, tookMs = null, everyMs = null, notices = [], rows = new Map() } = before ?? {};
    const said = snapshot.notices.length > 0 ? snapshot.notices : notices;
    return { ...facts, sampledAt, tookMs, everyMs, rows, notices: said };
  }
  const rows = new Map<string, Row>();
  for (const stats of queues) rows.set(stats.queue, nextRow(before?.rows.get(stats.queue), context, stats));
  const { tookMs, everyMs = null, notices } = snapshot;
  return { ...facts, sampledAt: at, tookMs, everyMs, notices, rows };
}

function nextRow(before: Row | undefined, context: string, stats: QueueStats): Row {
  const elapsedMs = before === undefined ? 0 : stats.sampledAt - before.stats.sampledAt;
  // The broker answered with a reading that is known already (RabbitMQ renews its own every five seconds): this is not
  // a new sample.
  const lostConsumers =
    before !== undefined && stats.consumers === 0 && (before.lostConsumers || (before.stats.consumers ?? 0) > 0);
  if (before !== undefined && elapsedMs <= 0)
    return { ...before, stats, lostConsumers, judgement: judge(stats, before.series, lostConsumers) };
  const { inPerSec = null, outPerSec = null, errorPerSec = null } = stats.rates ?? {};
  const sample = { depth: stats.depth, dead: stats.dead ?? null, inPerSec, outPerSec, errorPerSec };
  const series = appended(before?.series ?? emptySeries(), sample, elapsedMs);
  return { context, queue: stats.queue, stats, series, lostConsumers, judgement: judge(stats, series, lostConsumers) };
}
