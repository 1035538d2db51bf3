import { FAULTS } from '../../feed/judgement.ts';
import type { TopState } from '../state/state.ts';
import { type Line, line } from './line.ts';
import { cut, wrapped } from './padding.ts';
import { glyphsOf, paint, type Theme } from './theme.ts';

const HELP: readonly (readonly [string, string])[] = [
  ['up down j k', 'move; PgUp PgDn page; g G first, last'],
  ['Enter', 'detail of the queue; Escape leads back'],
  ['s S r', 'sort by the next or previous column; reverse'],
  ['/', 'filter by name as you type'],
  ['d', 'only queues with dead letters'],
  ['!', `only what is wrong: ${FAULTS.join(', ')}`],
  ['space', 'freeze the screen, and go on'],
  ['+ -', 'refresh more often, less often'],
  ['a', 'actions on the queue; or at once:'],
  ['p u', 'pause, resume'],
  ['R', 'redrive dead letters (in detail 2: those of a reason)'],
  ['m', 'move ready messages to another queue'],
  ['P D', 'purge ready messages, dead letters'],
  ['c', 'in an action: copy its command line'],
  ['1 2 3 Tab', 'in detail: overview, dead letters, messages'],
  ['l o', 'in detail: look again; look despite the price'],
  ['n N', 'in an open message: the next, the one before'],
  ['q Ctrl-C', 'quit; Ctrl-Z: stop, and fg goes on'],
  ['', ''],
  ['?', 'in a cell: unknown. ~ approximate. Empty: does not apply'],
  ['', '12+? in a total: 12, and some are unknown'],
  ['', 'rates: over the last 10s, or as the broker reports them'],
  ['DRAIN', 'time until empty as the depth falls now; ~steady: too soon to see slow growth'],
  ['> ! ?', 'before a row: selected, something is wrong, stale'],
];

/** Cells for the keys, before their descriptions. */
const KEYS_WIDTH = 13;

/** Title; the line of keys. */
const CHROME = 2;

export function helpScreen(state: TopState, offset: number, theme: Theme): readonly Line[] {
  const { columns, rows } = state.size;
  const width = Math.max(1, columns - 1);
  const { ellipsis } = glyphsOf(theme);
  const lines = helpLines(width).map((text) => line(cut(text, width, ellipsis)));
  const height = Math.max(1, rows - CHROME);
  const first = Math.min(offset, helpEnd(state));
  const shown = lines.slice(first, first + height);
  while (shown.length < height) shown.push(line(''));
  const keys = lines.length > height ? 'j k scroll, any other key: back' : 'any key: back';
  return [
    line(paint(theme, 'title', cut('mq top: keys', width, ellipsis))),
    ...shown,
    line(paint(theme, 'faint', cut(keys, width, ellipsis))),
  ].slice(0, rows);
}

/** The furthest that it can be scrolled. */
export function helpEnd({ size }: TopState): number {
  return Math.max(0, helpLines(Math.max(1, size.columns - 1)).length - Math.max(1, size.rows - CHROME));
}

/** On a narrow screen, a description continues on the next line. */
function helpLines(width: number): readonly string[] {
  const room = Math.max(8, width - KEYS_WIDTH - 1);
  return HELP.flatMap(([keys, text]) =>
    wrapped(text, room).map((part, index) => ` ${(index === 0 ? keys : '').padEnd(KEYS_WIDTH - 1)} ${part}`),
  );
}
