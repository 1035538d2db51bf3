import { progressText } from '../../change/progress.ts';
import { type ActionRequest, type ActionState, CHOICES } from '../state/action.ts';
import { commandLine } from '../state/command-line.ts';
import type { TopState } from '../state/state.ts';
import { type Line, line } from './line.ts';
import { cut, wrapped } from './padding.ts';
import { safe } from './safe.ts';
import { glyphsOf, paint, type Theme } from './theme.ts';

/** The action, drawn over the lowest lines of a screen. */
export function withDialog(
  screen: readonly Line[],
  state: TopState,
  action: ActionState,
  theme: Theme,
): readonly Line[] {
  const width = Math.max(1, state.size.columns - 1);
  const { rule, ellipsis } = glyphsOf(theme);
  const room = Math.max(1, state.size.rows - 1);
  const shown =
    action.step === 'choose'
      ? menu(menuLines(action, state.flash), room, action.cursor, state.flash !== null)
      : fitting(state, action, width, room, ellipsis);
  const above = screen.slice(0, Math.max(0, state.size.rows - shown.length - 1));
  const all = [
    ...above,
    line(paint(theme, 'title', rule.repeat(width))),
    ...shown.map((text) => line(cut(text, width, ellipsis))),
  ];
  return all.slice(Math.max(0, all.length - state.size.rows));
}

/**
 * When there is little room, the command line is dropped first. Then the beginning stays, which says what will be done,
 * and the end, which asks. The lines between them are dropped, and a mark shows that.
 */
function fitting(state: TopState, action: Asking, width: number, room: number, ellipsis: string): readonly string[] {
  const { request } = action;
  const sameAs = `Same as: ${safe(commandLine(request, state.contexts.get(request.key.context)?.selector ?? []))}`;
  const laidOut = (command: readonly string[]): readonly string[] =>
    dialogLines(action, command, state.flash !== null).flatMap((text) => wrapped(text, width));
  const whole = laidOut([sameAs]);
  if (whole.length <= room) return whole;
  const content = laidOut([]);
  if (content.length <= room) return content;
  const head = Math.floor((room - 1) / 2);
  if (head === 0) return content.slice(content.length - room);
  return [...content.slice(0, head), ellipsis, ...content.slice(content.length - (room - 1 - head))];
}

/**
 * One line for each choice, however narrow. When there is little room, the last line goes first, unless it was just
 * asked for; then the title; then the choices far from the cursor.
 */
function menu(content: readonly string[], room: number, cursor: number, keepsLast: boolean): readonly string[] {
  if (content.length <= room) return content;
  if (content.length - 1 <= room) return keepsLast ? content.slice(1) : content.slice(0, -1);
  const choices = content.slice(1, -1);
  const last = keepsLast && room > 1 ? content.slice(-1) : [];
  const left = room - last.length;
  const first = Math.max(0, Math.min(cursor - Math.floor(left / 2), choices.length - left));
  return [...choices.slice(first, first + left), ...last];
}

type Step<S extends ActionState['step']> = Extract<ActionState, { readonly step: S }>;
type Asking = Exclude<ActionState, Step<'choose'>>;

function menuLines({ key: { queue, context }, cursor }: Step<'choose'>, flash: string | null): readonly string[] {
  return [
    `${safe(queue)} on ${safe(context)}:`,
    ...CHOICES.map(({ key, label }, index) => `${index === cursor ? '>' : ' '} ${key}  ${label}`),
    flash === null ? 'Enter does it, c copies its command line, Escape leaves' : safe(flash),
  ];
}

/** `command`: the command line that would do the same, or nothing. */
function dialogLines(action: Asking, command: readonly string[], isCopied: boolean): readonly string[] {
  const { request } = action;
  switch (action.step) {
    case 'amount':
      return [
        `Redrive dead letters of ${safe(request.key.queue)}${group(request)}.`,
        ...(action.problem === null ? [] : [action.problem]),
        `At most (empty: all): ${safe(action.text)}_`,
      ];
    case 'target':
      return [
        `Move the ready messages of ${safe(request.key.queue)} to another queue (name, or name@context).`,
        ...(action.problem === null ? [] : [action.problem]),
        `To: ${safe(action.text)}_`,
      ];
    case 'planning':
      return [`Looking at ${safe(request.key.queue)} …  (Escape: leave it)`];
    case 'confirm':
      return [
        ...action.question.lines.map(safe),
        ...command,
        action.question.typed === null
          ? `Go on? y / N   (${isCopied ? 'copied: the' : 'c copies the'} command line)`
          : `Type the queue's name (${safe(action.question.typed)}) to go on: ${safe(action.text)}_`,
      ];
    case 'running':
    case 'stopping':
      return [
        `${request.verb} ${safe(request.key.queue)}: ${action.progress === null ? 'starting' : progressText(action.progress)}`,
        action.step === 'stopping'
          ? 'Stopping: what is in the air is settled first  (Ctrl-C leaves the view)'
          : 'Escape stops it',
      ];
    case 'done':
      return [
        ...action.lines.map((text) => `${action.failed ? 'error: ' : ''}${safe(text)}`),
        ...command,
        'any key: back',
      ];
  }
}

function group(request: ActionRequest): string {
  return request.group === null ? '' : ` that died of: ${safe(request.group)}`;
}
