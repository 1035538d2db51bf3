import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { JobControl } from '../../top/terminal.ts';

/** The part of `process` that stopping and continuing need. */
export interface SignalledProcess {
  readonly platform: string;
  on(signal: 'SIGTSTP' | 'SIGCONT', listener: () => void): unknown;
  off(signal: 'SIGTSTP' | 'SIGCONT', listener: () => void): unknown;
  kill(pid: number, signal: 'SIGTSTP'): unknown;
}

/** A stopped program stops within this time. The timer does not run while it is stopped. */
const STOPPING_MS = 100;
const OWN_GROUP = 0;

/** Null if there are no such signals. */
export function jobControlOf(self: SignalledProcess): JobControl | null {
  if (self.platform === 'win32') return null;
  let listeners: { readonly toStop: () => void; readonly goesOn: () => void } | null = null;
  let isStopping = false;
  const onStop = (): void => listeners?.toStop();
  const onContinue = (): void => {
    if (!isStopping) listeners?.goesOn();
  };
  return {
    async stop() {
      isStopping = true;
      // Without a listener the signal does what it does in any program. It goes to the group, so that a script around
      // this program stops too.
      self.off('SIGTSTP', onStop);
      try {
        self.kill(OWN_GROUP, 'SIGTSTP');
        await sleep(STOPPING_MS);
        // The signal that the program continues arrives now. It is expected and ignored.
        await nextTurn();
      } finally {
        isStopping = false;
        if (listeners !== null) self.on('SIGTSTP', onStop);
      }
    },
    listen(toStop, goesOn) {
      listeners = { toStop, goesOn };
      self.on('SIGTSTP', onStop);
      self.on('SIGCONT', onContinue);
      return () => {
        listeners = null;
        self.off('SIGTSTP', onStop);
        self.off('SIGCONT', onContinue);
      };
    },
  };
}
