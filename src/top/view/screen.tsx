import { Box, useIsScreenReaderEnabled } from 'ink';
import type { ReactNode } from 'react';
import type { TopState } from '../state/state.ts';
import { screenLines } from '../text/screen.ts';
import { spokenLines } from '../text/spoken.ts';
import type { Theme } from '../text/theme.ts';
import { LineView } from './line-view.tsx';

interface ScreenProps {
  readonly state: TopState;
  readonly theme: Theme;
}

/** The whole screen. Lines are keyed by their position, so that scrolling changes texts and moves nothing. */
export function Screen({ state, theme }: ScreenProps): ReactNode {
  const { columns, rows } = state.size;
  const isSpoken = useIsScreenReaderEnabled();
  const all = screenLines(state, theme);
  // An open dialog is at the bottom. Without one, a screen reader starts at the selected row, or at the beginning.
  const anchor = state.action === null ? all.findIndex(({ isSelected }) => isSelected) : all.length - 1;
  const lines = (isSpoken ? spokenLines(all, Math.max(0, anchor), state.size) : all).map(({ text, words }, place) => ({
    text,
    words,
    place,
  }));
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      {lines.map(({ text, words, place }) => (
        <LineView key={place} text={text} words={words} />
      ))}
    </Box>
  );
}
