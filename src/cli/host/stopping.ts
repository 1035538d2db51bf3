import { EXIT } from '../../core/exit-codes.ts';
import type { StopCause } from './host.ts';
import { isTerminal } from './light-builtins.ts';

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;
type Signal = keyof typeof CODES;
const SIGNALS = Object.keys(CODES) as readonly Signal[];

/** Of `process`, what signals need. */
export interface InterruptedProcess {
  on(signal: Signal, listener: () => void): unknown;
  exit(code: number): never;
}

/**
 * Turns whatever ends a run before its work is done into one abort. The first signal asks for an orderly end; only a
 * second one ends the program at once.
 */
export class Stopping {
  readonly #stop = new AbortController();
  readonly #interruption = new AbortController();
  readonly #lastActs = new Set<() => void>();
  #cause: StopCause | null = null;

  /** See `Host.signal`. */
  readonly signal = this.#stop.signal;
  /** See `Host.interruption`. */
  readonly interruption = this.#interruption.signal;

  get cause(): StopCause | null {
    return this.#cause;
  }

  by(cause: StopCause): void {
    // A signal after the reader has gone counts as the cause: somebody wants it to end now.
    if (this.#cause === null || !isSignal(this.#cause)) this.#cause = cause;
    if (isSignal(cause)) this.#interruption.abort();
    this.#stop.abort();
  }

  /** Without a cause: a bug of ours, which is told in its own way. */
  end(): void {
    this.#stop.abort();
  }

  onSecondSignal(act: () => void): () => void {
    this.#lastActs.add(act);
    return () => this.#lastActs.delete(act);
  }

  listen(self: InterruptedProcess): void {
    // Asked now: of a terminal that was closed nobody can tell any more.
    const hadTerminal = [0, 1, 2].some(isTerminal);
    for (const name of SIGNALS) {
      self.on(name, () => {
        // What has no terminal does not end with one: `nohup mq drain` has to go on. Node takes back what `nohup` has
        // set, so without a listener it would die here, in the middle of its work.
        if (name === 'SIGHUP' && !hadTerminal) return;
        // The system says that a terminal was closed, and the shell in it may say it again: that is nobody's second
        // wish.
        if (this.interruption.aborted && name !== 'SIGHUP') {
          for (const act of this.#lastActs) act();
          self.exit(CODES[name]);
        }
        this.by(name);
      });
    }
  }
}

function isSignal(cause: StopCause): boolean {
  return SIGNALS.some((signal) => signal === cause);
}
