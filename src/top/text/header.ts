import type { QueueStats, StatsField } from '../../contract/stats.ts';
import type { Row } from '../state/rows.ts';
import { shownBrokers, type TopState } from '../state/state.ts';
import { formatClock, formatCount, formatRate, formatTotal, totalOf } from './figures.ts';
import { type Line, line } from './line.ts';
import { cut, padded, widthOf } from './padding.ts';
import { glyphsOf, paint, type Theme } from './theme.ts';

/** Totals over the queues that are shown, and the time of the last sample. */
export function titleLine(state: TopState, width: number, theme: Theme): Line {
  const glyphs = glyphsOf(theme);
  const brokers = [...shownBrokers(state).values()];
  const inAll = brokers.reduce((sum, { rows }) => sum + rows.size, 0);
  const shown = state.rows.length;
  const howMany = inAll === shown ? formatCount(inAll) : `${formatCount(shown)} of ${formatCount(inAll)}`;
  const stale = brokers.flatMap(({ condition, context }) => (condition.state === 'stale' ? [context] : []));
  const parts = [`${howMany} ${inAll === 1 ? 'queue' : 'queues'}`, ...totalsOf(state.rows, stale)];
  const sampled = brokers.map(({ sampledAt }) => sampledAt).filter((at) => at !== null);
  const clock = sampled.length === 0 ? '--:--:--' : formatClock(Math.max(...sampled));
  const name = [
    'mq top',
    ...(state.replay === null ? [] : [state.replay === 'running' ? 'REPLAY' : 'REPLAY ENDED']),
    ...(state.frozen === null ? [] : ['FROZEN']),
  ].join(' ');
  let left = name;
  for (const part of parts) {
    const longer = `${left}  ${part}`;
    if (widthOf(longer) > width - clock.length - 2) break;
    left = longer;
  }
  const filled = padded(left, Math.max(0, width - clock.length - 1), 'left', glyphs.ellipsis);
  return line(paint(theme, 'title', cut(`${filled} ${clock}`, width, glyphs.ellipsis)));
}

let known: { readonly rows: readonly Row[]; readonly stale: string; readonly totals: readonly string[] } | null = null;

/** They are added up once for the same rows: the title is drawn at every key, and there may be thousands of queues. */
function totalsOf(rows: readonly Row[], stale: readonly string[]): readonly string[] {
  const key = JSON.stringify(stale);
  if (known?.rows !== rows || known.stale !== key) known = { rows, stale: key, totals: addedUp(rows, new Set(stale)) };
  return known.totals;
}

function addedUp(rows: readonly Row[], stale: ReadonlySet<string>): readonly string[] {
  const all = rows.map(({ context, stats }) => (stale.has(context) ? asItWas(stats) : stats));
  const rates = (name: 'inPerSec' | 'outPerSec' | 'errorPerSec'): string =>
    formatTotal(
      totalOf(all, 'rates', (stats) => stats.rates?.[name] ?? null),
      formatRate,
    );
  return [
    named('ready', formatTotal(totalOf(all, 'ready', (stats) => stats.ready))),
    named('dead', formatTotal(totalOf(all, 'dead', (stats) => stats.dead))),
    named('in/s', all.length === 0 ? '' : rates('inPerSec')),
    named('out/s', all.length === 0 ? '' : rates('outPerSec')),
    named('err/s', all.length === 0 ? '' : rates('errorPerSec')),
    named('in-flight', formatTotal(totalOf(all, 'inFlight', (stats) => stats.inFlight))),
    named('delayed', formatTotal(totalOf(all, 'delayed', (stats) => stats.delayed))),
  ].filter((part) => part !== '');
}

const COUNTS: readonly StatsField[] = ['ready', 'inFlight', 'delayed', 'dead'];

/** For a broker that does not answer: its counts were true a while ago, and its rates are unknown now. */
function asItWas(stats: QueueStats): QueueStats {
  const { rates: _, ...rest } = stats;
  return { ...rest, approximate: COUNTS };
}

function named(name: string, value: string): string {
  return value === '' ? '' : `${name} ${value}`;
}
