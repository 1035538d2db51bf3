import { type Lane, laneOf } from '../../feed/series.ts';
import type { Load, Overview } from '../state/detail.ts';
import type { Row } from '../state/rows.ts';
import { chart, chartInWords } from './chart.ts';
import { outlookText } from './columns.ts';
import { ageFigure, errorShareFigure, figure, formatCount, formatRate, netFigure } from './figures.ts';
import { type Line, line } from './line.ts';
import { cut, packed, wrapped } from './padding.ts';
import { safe } from './safe.ts';
import { glyphsOf, type Theme } from './theme.ts';
import { waiting } from './waiting.ts';

const CHARTS: readonly (readonly [string, Lane, (value: number) => string])[] = [
  ['depth', 'depth', formatCount],
  ['in/s', 'inPerSec', formatRate],
  ['out/s', 'outPerSec', formatRate],
  ['err/s', 'errorPerSec', formatRate],
  ['dead', 'dead', formatCount],
];
/** Lines of the first chart, which is the most important one. */
const DEPTH_CHART_HEIGHT = 3;
const LABEL_WIDTH = 8;
const SCALE_WIDTH = 22;

/**
 * Everything known of a queue: its figures now and over time, its links, consumers and configuration. `row` is null if
 * the queue is gone.
 */
export function overviewLines(load: Load<Overview>, row: Row | null, width: number, theme: Theme): readonly Line[] {
  const text = (lines: readonly string[]): readonly Line[] => lines.flatMap((one) => wrapped(one, width)).map(line);
  const stats =
    row === null
      ? [line('this queue is gone')]
      : [...packed(states(row), width).map(line), ...text(notesOf(row)), ...charts(row, width, theme)];
  if (load.status !== 'ready') return [...stats, line(''), ...waiting(load, width)];
  const { description, links } = load.data;
  const entries = (title: string, record: Readonly<Record<string, unknown>>): readonly string[] => {
    const lines = Object.entries(record).map(([name, value]) => safe(`  ${name}: ${JSON.stringify(value)}`));
    return lines.length === 0 ? [] : ['', title, ...lines];
  };
  const consumers = description.consumers?.map((consumer) => safe(`  ${JSON.stringify(consumer)}`)) ?? ['  unknown'];
  return [
    ...stats,
    ...text(['', 'as it was when looked at; l looks again']),
    ...text(links.length === 0 ? [] : ['', 'dead letters', ...links.map((link) => safe(`  ${link}`))]),
    ...text(['', 'consumers', ...(consumers.length === 0 ? ['  none'] : consumers)]),
    ...text(entries('configuration', description.configuration)),
    ...text(entries('details', description.details)),
  ];
}

function states({ stats, judgement, ...row }: Row): readonly string[] {
  const figures = [
    ['ready', figure(stats, 'ready', stats.ready)],
    ['in-flight', figure(stats, 'inFlight', stats.inFlight)],
    ['delayed', figure(stats, 'delayed', stats.delayed)],
    ['dead', figure(stats, 'dead', stats.dead)],
    ['consumers', figure(stats, 'consumers', stats.consumers)],
    ['oldest', ageFigure(stats)],
    ['errors', errorShareFigure(stats)],
    ['net', netFigure(stats, judgement.netPerSec)],
    ['drain', outlookText({ ...row, stats, judgement })],
  ];
  return figures.filter(([, value]) => value !== '').map(([name, value]) => `${name} ${value}`);
}

function notesOf({ stats }: Row): readonly string[] {
  return Object.entries(stats.notes).map(([field, note]) => safe(`  ${field}: ${note}`));
}

function charts(row: Row, width: number, theme: Theme): readonly Line[] {
  const { bars } = glyphsOf(theme);
  const chartWidth = Math.max(4, width - LABEL_WIDTH - SCALE_WIDTH);
  return CHARTS.flatMap(([name, lane, format]) => {
    const values = laneOf(row.series, lane);
    const known = values.filter((value) => value !== null);
    // A figure that this kind does not have is not a gap. A rate that is unknown is one.
    if (known.length === 0) return lane === 'dead' || lane === 'depth' ? [] : [line(`${name.padEnd(LABEL_WIDTH)}?`)];
    const last = values.at(-1) ?? null;
    const scale = ` now ${last === null ? '?' : format(last)}, most ${format(Math.max(...known))}`;
    const drawn = chart(values, chartWidth, lane === 'depth' ? DEPTH_CHART_HEIGHT : 1, bars);
    return drawn.map((text, index) => {
      const isLast = index === drawn.length - 1;
      const whole = `${(isLast ? name : '').padEnd(LABEL_WIDTH)}${text}${isLast ? scale : ''}`;
      // The bars are drawings: a screen reader gets the sentence once, and nothing for the lines above it.
      return { text: cut(whole, width, ''), words: isLast ? chartInWords(name, values, format) : '' };
    });
  });
}
