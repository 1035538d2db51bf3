import type { ReadStream, WriteStream } from 'node:tty';

/** Both ends are terminals. */
export interface Terminal {
  readonly stdin: ReadStream;
  readonly stdout: WriteStream;
  /** Null on systems that cannot stop and continue a program (Windows). */
  readonly jobControl: JobControl | null;
}

/** Stopping and continuing a program, as a shell can: Ctrl-Z, `fg`, `kill -STOP`. */
export interface JobControl {
  /**
   * Stops the program and everything that it started, as Ctrl-Z does in any program. Give the terminal back before.
   * Resolves when the program continues. If nothing could continue it, the system does not stop it, and this resolves
   * soon.
   */
  stop(): Promise<void>;
  /**
   * `toStop`: it was asked to stop, and has not stopped. `goesOn`: it was stopped unasked, and another program may have
   * changed the terminal meanwhile. Returns the function that ends the listening.
   */
  listen(toStop: () => void, goesOn: () => void): () => void;
}
