import { formatDuration } from '../../core/duration.ts';
import { laneOf } from '../../feed/series.ts';
import type { Row } from '../state/rows.ts';
import type { SortKey } from '../state/sorting.ts';
import type { LabelColor } from '../watched.ts';
import { sparkline } from './chart.ts';
import { ageFigure, errorShareFigure, figure, formatRate } from './figures.ts';
import { padded } from './padding.ts';
import { safe } from './safe.ts';
import { type Glyphs, glyphsOf, paint, paintLabel, type Style, type Theme } from './theme.ts';

export interface Column {
  readonly heading: string;
  readonly sortKey: SortKey | null;
  readonly align: 'left' | 'right';
  /** Width in cells. For a column that takes the remaining space: the least and the most. */
  readonly width: number | { readonly least: number; readonly most: number };
  /** A column with a lower number stays longer on a narrow terminal. */
  readonly rank: number;
  cell(row: Row, width: number, glyphs: Glyphs): string;
  style?(row: Row): Style | null;
}

const COLUMNS: readonly Column[] = [
  {
    heading: 'QUEUE',
    sortKey: 'queue',
    align: 'left',
    width: { least: 10, most: 48 },
    rank: 0,
    cell: (row) => safe(row.queue),
  },
  { heading: 'CONTEXT', sortKey: 'context', align: 'left', width: 12, rank: 4.5, cell: (row) => safe(row.context) },
  { heading: 'KIND', sortKey: null, align: 'left', width: 9, rank: 14, cell: (row) => safe(row.stats.kind) },
  {
    heading: 'STATE',
    sortKey: null,
    align: 'left',
    width: 8,
    rank: 8,
    cell: (row) => safe(row.stats.state),
    style: (row) => (row.stats.state === 'running' ? null : 'warning'),
  },
  {
    heading: 'READY',
    sortKey: 'ready',
    align: 'right',
    width: 7,
    rank: 1,
    cell: (row) => figure(row.stats, 'ready', row.stats.ready),
  },
  {
    heading: 'IN-FLT',
    sortKey: 'in-flight',
    align: 'right',
    width: 7,
    rank: 9,
    cell: (row) => figure(row.stats, 'inFlight', row.stats.inFlight),
  },
  {
    heading: 'DELAY',
    sortKey: 'delayed',
    align: 'right',
    width: 7,
    rank: 12,
    cell: (row) => figure(row.stats, 'delayed', row.stats.delayed),
  },
  {
    heading: 'DEAD',
    sortKey: 'dead',
    align: 'right',
    width: 7,
    rank: 2,
    cell: (row) => figure(row.stats, 'dead', row.stats.dead),
    style: (row) => ((row.stats.dead ?? 0) > 0 ? 'alarm' : null),
  },
  rate('IN/S', 'in/s', 'inPerSec', 5),
  rate('OUT/S', 'out/s', 'outPerSec', 6),
  rate('ERR/S', 'err/s', 'errorPerSec', 4),
  {
    heading: 'ERR%',
    sortKey: null,
    align: 'right',
    width: 5,
    rank: 11,
    cell: (row) => errorShareFigure(row.stats),
  },
  { heading: 'AGE', sortKey: 'age', align: 'right', width: 7, rank: 10, cell: (row) => ageFigure(row.stats) },
  {
    heading: 'CONS',
    sortKey: 'consumers',
    align: 'right',
    width: 5,
    rank: 7.5,
    cell: (row) => figure(row.stats, 'consumers', row.stats.consumers),
    style: (row) => (row.judgement.faults.includes('no consumers') ? 'warning' : null),
  },
  {
    heading: 'DRAIN',
    sortKey: 'net',
    align: 'right',
    width: 8,
    rank: 3,
    cell: outlookText,
    style: (row) => (row.judgement.outlook.kind === 'growing' ? 'warning' : null),
  },
  {
    heading: 'DEPTH',
    sortKey: null,
    align: 'left',
    width: { least: 8, most: 60 },
    rank: 7,
    cell: (row, width, glyphs) => sparkline(laneOf(row.series, 'depth'), width, glyphs.bars),
  },
];

function rate(heading: string, sortKey: SortKey, name: 'inPerSec' | 'outPerSec' | 'errorPerSec', rank: number): Column {
  return {
    heading,
    sortKey,
    align: 'right',
    width: 7,
    rank,
    cell: (row) => figure(row.stats, 'rates', row.stats.rates?.[name] ?? null, formatRate),
    style: (row) => (name === 'errorPerSec' && (row.stats.rates?.errorPerSec ?? 0) > 0 ? 'alarm' : null),
  };
}

/** A longer text does not fit into the column, and says no more. */
const LONGEST_OUTLOOK_MS = 100 * 7 * 86_400_000;

/** Time to drain. Empty for an empty queue: there is nothing to drain. */
export function outlookText(row: Row): string {
  const { outlook } = row.judgement;
  switch (outlook.kind) {
    case 'unknown':
      return '?';
    case 'empty':
      return '';
    case 'draining':
      if (outlook.inMs >= LONGEST_OUTLOOK_MS) return '>99w';
      return `${outlook.byRates === true || row.stats.approximate.includes('depth') ? '~' : ''}${formatDuration(outlook.inMs)}`;
    case 'steady':
      return outlook.isSure ? 'steady' : '~steady';
    case 'growing':
      return outlook.byRates === true ? '~growing' : 'growing';
  }
}

export interface LaidOut {
  readonly column: Column;
  readonly width: number;
}

const GAP = 1;

/** The columns that fit into `width` cells, in their order. The context is shown if there is more than one. */
export function layout(width: number, contexts: number): readonly LaidOut[] {
  const leastOf = (column: Column): number => {
    if (typeof column.width === 'number') return column.width;
    // A name is worth more than another figure: a fifth of the line is reserved for it.
    return column.rank === 0 ? Math.max(column.width.least, Math.min(24, Math.floor(width / 5))) : column.width.least;
  };
  const candidates = COLUMNS.filter((column) => column.sortKey !== 'context' || contexts > 1);
  const chosen: Column[] = [];
  let used = -GAP;
  for (const column of candidates.toSorted((a, b) => a.rank - b.rank)) {
    const least = leastOf(column);
    if (used + GAP + least > width && chosen.length > 0) break;
    chosen.push(column);
    used += GAP + least;
  }
  let spare = Math.max(0, width - used);
  const shown = candidates.filter((column) => chosen.includes(column));
  const flexible = shown.filter((column) => typeof column.width !== 'number').length;
  return shown.map((column) => {
    if (typeof column.width === 'number') return { column, width: column.width };
    // Names come before drawings: the first of them takes two thirds.
    const share = flexible > 1 && column.rank === 0 ? Math.ceil((spare * 2) / 3) : spare;
    const least = leastOf(column);
    const more = Math.min(share, column.width.most - least);
    spare -= more;
    return { column, width: Math.max(1, Math.min(width, least + more)) };
  });
}

export function headingLine(columns: readonly LaidOut[], sortKey: SortKey, descending: boolean, theme: Theme): string {
  const glyphs = glyphsOf(theme);
  const cells = columns.map(({ column, width }) => {
    const mark = column.sortKey === sortKey ? (descending ? glyphs.down : glyphs.up) : '';
    return padded(column.heading + mark, width, column.align, glyphs.ellipsis);
  });
  return cells.join(' '.repeat(GAP));
}

/**
 * `plain`: without colours of single cells, for a line that is painted as a whole. `color`: the colour of the row's
 * context.
 */
export function rowLine(
  columns: readonly LaidOut[],
  row: Row,
  theme: Theme,
  plain: boolean,
  color?: LabelColor,
): string {
  const glyphs = glyphsOf(theme);
  const cells = columns.map(({ column, width }) => {
    const text = padded(column.cell(row, width, glyphs), width, column.align, glyphs.ellipsis);
    if (column.sortKey === 'context' && !plain) return paintLabel(theme, color, text);
    const style = plain ? null : (column.style?.(row) ?? null);
    return style === null ? text : paint(theme, style, text);
  });
  return cells.join(' '.repeat(GAP));
}

/** A screen reader says this for a row. */
export function rowInWords(columns: readonly LaidOut[], row: Row, glyphs: Glyphs): string {
  const parts = columns
    .filter(({ column }) => column.heading !== 'DEPTH')
    .map(({ column, width }) => [column.heading.toLowerCase(), column.cell(row, width, glyphs)])
    .filter(([, text]) => text !== '')
    .map(([heading, text]) => `${heading} ${text === '?' ? 'unknown' : text}`);
  return [...parts, ...row.judgement.faults].join(', ');
}
