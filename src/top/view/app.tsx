import { useInput, usePaste, useWindowSize } from 'ink';
import { type ReactNode, useEffect, useSyncExternalStore } from 'react';
import type { Store } from '../store.ts';
import type { Theme } from '../text/theme.ts';
import { keysOf } from './keys.ts';
import { Screen } from './screen.tsx';

interface AppProps {
  readonly store: Store;
  readonly theme: Theme;
}

/** Joins the store to the terminal: keys, pastes and sizes go in, the screen comes out. */
export function App({ store, theme }: AppProps): ReactNode {
  const state = useSyncExternalStore(store.subscribe, store.state);
  const { columns, rows } = useWindowSize();
  useEffect(() => {
    store.dispatch({ type: 'resize', size: { columns, rows } });
  }, [store, columns, rows]);
  useInput((input, key) => {
    for (const one of keysOf(input, key)) store.dispatch({ type: 'key', key: one });
  });
  usePaste((text) => {
    store.dispatch({ type: 'paste', text });
  });
  // Between a resize and its event the old size must not be drawn: it could be wider than the terminal.
  const fitting = state.size.columns === columns && state.size.rows === rows;
  return <Screen state={fitting ? state : { ...state, size: { columns, rows } }} theme={theme} />;
}
