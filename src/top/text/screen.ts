import type { TopState } from '../state/state.ts';
import { detailScreen } from './detail.ts';
import { withDialog } from './dialog.ts';
import { helpScreen } from './help.ts';
import type { Line } from './line.ts';
import { listScreen } from './list.ts';
import type { Theme } from './theme.ts';

/** The content of the screen, line by line: never more lines than it has, and none wider. */
export function screenLines(state: TopState, theme: Theme): readonly Line[] {
  if (state.help !== null) return helpScreen(state, state.help.offset, theme);
  const screen = state.detail === null ? listScreen(state, theme) : detailScreen(state, state.detail, theme);
  return state.action === null ? screen : withDialog(screen, state, state.action, theme);
}
