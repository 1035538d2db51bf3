import { formatDuration } from '../../core/duration.ts';
import { safe } from '../../core/safe-text.ts';
import { type DetailState, type Load, openable, TABS, type Tab } from '../state/detail.ts';
import type { Row } from '../state/rows.ts';
import { type Lane, laneOf } from '../state/series.ts';
import { rowOf, shownBrokers, shownNow, type TopState } from '../state/state.ts';
import { chart, chartInWords } from './chart.ts';
import { outlookText } from './columns.ts';
import { ageFigure, errorShareFigure, figure, formatCount, formatRate, netFigure } from './figures.ts';
import { staleAge } from './header.ts';
import { type Line, line } from './line.ts';
import { messageLines, messageSummary } from './message.ts';
import { cut, packed, wrapped } from './padding.ts';
import { glyphsOf, paint, type Theme } from './theme.ts';

const TAB_NAMES: Readonly<Record<Tab, string>> = { overview: 'overview', dead: 'dead letters', messages: 'messages' };

/** One queue. Exactly as many lines as the screen has. */
export function detailScreen(state: TopState, detail: DetailState, theme: Theme): readonly Line[] {
  const { columns, rows } = state.size;
  const width = Math.max(1, columns - 1);
  const { ellipsis } = glyphsOf(theme);
  const height = Math.max(1, rows - 3);
  const row = rowOf(state, detail.key);
  const age = staleAge(shownBrokers(state).get(detail.key.context), shownNow(state));
  const title = [
    safe(detail.key.queue),
    safe(detail.key.context),
    ...(row === null ? ['gone'] : [safe(row.stats.kind), safe(row.stats.state)]),
    ...(age === null ? [] : [age]),
    ...(state.frozen === null ? [] : ['FROZEN']),
    ...(row?.judgement.faults.map((fault) => `! ${fault}`) ?? []),
  ].join('  ');
  const tabs = TABS.map((tab, index) =>
    tab === detail.tab ? `[${index + 1} ${TAB_NAMES[tab]}]` : ` ${index + 1} ${TAB_NAMES[tab]} `,
  );
  const body = [...bodyLines(state, detail, row, width, height, theme)].slice(0, height);
  while (body.length < height) body.push(line(''));
  const foot = state.flash ?? 'Esc back  Tab next  j k move  Enter open  a act  R redrive  q quit';
  return [
    line(paint(theme, 'title', cut(title, width, ellipsis))),
    line(paint(theme, 'heading', cut(tabs.join(' '), width, ellipsis))),
    ...body,
    line(paint(theme, 'faint', cut(safe(foot), width, ellipsis))),
  ].slice(0, rows);
}

function bodyLines(
  state: TopState,
  detail: DetailState,
  row: Row | null,
  width: number,
  height: number,
  theme: Theme,
): readonly Line[] {
  const { ellipsis } = glyphsOf(theme);
  if (detail.open !== null) {
    const message = openable(detail)[detail.open.index];
    const lines = message === undefined ? [] : messageLines(message).flatMap((text) => wrapped(text, width));
    return scrolledLines(lines.map(line), detail.open.offset, height);
  }
  if (detail.tab === 'overview') return scrolledLines(overview(detail, row, width, theme), detail.cursor, height);
  const picked = (lines: readonly string[], note: string): readonly Line[] => {
    const room = Math.max(1, height - 1);
    const first = Math.max(0, Math.min(detail.cursor - Math.floor(room / 2), lines.length - room));
    const shown = lines.slice(first, first + room).map((text, index) => {
      const isSelected = first + index === detail.cursor;
      const whole = cut(`${isSelected ? '>' : ' '} ${text}`, width, ellipsis);
      return line(isSelected ? paint(theme, 'selected', whole) : whole);
    });
    return [line(cut(note, width, ellipsis)), ...shown];
  };
  const now = shownNow(state);
  if (detail.tab === 'dead') {
    if (detail.dead?.status !== 'ready') return waiting(detail.dead, width);
    const { groups, seen, partial } = detail.dead.data;
    const note = `${partial ? `the first ${seen}` : `all ${seen}`} dead letters by reason; Enter: the newest, R: redrive those of the reason`;
    return picked(
      groups.map(({ count, reason, newestAt }) => {
        const newest = newestAt === null ? '?' : formatDuration(Math.max(0, now - newestAt));
        return `${String(count).padStart(7)}  newest ${newest.padStart(6)}  ${safe(reason)}`;
      }),
      seen === 0 ? 'no dead letters' : note,
    );
  }
  if (detail.messages?.status !== 'ready') return waiting(detail.messages, width);
  const { messages, partial } = detail.messages.data;
  const note =
    messages.length === 0
      ? 'no ready messages'
      : `${partial ? 'the first' : 'all'} ${messages.length} ready messages; l looks again`;
  return picked(
    messages.map((message) => messageSummary(message, now)),
    note,
  );
}

function waiting(load: Load<unknown> | null, width: number): readonly Line[] {
  const text = ((): string => {
    switch (load?.status) {
      case 'asked':
        return 'looking …';
      case 'priced':
        return `Looking is not free here: ${safe(load.price)}\nPress o to look all the same.`;
      case 'failed':
        return `${safe(load.reason)}\nPress l to try again.`;
      default:
        return 'Press l to look.';
    }
  })();
  return wrapped(text, width).map(line);
}

function scrolledLines(lines: readonly Line[], offset: number, height: number): readonly Line[] {
  const first = Math.min(offset, Math.max(0, lines.length - height));
  return lines.slice(first, first + height);
}

const CHARTS: readonly (readonly [string, Lane, (value: number) => string])[] = [
  ['depth', 'depth', formatCount],
  ['in/s', 'inPerSec', formatRate],
  ['out/s', 'outPerSec', formatRate],
  ['err/s', 'errorPerSec', formatRate],
  ['dead', 'dead', formatCount],
];
/** Lines of the first chart, which is the one that is looked at. */
const DEPTH_CHART_HEIGHT = 3;
const LABEL_WIDTH = 8;
const SCALE_WIDTH = 22;

function overview(detail: DetailState, row: Row | null, width: number, theme: Theme): readonly Line[] {
  const text = (lines: readonly string[]): readonly Line[] => lines.flatMap((one) => wrapped(one, width)).map(line);
  const stats =
    row === null
      ? [line('this queue is gone')]
      : [...packed(states(row), width).map(line), ...text(notesOf(row)), ...charts(row, width, theme)];
  const { overview: load } = detail;
  if (load.status !== 'ready') return [...stats, line(''), ...waiting(load, width)];
  const { description, links } = load.data;
  const entries = (title: string, record: Readonly<Record<string, unknown>>): readonly string[] => {
    const lines = Object.entries(record).map(([name, value]) => safe(`  ${name}: ${JSON.stringify(value)}`));
    return lines.length === 0 ? [] : ['', title, ...lines];
  };
  const consumers = description.consumers?.map((consumer) => safe(`  ${JSON.stringify(consumer)}`)) ?? ['  unknown'];
  return [
    ...stats,
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
    // A figure that this kind does not have is no gap; a rate that nobody knows is one.
    if (known.length === 0) return lane === 'dead' || lane === 'depth' ? [] : [line(`${name.padEnd(LABEL_WIDTH)}?`)];
    const last = values.at(-1) ?? null;
    const scale = ` now ${last === null ? '?' : format(last)}, most ${format(Math.max(...known))}`;
    const drawn = chart(values, chartWidth, lane === 'depth' ? DEPTH_CHART_HEIGHT : 1, bars);
    return drawn.map((text, index) => {
      const isLast = index === drawn.length - 1;
      const whole = `${(isLast ? name : '').padEnd(LABEL_WIDTH)}${text}${isLast ? scale : ''}`;
      // The bars are drawings: a reader of the screen gets the sentence once, and nothing for the lines above it.
      return { text: cut(whole, width, ''), words: isLast ? chartInWords(name, values, format) : '' };
    });
  });
}
