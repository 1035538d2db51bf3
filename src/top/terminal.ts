import type { ReadStream, WriteStream } from 'node:tty';

/** Both ends are terminals. */
export interface Terminal {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
  /** Null where programs cannot be stopped and go on (Windows). */
  readonly jobControl: JobControl | null;
}

/** A shell can stop a program and let it go on: Ctrl-Z, `fg`, `kill -STOP`. */
export interface JobControl {
  /**
   * Stops the program and what was started with it, as Ctrl-Z does in any program. The terminal has to be given back
   * before. Resolves when the program goes on, and soon when nobody is there who could let it go on again, for then the
   * system does not stop it.
   */
  stop(): Promise<void>;
  /**
   * `toStop`: it was asked to stop, and has not. `goesOn`: it was stopped unasked, and whoever had the terminal
   * meanwhile has left it as they liked. Returns what ends the listening.
   */
  listen(toStop: () => void, goesOn: () => void): () => void;
}
