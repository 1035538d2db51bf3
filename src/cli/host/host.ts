import type { OpenOptions } from '../../contract/backend.ts';
import type { Broker } from '../../contract/broker.ts';
import type { Capabilities } from '../../contract/capabilities.ts';
import type { Terminal } from '../../top/terminal.ts';

/** One of the two output streams. */
export interface Output {
  readonly isTerminal: boolean;
  /** Whether colours are wanted on it as far as the environment says; `--color` overrides. */
  readonly hasColor: boolean;
  readonly columns: number;
  /** What is written goes nowhere, because it was closed when the program began. Absent: it was not. */
  readonly wasClosed?: boolean;
  /**
   * Resolves when there is room for more (back-pressure). Resolves too when the reader has gone; see
   * `Host.stdoutClosed`.
   */
  write(chunk: string | Uint8Array): Promise<void>;
  /**
   * Resolves when the operating system has taken the chunk; rejects when it did not. What may be acknowledged rests on
   * this one.
   */
  writeThrough(chunk: string | Uint8Array): Promise<void>;
}

export interface Input {
  readonly isTerminal: boolean;
  /** Bytes as they come. To be iterated once at most. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Asks on stderr, answers with a line from stdin; null at the end of input. Rejects `ABORTED` on Ctrl-C. */
  ask(question: string): Promise<string | null>;
}

/** Everything outside the program that a command may touch; tests give their own. Only main.ts makes the real one. */
export interface Host {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /**
   * Both ends as a full-screen view needs them; null unless stdin and stdout are terminals. Whoever takes it gives it
   * back.
   */
  terminal(): Terminal | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Starts a program for the caller, under the umask that the caller has; what `mq` itself makes is its owner's alone.
   */
  startForCaller<T>(start: () => T): T;
  /** The working directory: where a project's configuration is looked for from. */
  readonly cwd: string;
  /** Version and machine, as `v24.1.0 on linux x64`. */
  readonly platform: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Aborted by the first signal of `StopCause`, and when stdout cannot be written any more. */
  readonly signal: AbortSignal;
  /** Aborted by such a signal only: for work that is not done for the reader of stdout. */
  readonly interruption: AbortSignal;
  /** Which of these it was; null: none of them. */
  stopCause(): StopCause | null;
  /** Registers what must still be done, at once, when a second signal ends the program; gives back how to forget it. */
  onSecondSignal(act: () => void): () => void;
  /** SIGTERM to a process group that this program started. */
  killGroup(leader: number): void;
  /** Loads the backend of the URL's scheme and connects. */
  openBroker(url: string, options: OpenOptions): Promise<Broker>;
  /** The general abilities of every kind of queue there is. */
  listKinds(): Promise<readonly Capabilities[]>;
}

/**
 * `SIGHUP`: the terminal was closed. `stdout-closed`: its reader has gone. `stdout-failed`: it cannot be written, as on
 * a full disk.
 */
export type StopCause = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'stdout-closed' | 'stdout-failed';
