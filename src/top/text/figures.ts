import type { QueueStats, StatsField } from '../../contract/stats.ts';
import { formatDuration } from '../../core/duration.ts';

const SIZES = [
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['P', 1e15],
] as const;

/** At most six cells, so that there is room for `~` before it: exact below 100,000, and four digits above. */
export function formatCount(count: number): string {
  if (count < 99_999.5) return String(Math.round(count));
  for (const [letter, size] of SIZES) {
    const scaled = count / size;
    const digits = scaled.toFixed(scaled < 99.995 ? 2 : 1);
    // A value that is rounded up to 1000 gets the next unit.
    if (Number(digits) < 1_000) return `${digits}${letter}`;
  }
  return count.toExponential(0);
}

export function formatRate(perSec: number): string {
  if (perSec >= 99.95) return formatCount(perSec);
  // A rate that is not zero never looks like zero.
  return perSec > 0 && perSec < 0.05 ? '<0.1' : perSec.toFixed(1);
}

/** `?` unknown, nothing where it does not apply, `~` approximate: never a false zero. */
export function figure(
  stats: QueueStats,
  field: StatsField,
  value: number | null | undefined,
  format: (value: number) => string = formatCount,
): string {
  if (value === undefined) return '';
  if (value === null) return '?';
  return `${stats.approximate.includes(field) ? '~' : ''}${format(value)}`;
}

/** Without ready messages there is no oldest one: the figure does not apply, and is not unknown. */
export function ageFigure(stats: QueueStats): string {
  if (stats.oldestAgeMs === null && stats.ready === 0) return '';
  return figure(stats, 'oldestAgeMs', stats.oldestAgeMs, formatDuration);
}

/** The share of finished messages that failed. Empty if none is finished, `?` if one of the rates is unknown. */
export function errorShareFigure(stats: QueueStats): string {
  if (stats.rates === undefined) return '?';
  const { outPerSec, errorPerSec } = stats.rates;
  if (outPerSec === null || errorPerSec === null) return '?';
  const finished = outPerSec + errorPerSec;
  if (finished === 0) return '';
  const share = (errorPerSec / finished) * 100;
  const text = share > 0 && share < 1 ? '<1%' : `${Math.round(share)}%`;
  return `${stats.approximate.includes('rates') ? '~' : ''}${text}`;
}

/** The change of the depth per second. A broker without counters still shows it. */
export function netFigure(stats: QueueStats, perSec: number | null): string {
  if (perSec === null) return '?';
  const sign = perSec > 0 ? '+' : perSec < 0 ? '-' : '';
  return `${stats.approximate.includes('depth') ? '~' : ''}${sign}${formatRate(Math.abs(perSec))}/s`;
}

export interface Total {
  readonly sum: number;
  /** Queues that have the figure but do not know its value. */
  readonly unknown: number;
  readonly known: number;
  readonly approximate: boolean;
}

export function totalOf(
  all: Iterable<QueueStats>,
  field: StatsField,
  value: (stats: QueueStats) => number | null | undefined,
): Total {
  let [sum, unknown, known, approximate] = [0, 0, 0, false];
  for (const stats of all) {
    const one = value(stats);
    if (one === undefined) continue;
    if (one === null) unknown += 1;
    else {
      sum += one;
      known += 1;
      approximate ||= stats.approximate.includes(field);
    }
  }
  return { sum, unknown, known, approximate };
}

/**
 * `12+?`: at least 12, the rest is unknown. `?` also if the known part is zero: it says nothing beside an unknown part.
 * Empty if no queue has such a figure.
 */
export function formatTotal(total: Total, format: (value: number) => string = formatCount): string {
  if (total.known === 0 || (total.sum === 0 && total.unknown > 0)) return total.unknown === 0 ? '' : '?';
  return `${total.approximate ? '~' : ''}${format(total.sum)}${total.unknown > 0 ? '+?' : ''}`;
}

/** Local time of day. */
export function formatClock(at: number): string {
  const date = new Date(at);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
