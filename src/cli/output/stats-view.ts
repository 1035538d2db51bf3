import { formatInstant } from '../../contract/instant.ts';
import type { QueueStats, StatsField } from '../../contract/stats.ts';
import { formatDuration } from '../../core/duration.ts';
import { safe } from '../../core/safe-text.ts';
import type { Column } from './columns.ts';

/** The public JSON of a reading. Every key is always there; null means unknown or not applicable (see `notes`). */
export function statsDocument(stats: QueueStats, context: string | null): object {
  return {
    queue: stats.queue,
    context,
    broker: stats.broker,
    kind: stats.kind,
    state: stats.state,
    ready: stats.ready,
    inFlight: stats.inFlight ?? null,
    delayed: stats.delayed ?? null,
    dead: stats.dead ?? null,
    depth: stats.depth,
    consumers: stats.consumers ?? null,
    oldestAgeMs: stats.oldestAgeMs ?? null,
    rates: stats.rates ?? { inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null },
    approximate: stats.approximate,
    notes: stats.notes,
    sampledAt: formatInstant(stats.sampledAt),
  };
}

const QUEUE: Column<QueueStats> = {
  heading: 'QUEUE',
  align: 'left',
  cell: (stats) => safe(stats.queue),
  shrinks: true,
};
const KIND: Column<QueueStats> = { heading: 'KIND', align: 'left', cell: (stats) => safe(stats.kind) };
const STATE: Column<QueueStats> = { heading: 'STATE', align: 'left', cell: (stats) => safe(stats.state) };
const COUNTS: readonly Column<QueueStats>[] = [
  count('READY', 'ready'),
  count('IN-FLIGHT', 'inFlight'),
  count('DELAYED', 'delayed'),
  count('DEAD', 'dead'),
];
const CONSUMERS = count('CONSUMERS', 'consumers');

export const LIST_COLUMNS: readonly Column<QueueStats>[] = [QUEUE, KIND, STATE, ...COUNTS, CONSUMERS];

export const STATS_COLUMNS: readonly Column<QueueStats>[] = [
  QUEUE,
  KIND,
  STATE,
  ...COUNTS,
  rate('IN/S', 'inPerSec'),
  rate('OUT/S', 'outPerSec'),
  rate('ERROR/S', 'errorPerSec'),
  {
    heading: 'AGE',
    align: 'right',
    cell: (stats) => {
      // Without ready messages there is no oldest one: that is an answer, not a gap.
      if (stats.oldestAgeMs === null && stats.ready === 0) return '-';
      return figure(stats, 'oldestAgeMs', stats.oldestAgeMs, formatDuration);
    },
  },
  CONSUMERS,
];

function count(heading: string, field: 'ready' | 'inFlight' | 'delayed' | 'dead' | 'consumers'): Column<QueueStats> {
  return { heading, align: 'right', cell: (stats) => figure(stats, field, stats[field], String) };
}

function rate(heading: string, field: 'inPerSec' | 'outPerSec' | 'errorPerSec'): Column<QueueStats> {
  return { heading, align: 'right', cell: (stats) => figure(stats, 'rates', stats.rates?.[field] ?? null, formatRate) };
}

/** `?` unknown, `-` does not apply, `~` approximate: never a false zero. */
export function figure(
  stats: QueueStats,
  field: StatsField,
  value: number | null | undefined,
  format: (value: number) => string,
): string {
  if (value === undefined) return '-';
  if (value === null) return '?';
  return `${stats.approximate.includes(field) ? '~' : ''}${format(value)}`;
}

function formatRate(perSec: number): string {
  return perSec >= 100 ? Math.round(perSec).toString() : perSec.toFixed(1);
}
