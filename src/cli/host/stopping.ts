import { EXIT } from '../../core/exit-codes.ts';
import type { StopCause } from './host.ts';
import { isTerminal } from './light-builtins.ts';

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;
type Signal = keyof typeof CODES;
const SIGNALS = Object.keys(CODES) as readonly Signal[];

/** The part of `process` that signals need. */
export interface InterruptedProcess {
  on(signal: Signal, listener: () => void): unknown;
  exit(code: number): never;
}

/**
 * Turns every cause that ends a run before its work is done into one abort. The first signal asks for an orderly end.
 * Only a second one ends the program at once.
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
    // A signal after the reader has gone counts as the cause: someone wants the program to end now.
    if (this.#cause === null || !isSignal(this.#cause)) this.#cause = cause;
    if (isSignal(cause)) this.#interruption.abort();
    this.#stop.abort();
  }

  /** No cause: a bug of ours, which is told in its own way. */
  end(): void {
    this.#stop.abort();
  }

  onSecondSignal(act: () => void): () => void {
    this.#lastActs.add(act);
    return () => this.#lastActs.delete(act);
  }

  listen(self: InterruptedProcess): void {
    // Asked now, because a closed terminal cannot be recognised later.
    const hadTerminal = [0, 1, 2].some(isTerminal);
    for (const name of SIGNALS) {
      self.on(name, () => {
        // A program without a terminal does not end with one: `nohup mq drain` has to continue. Node undoes what
        // `nohup` has set, so without a listener it would die here, in the middle of its work.
        if (name === 'SIGHUP' && !hadTerminal) return;
        // The system says that a terminal was closed, and the shell in it may say it again: that is not a second
        // request.
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
