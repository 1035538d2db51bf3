import { upToDate } from '../state/rows.ts';
import { listHeight, shownBrokers, shownNow, type TopState } from '../state/state.ts';
import { sameKey } from '../watched.ts';
import { brokersLine, staleAge, wholeReasons } from './brokers.ts';
import { headingLine, layout, rowInWords, rowLine } from './columns.ts';
import { titleLine } from './header.ts';
import { type Line, line } from './line.ts';
import { cut, end, padded, widthOf, withKeys } from './padding.ts';
import { safe } from './safe.ts';
import { glyphsOf, paint, type Theme } from './theme.ts';

/** Before each row: whether it is selected, and whether something is wrong. */
const MARK_WIDTH = 2;

/** The list, with exactly as many lines as the screen. Only the rows on the screen are made. */
export function listScreen(state: TopState, theme: Theme): readonly Line[] {
  const { size, sorting } = state;
  // The last cell of a line stays empty: some terminals wrap when it is written.
  const width = Math.max(1, size.columns - 1);
  const glyphs = glyphsOf(theme);
  const columns = layout(width - MARK_WIDTH, state.contexts.size);
  const descends = (sorting.key === 'queue' || sorting.key === 'context') === sorting.reversed;
  const headings = `${' '.repeat(MARK_WIDTH)}${headingLine(columns, sorting.key, descends, theme)}`;
  const height = listHeight(size);
  const now = shownNow(state);
  const body: Line[] = state.rows.slice(state.offset, state.offset + height).map((known) => {
    const broker = shownBrokers(state).get(known.context);
    const row = broker === undefined ? known : upToDate(known, broker);
    const isSelected = sameKey(row, state.selected);
    const age = staleAge(broker, now);
    const mark = (isSelected ? '>' : ' ') + (age !== null ? '?' : row.judgement.faults.length > 0 ? '!' : ' ');
    const plain = isSelected || age !== null;
    const text = mark + rowLine(columns, row, theme, plain, state.contexts.get(row.context)?.color);
    const words = `${isSelected ? 'selected, ' : ''}${age === null ? '' : `${age}, `}${rowInWords(columns, row, glyphs)}`;
    return {
      text: isSelected ? paint(theme, 'selected', text) : age === null ? text : paint(theme, 'faint', text),
      words,
      isSelected,
    };
  });
  if (body.length === 0) body.push(line(cut(emptyText(state), width, glyphs.ellipsis)));
  body.push(...wholeReasons(state, width, theme));
  body.splice(height);
  while (body.length < height) body.push(line(''));
  const all = [
    titleLine(state, width, theme),
    brokersLine(state, width, theme),
    line(paint(theme, 'heading', cut(headings, width, glyphs.ellipsis))),
    ...body,
    footer(state, width, theme),
  ];
  // If the screen has fewer lines than the frame, the rows and the keys matter more than the heading.
  return all.slice(Math.max(0, all.length - size.rows));
}

function emptyText(state: TopState): string {
  const brokers = [...shownBrokers(state).values()];
  if (brokers.some(({ rows }) => rows.size > 0)) return '  no queue passes the filters; Escape shows all';
  if (!brokers.some(({ sampledAt }) => sampledAt !== null)) return '  waiting for the first answer';
  return state.globs.length === 0 ? '  no queues' : `  no queue matches ${safe(state.globs.join(' '))}`;
}

/** In the order in which they are dropped if there is no room, the last first. */
const KEYS = ['Enter detail', 'a act', '/ filter', 's sort', 'd dead', '! wrong', 'space freeze'];
/** These stay on the screen, whatever else has to be shown. */
const KEYS_FIRST = 'q quit  ? help';
/** Below these widths, what a row contains matters more than its position, and a problem matters more than the keys. */
const WIDE = 60;
const KEYS_KEPT = 45;

function footer(state: TopState, width: number, theme: Theme): Line {
  const { ellipsis } = glyphsOf(theme);
  const place =
    state.rows.length === 0
      ? ''
      : `${state.offset + 1}-${Math.min(state.rows.length, state.offset + listHeight(state.size))} of ${state.rows.length}`;
  const right = width > WIDE && place !== '' ? ` ${place}` : '';
  const room = width - right.length;
  if (state.flash !== null)
    return line(paint(theme, 'warning', padded(safe(state.flash), room, 'left', ellipsis) + right));
  const { filter, sorting } = state;
  if (filter.editing) return line(filterLine(filter.text, width, ellipsis));
  const faults = faultsOfSelected(state);
  const active = [
    ...(faults === '' ? [] : [`! ${faults}`]),
    ...(filter.text === '' ? [] : [`filter: ${safe(filter.text)}`]),
    ...(sorting.key === 'trouble' && !sorting.reversed
      ? []
      : [`by ${sorting.key}${sorting.reversed ? ' reversed' : ''}`]),
    ...(state.onlyDead ? ['only dead'] : []),
    ...(state.onlyWrong ? ['only wrong'] : []),
    // A recording is shown at its own pace.
    ...(state.replay === null ? [pace(state)] : []),
  ].join('  ');
  const said = width > KEYS_KEPT ? cut(active, room - KEYS_FIRST.length - 2, ellipsis) : active;
  const left = withKeys(`${said}  ${KEYS_FIRST}`, KEYS, room);
  return line(paint(theme, 'faint', padded(left, room, 'left', ellipsis) + right));
}

/** A slow broker is read less often than was asked for. */
function pace(state: TopState): string {
  const fresh = [...shownBrokers(state).values()].filter(({ condition }) => condition.state === 'fresh');
  const periods = fresh.map(({ everyMs }) => Math.max(everyMs ?? 0, state.intervalMs));
  const [least, most] =
    periods.length === 0 ? [state.intervalMs, state.intervalMs] : [Math.min(...periods), Math.max(...periods)];
  return `every ${least === most ? '' : `${least / 1000}-`}${most / 1000}s`;
}

/** The end of the typed text stays on the screen. */
function filterLine(text: string, width: number, ellipsis: string): string {
  const whole = `filter: ${safe(text)}_  (Enter keeps it, Escape clears it)`;
  if (widthOf(whole) <= width) return whole;
  return cut(`filter: ${end(safe(text), width - 'filter: _'.length, ellipsis)}_`, width, ellipsis);
}

function faultsOfSelected(state: TopState): string {
  const row = state.rows.find((candidate) => sameKey(candidate, state.selected));
  return row === undefined ? '' : row.judgement.faults.join(', ');
}
