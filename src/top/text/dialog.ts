import { formatDuration } from '../../core/duration.ts';
import type { Progress } from '../../core/plan.ts';
import { safe } from '../../core/safe-text.ts';
import { type ActionRequest, type ActionState, CHOICES } from '../state/action.ts';
import { commandLine } from '../state/command-line.ts';
import type { TopState } from '../state/state.ts';
import { type Line, line } from './line.ts';
import { cut, wrapped } from './padding.ts';
import { glyphsOf, paint, type Theme } from './theme.ts';

/** The action, drawn over the lowest lines of a screen; the last lines of it, which hold the question, are kept when there is little room. */
export function withDialog(
  screen: readonly Line[],
  state: TopState,
  action: ActionState,
  theme: Theme,
): readonly Line[] {
  const width = Math.max(1, state.size.columns - 1);
  const { rule, ellipsis } = glyphsOf(theme);
  const content = dialogLines(state, action).flatMap((text) => wrapped(text, width));
  const room = Math.max(1, state.size.rows - 1);
  const shown = content.slice(Math.max(0, content.length - room));
  const above = screen.slice(0, Math.max(0, state.size.rows - shown.length - 1));
  const all = [
    ...above,
    line(paint(theme, 'title', rule.repeat(width))),
    ...shown.map((text) => line(cut(text, width, ellipsis))),
  ];
  return all.slice(Math.max(0, all.length - state.size.rows));
}

function dialogLines(state: TopState, action: ActionState): readonly string[] {
  if (action.step === 'choose') {
    return [
      `${safe(action.key.queue)} on ${safe(action.key.context)}:`,
      ...CHOICES.map(({ key, label }, index) => `${index === action.cursor ? '>' : ' '} ${key}  ${label}`),
      'Enter does it, c copies its command line, Escape leaves',
    ];
  }
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
        `Same as: ${safe(command(state, request))}`,
        action.question.typed === null
          ? 'Go on? y / N   (c copies the command line)'
          : `Type the queue's name to go on: ${safe(action.text)}_`,
      ];
    case 'running':
    case 'stopping':
      return [
        `${request.verb} ${safe(request.key.queue)}: ${progressText(action.progress)}`,
        action.step === 'stopping' ? 'Stopping: what is in the air is settled first' : 'Escape stops it',
      ];
    case 'done':
      return [
        ...action.lines.map((text) => `${action.failed ? 'error: ' : ''}${safe(text)}`),
        `Same as: ${safe(command(state, request))}`,
        'any key: back',
      ];
  }
}

function group(request: ActionRequest): string {
  return request.group === null ? '' : ` that died of: ${safe(request.group)}`;
}

function command(state: TopState, request: ActionRequest): string {
  return commandLine(request, state.policies.get(request.key.context)?.selector ?? []);
}

function progressText(progress: Progress | null): string {
  if (progress === null) return 'starting';
  const { done, total, elapsedMs } = progress;
  const perMs = elapsedMs > 0 ? done / elapsedMs : 0;
  const parts = [
    total === null ? `${done}` : `${done} of ${total}`,
    `${Math.round(perMs * 1000)}/s`,
    ...(total === null || perMs === 0 ? [] : [`${formatDuration(Math.max(0, total - done) / perMs)} left`]),
  ];
  return parts.join(', ');
}
