import { formatDuration } from '../../core/duration.ts';
import { type DetailState, openable, TABS, type Tab } from '../state/detail.ts';
import { rowOf, shownBrokers, shownNow, type TopState } from '../state/state.ts';
import { staleAge } from './brokers.ts';
import { type Line, line } from './line.ts';
import { messageSummary, wrappedMessage } from './message.ts';
import { overviewLines } from './overview.ts';
import { cut, padded, widthOf, withKeys } from './padding.ts';
import { safe } from './safe.ts';
import { glyphsOf, paint, type Theme } from './theme.ts';
import { waiting } from './waiting.ts';

const TAB_NAMES: Readonly<Record<Tab, string>> = { overview: 'overview', dead: 'dead letters', messages: 'messages' };
/** Title, tabs; the line of keys. */
const CHROME = 3;

/** One queue, with exactly as many lines as the screen. */
export function detailScreen(state: TopState, detail: DetailState, theme: Theme): readonly Line[] {
  const { columns, rows } = state.size;
  const width = Math.max(1, columns - 1);
  const { ellipsis } = glyphsOf(theme);
  const height = heightOf(state);
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
  const { lines, place } = bodyOf(state, detail, height, theme);
  const body = [...lines].slice(0, height);
  while (body.length < height) body.push(line(''));
  const keys =
    detail.open === null
      ? ['Esc back', '? help', 'q quit', 'Tab next', 'j k move', 'Enter open', 'a act', 'R redrive']
      : ['Esc back', '? help', 'q quit', 'n N next, previous message', 'j k move'];
  return [
    line(paint(theme, 'title', cut(title, width, ellipsis))),
    line(paint(theme, 'heading', tabsLine(detail.tab, place, width, ellipsis))),
    ...body,
    line(
      paint(theme, 'faint', cut(state.flash === null ? withKeys('', keys, width) : safe(state.flash), width, ellipsis)),
    ),
  ].slice(0, rows);
}

/** `place`: which part of the text is on the screen. It is dropped if there is no room for it. */
function tabsLine(shown: Tab, place: string, width: number, ellipsis: string): string {
  const tabs = TABS.map((tab, index) =>
    tab === shown ? `[${index + 1} ${TAB_NAMES[tab]}]` : ` ${index + 1} ${TAB_NAMES[tab]} `,
  ).join(' ');
  const room = width - place.length - 1;
  return place === '' || widthOf(tabs) > room
    ? cut(tabs, width, ellipsis)
    : `${padded(tabs, room, 'left', '')} ${place}`;
}

function heightOf({ size }: TopState): number {
  return Math.max(1, size.rows - CHROME);
}

interface Body {
  readonly lines: readonly Line[];
  readonly place: string;
}

function bodyOf(state: TopState, detail: DetailState, height: number, theme: Theme): Body {
  const text = scrollable(state, detail, theme);
  if (text !== null) {
    const first = Math.min(detail.open?.offset ?? detail.cursor, Math.max(0, text.length - height));
    return { lines: text.slice(first, first + height), place: placeOf(first, height, text.length) };
  }
  return listOf(state, detail, height, theme);
}

function placeOf(first: number, height: number, all: number): string {
  return all <= height ? '' : `${first + 1}-${Math.min(all, first + height)} of ${all}`;
}

/**
 * The text that is read from top to bottom: the overview, or an open message. Null: a list in which a line is chosen.
 */
function scrollable(state: TopState, detail: DetailState, theme: Theme): readonly Line[] | null {
  const width = Math.max(1, state.size.columns - 1);
  if (detail.open !== null) {
    const message = openable(detail)[detail.open.index];
    return message === undefined ? [] : wrappedMessage(message, width).map(line);
  }
  if (detail.tab === 'overview') return overviewLines(detail.overview, rowOf(state, detail.key), width, theme);
  const load = detail[detail.tab];
  return load?.status === 'ready' ? null : waiting(load, width);
}

/**
 * The furthest that the text can be scrolled: its last line is then the last of the screen. Null if nothing can be
 * scrolled.
 */
export function scrollEnd(state: TopState, detail: DetailState): number | null {
  const text = scrollable(state, detail, { color: false, unicode: true });
  return text === null ? null : Math.max(0, text.length - heightOf(state));
}

function listOf(state: TopState, detail: DetailState, height: number, theme: Theme): Body {
  const width = Math.max(1, state.size.columns - 1);
  const { ellipsis } = glyphsOf(theme);
  const { note, count, entry } = listed(state, detail, width);
  const room = Math.max(1, height - 1);
  const first = Math.max(0, Math.min(detail.cursor - Math.floor(room / 2), count - room));
  const shown = Array.from({ length: Math.min(room, count - first) }, (_, index) => {
    const isSelected = first + index === detail.cursor;
    const whole = cut(`${isSelected ? '>' : ' '} ${entry(first + index)}`, width, ellipsis);
    return line(isSelected ? paint(theme, 'selected', whole) : whole);
  });
  return { lines: [line(cut(note, width, ellipsis)), ...shown], place: placeOf(first, room, count) };
}

interface Listed {
  readonly note: string;
  readonly count: number;
  /** Only the lines on the screen are made. */
  entry(index: number): string;
}

/** Below this width the age of the newest message is dropped: the reason is what tells the groups apart. */
const WIDTH_WITH_AGE = 50;

function listed(state: TopState, detail: DetailState, width: number): Listed {
  const now = shownNow(state);
  if (detail.tab === 'dead' && detail.dead?.status === 'ready') {
    const { groups, seen, partial } = detail.dead.data;
    const note = `${partial ? `the first ${seen}` : `all ${seen}`} dead letters by reason; Enter: the newest${partial ? ' of these' : ''}, R: redrive those of the reason`;
    return {
      note: seen === 0 ? 'no dead letters' : note,
      count: groups.length,
      entry(index) {
        const { count = 0, reason = '', newestAt = null } = groups[index] ?? {};
        const newest = newestAt === null ? '?' : formatDuration(Math.max(0, now - newestAt));
        if (width < WIDTH_WITH_AGE) return `${String(count).padStart(4)}  ${safe(reason)}`;
        // In a part of the dead letters, the age of the newest is not known; this is the newest of those seen.
        return `${String(count).padStart(7)}  newest ${partial ? 'seen ' : ''}${newest.padStart(6)}  ${safe(reason)}`;
      },
    };
  }
  const messages = openable(detail);
  const partial = detail.messages?.status === 'ready' && detail.messages.data.partial;
  return {
    note:
      messages.length === 0
        ? 'no ready messages'
        : `${partial ? 'the first' : 'all'} ${messages.length} ready messages; l looks again`,
    count: messages.length,
    entry(index) {
      const message = messages[index];
      return message === undefined ? '' : messageSummary(message, now);
    },
  };
}
