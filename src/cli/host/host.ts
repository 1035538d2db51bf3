import type { OpenOptions } from '../../contract/backend.ts';
import type { Broker } from '../../contract/broker.ts';
import type { Capabilities } from '../../contract/capabilities.ts';
import type { Terminal } from '../../top/terminal.ts';

/** One of the two output streams. */
export interface Output {
  readonly isTerminal: boolean;
  /** Whether it should have colours, as far as the environment says. `--color` overrides it. */
  readonly hasColor: boolean;
  readonly columns: number;
  /** True if it was closed when the program began: written text is lost. Absent: it was open. */
  readonly wasClosed?: boolean;
  /**
   * Resolves when there is room for more (back-pressure). Also resolves when the reader has gone; see
   * `Host.stdoutClosed`.
   */
  write(chunk: string | Uint8Array): Promise<void>;
  /**
   * Resolves when the operating system has taken the chunk, and rejects if it did not. An ack may rely only on this
   * one.
   */
  writeThrough(chunk: string | Uint8Array): Promise<void>;
}

export interface Input {
  readonly isTerminal: boolean;
  /** The bytes as they come. Iterate it at most once. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Asks on stderr and answers with a line from stdin; null at the end of input. Rejects with `ABORTED` on Ctrl-C. */
  ask(question: string): Promise<string | null>;
}

/** Everything outside the program that a command may touch. Tests give their own. Only main.ts makes the real one. */
export interface Host {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  /**
   * Both ends as a full-screen view needs them; null unless stdin and stdout are terminals. The caller gives it back.
   */
  terminal(): Terminal | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * Starts a program for the caller, under the caller's umask. Files that `mq` itself creates are readable only by
   * their owner.
   */
  startForCaller<T>(start: () => T): T;
  /** The working directory: the search for a project's configuration starts here. */
  readonly cwd: string;
  /** Version and machine: `v24.1.0 on linux x64`. */
  readonly platform: string;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Aborted by the first signal of `StopCause`, and when stdout can no longer be written. */
  readonly signal: AbortSignal;
  /** Aborted only by such a signal: for work that does not serve the reader of stdout. */
  readonly interruption: AbortSignal;
  /** Which cause it was; null: none of them. */
  stopCause(): StopCause | null;
  /** Registers work that must still be done at once when a second signal ends the program. Returns how to cancel it. */
  onSecondSignal(act: () => void): () => void;
  /** Sends SIGTERM to a process group that this program started. */
  killGroup(leader: number): void;
  /** Loads the backend of the URL's scheme and connects. */
  openBroker(url: string, options: OpenOptions): Promise<Broker>;
  /** The general abilities of every kind of queue. */
  listKinds(): Promise<readonly Capabilities[]>;
}

/**
 * `SIGHUP`: the terminal was closed. `stdout-closed`: its reader has gone. `stdout-failed`: it cannot be written, as on
 * a full disk.
 */
export type StopCause = 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'stdout-closed' | 'stdout-failed';
