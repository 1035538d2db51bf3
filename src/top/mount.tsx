import { render } from 'ink';
import type { Store } from './store.ts';
import type { Terminal } from './terminal.ts';
import type { Theme } from './text/theme.ts';
import { App } from './view/app.tsx';

export interface Mounted {
  /**
   * Resolves when the view has left the terminal. Rejects with the error that ended it, after the terminal was
   * restored.
   */
  readonly left: Promise<void>;
  /** Gives the terminal back as it was. Idempotent. */
  leave(): void;
}

/**
 * Takes the terminal: this is the only place that does. Ink gives it back when it is told to leave, when the process
 * ends, and when a component throws.
 */
export function mount(store: Store, theme: Theme, terminal: Terminal): Mounted {
  const app = render(<App store={store} theme={theme} jobControl={terminal.jobControl} />, {
    stdin: terminal.stdin,
    stdout: terminal.stdout,
    // The caller has checked that there is a terminal. Otherwise Ink would assume that there is none if `CI` is set.
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    exitOnCtrlC: false,
    // A key that comes right after a tick waits for the next frame: at 30 a second, that alone would take 33 ms.
    maxFps: 125,
  });
  return { left: app.waitUntilExit().then(() => undefined), leave: () => app.unmount() };
}
