import type { QueueStats, StatsField } from '../../contract/stats.ts';
import { shownBrokers, type TopState } from '../state/state.ts';
import { formatClock, formatCount, formatRate, formatTotal, totalOf } from './figures.ts';
import { type Line, line } from './line.ts';
import { cut, padded, widthOf } from './padding.ts';
import { glyphsOf, paint, type Theme } from './theme.ts';

/** Totals over the queues that are shown, and the time of the last sample. */
export function titleLine(state: TopState, width: number, theme: Theme): Line {
  const glyphs = glyphsOf(theme);
  const brokers = [...shownBrokers(state).values()];
  const stale = new Set(brokers.flatMap(({ condition, context }) => (condition.state === 'stale' ? [context] : [])));
  const all = state.rows.map(({ context, stats }) => (stale.has(context) ? asItWas(stats) : stats));
  const inAll = brokers.reduce((sum, { rows }) => sum + rows.size, 0);
  const howMany = inAll === all.length ? formatCount(inAll) : `${formatCount(all.length)} of ${formatCount(inAll)}`;
  const rates = (name: 'inPerSec' | 'outPerSec' | 'errorPerSec'): string =>
    formatTotal(
      totalOf(all, 'rates', (stats) => stats.rates?.[name] ?? null),
      formatRate,
    );
  const parts = [
    `${howMany} ${inAll === 1 ? 'queue' : 'queues'}`,
    named('ready', formatTotal(totalOf(all, 'ready', (stats) => stats.ready))),
    named('dead', formatTotal(totalOf(all, 'dead', (stats) => stats.dead))),
    named('in/s', all.length === 0 ? '' : rates('inPerSec')),
    named('out/s', all.length === 0 ? '' : rates('outPerSec')),
    named('err/s', all.length === 0 ? '' : rates('errorPerSec')),
    named('in-flight', formatTotal(totalOf(all, 'inFlight', (stats) => stats.inFlight))),
    named('delayed', formatTotal(totalOf(all, 'delayed', (stats) => stats.delayed))),
  ].filter((part) => part !== '');
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

const COUNTS: readonly StatsField[] = ['ready', 'inFlight', 'delayed', 'dead'];

/** For a broker that does not answer: its counts were true a while ago, and its rates are unknown now. */
function asItWas(stats: QueueStats): QueueStats {
  const { rates: _, ...rest } = stats;
  return { ...rest, approximate: COUNTS };
}

function named(name: string, value: string): string {
  return value === '' ? '' : `${name} ${value}`;
}
