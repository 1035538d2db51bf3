import { useApp, useInput, usePaste, useWindowSize } from 'ink';
import { type ReactNode, useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Store } from '../store.ts';
import type { JobControl } from '../terminal.ts';
import type { Theme } from '../text/theme.ts';
import { Drawn } from './drawn.ts';
import { keysOf } from './keys.ts';
import { Screen } from './screen.tsx';

interface AppProps {
  readonly store: Store;
  readonly theme: Theme;
  readonly jobControl: JobControl | null;
}

/** Connects the store to the terminal: keys, pastes and sizes go in, the screen comes out. */
export function App({ store, theme, jobControl }: AppProps): ReactNode {
  const [drawn] = useState(() => new Drawn(store, theme));
  const state = useSyncExternalStore(store.subscribe, drawn.state);
  const { columns, rows } = useWindowSize();
  useEffect(() => {
    store.dispatch({ type: 'resize', size: { columns, rows } });
  }, [store, columns, rows]);
  const stop = useJobControl(jobControl);
  useInput((input, key) => {
    if (key.ctrl && input === 'z') return stop();
    for (const one of keysOf(input, key)) store.dispatch({ type: 'key', key: one });
  });
  usePaste((text) => {
    store.dispatch({ type: 'paste', text });
  });
  // Between a resize and its event the old size must not be drawn: it could be wider than the terminal.
  const fitting = state.size.columns === columns && state.size.rows === rows;
  return <Screen state={fitting ? state : { ...state, size: { columns, rows } }} theme={theme} />;
}

/**
 * Gives the terminal back while the program is stopped, and draws everything again when it continues. Returns the
 * handler of Ctrl-Z.
 */
function useJobControl(jobControl: JobControl | null): () => void {
  const { suspendTerminal } = useApp();
  const isAway = useRef(false);
  const away = (whatFor: () => void | Promise<void>): void => {
    // If it is asked for again before it is done, it is done once.
    if (isAway.current) return;
    isAway.current = true;
    void suspendTerminal(whatFor).finally(() => {
      isAway.current = false;
    });
  };
  const stop = (): void => {
    if (jobControl !== null) away(() => jobControl.stop());
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: the called functions never change.
  useEffect(() => jobControl?.listen(stop, () => away(() => {})), [jobControl]);
  return stop;
}
