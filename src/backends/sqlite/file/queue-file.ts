import { accessSync, closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate, setTimeout as wait } from 'node:timers/promises';
import { isMqError, MqError } from '../../../contract/errors.ts';
import { isBusy, leavesDoubt, toMqError } from '../errors.ts';
import { IN_MEMORY } from '../url.ts';
import { Connection } from './connection.ts';
import { loadDriver } from './driver.ts';
import { install, isOurs } from './ownership.ts';
import { readStill } from './still.ts';

type Driver = Awaited<ReturnType<typeof loadDriver>>;

/** How long to wait for another process's transaction before giving up, or `--timeout` if that is less. */
const LOCK_WAIT_MS = 5_000;
/**
 * How long to wait after an interruption, so that everything ends soon and messages in the air can still be put back.
 */
const GRACE_MS = 700;
/** How long SQLite itself may wait for a lock. It is short, because SQLite blocks the whole process meanwhile. */
const BLOCKING_WAIT_MS = 5;

export interface Patience {
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal;
}

interface PendingWrite {
  readonly work: (connection: Connection) => unknown;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Whether a failed write is certainly not stored. */
export class DoubtfulWrite extends MqError {}

/**
 * The file behind a broker. It is opened if it exists, created by the first write, and never created by a read. Writes
 * that are requested in the same turn of the event loop share one transaction, so that a thousand confirmed messages
 * cost one sync to disk. A write resolves only after its commit: WAL with `synchronous=FULL`, so that a power cut loses
 * nothing that was confirmed.
 */
export class QueueFile {
  readonly path: string;
  readonly #driver: Driver;
  #connection: Connection | null = null;
  #pending: PendingWrite[] = [];
  #flushing: Promise<void> | null = null;
  #commits = 0;
  readonly #closers = new Set<() => Promise<void>>();
  readonly #waitMs: number;
  #stoppedAt = Number.POSITIVE_INFINITY;
  #closed = false;

  private constructor(path: string, driver: Driver, waitMs: number) {
    this.path = path;
    this.#driver = driver;
    this.#waitMs = waitMs;
  }

  /**
   * Throws if the file exists but is not one of ours. Waits for a lock of another process at most `timeoutMs`, and only
   * shortly after `signal` has aborted.
   */
  static async open(path: string, { timeoutMs = LOCK_WAIT_MS, signal }: Patience = {}): Promise<QueueFile> {
    const file = new QueueFile(path, await loadDriver(), Math.min(timeoutMs, LOCK_WAIT_MS));
    const stop = (): void => {
      file.#stoppedAt = Date.now();
    };
    signal?.addEventListener('abort', stop, { once: true });
    file.onClose(async () => signal?.removeEventListener('abort', stop));
    try {
      await file.read(() => null, null);
    } catch (error) {
      file.#disconnect();
      throw error;
    }
    return file;
  }

  get inMemory(): boolean {
    return this.path === IN_MEMORY;
  }

  /** Changes whenever something may have changed in the file, by this or another process. */
  version(): string {
    try {
      const connection = this.#connect(false);
      if (connection === null) return 'absent';
      return `${connection.one('PRAGMA data_version').integer('data_version')}/${this.#commits}`;
    } catch (error) {
      throw toMqError(error, this.path);
    }
  }

  /**
   * The result of `work`, or `otherwise` while the file does not exist. `work` may be run again, so it must only read.
   */
  async read<T>(work: (connection: Connection) => T, otherwise: T): Promise<T> {
    return this.#patiently(() =>
      readStill(this.#driver, this.path, (still) => {
        const connection = still ?? this.#connect(false);
        if (connection === null || (still !== null && !isOurs(still, this.path))) return otherwise;
        return work(connection);
      }),
    );
  }

  /**
   * Runs `work` in a transaction that it may share with others, and resolves after the commit. If `work` throws an
   * `MqError`, it must not have changed anything yet, and the other writes of the transaction are not affected. Any
   * other error rolls all of them back. Rejects with a `DoubtfulWrite` if the disk failed during the commit.
   */
  write<T>(work: (connection: Connection) => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ work, resolve: (value) => resolve(value as T), reject });
      this.#flushing ??= this.#flush();
    });
  }

  /** Calls `close` if this file is closed first. The returned function cancels that. */
  onClose(close: () => Promise<void>): () => void {
    this.#closers.add(close);
    return () => void this.#closers.delete(close);
  }

  /** Closes everything that depends on the file, and waits for the requested writes. Idempotent. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#closers].map((closer) => closer()));
    while (this.#flushing !== null) await this.#flushing;
    this.#closed = true;
    this.#disconnect();
  }

  async #flush(): Promise<void> {
    await setImmediate();
    while (this.#pending.length > 0) {
      let batch: PendingWrite[] = [];
      try {
        const results = await this.#patiently(() => {
          const connection = this.#connect(true);
          if (connection === null)
            throw new MqError('INTERNAL', 'the queue file was not created', { backend: 'sqlite' });
          connection.database.exec('BEGIN IMMEDIATE');
          batch = this.#pending;
          this.#pending = [];
          return this.#transact(connection, batch);
        });
        for (const settle of results) settle();
      } catch (error) {
        // Without a lock nothing was begun: then everything that waits has waited too long.
        const failed = batch.length > 0 ? batch : this.#pending.splice(0);
        for (const { reject } of failed) reject(error);
      }
    }
    this.#flushing = null;
  }

  #transact(connection: Connection, batch: readonly PendingWrite[]): (() => void)[] {
    const { database } = connection;
    let committing = false;
    try {
      const settled = batch.map(({ work, resolve, reject }) => {
        try {
          const value = work(connection);
          return () => resolve(value);
        } catch (error) {
          if (!isMqError(error)) throw error;
          return () => reject(error);
        }
      });
      committing = true;
      database.exec('COMMIT');
      this.#commits += 1;
      return settled;
    } catch (error) {
      try {
        database.exec('ROLLBACK');
      } catch {
        // SQLite has already rolled back by itself, as it does for a full disk.
      }
      const mapped = toMqError(error, this.path);
      // A busy COMMIT must not be taken for a busy BEGIN: only the latter may be repeated.
      throw committing && leavesDoubt(error)
        ? new DoubtfulWrite(mapped.code, mapped.message, { backend: 'sqlite' })
        : mapped;
    }
  }

  /**
   * Repeats a transaction that could not begin because another process holds the lock. Waits without blocking the
   * process.
   */
  async #patiently<T>(work: () => T): Promise<T> {
    const startedAt = Date.now();
    for (;;) {
      try {
        return work();
      } catch (error) {
        const endsAt = Math.min(startedAt + this.#waitMs, Math.max(startedAt, this.#stoppedAt) + GRACE_MS);
        if (!isBusy(error) || Date.now() > endsAt) throw toMqError(error, this.path);
      }
      await wait(1 + Math.random() * 8);
    }
  }

  #disconnect(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.database.close();
  }

  #connect(create: boolean): Connection | null {
    if (this.#connection !== null) return this.#connection;
    if (this.#closed) throw new MqError('INTERNAL', 'the queue file is closed', { backend: 'sqlite' });
    if (this.path !== IN_MEMORY && !exists(this.path)) {
      if (!create) return null;
      makeFolder(dirname(this.path));
      // SQLite would make it readable for everyone. Its side files get the mode of the main file.
      closeSync(openSync(this.path, 'a', 0o600));
    }
    const database = new this.#driver.DatabaseSync(this.path);
    try {
      database.exec(`PRAGMA busy_timeout = ${BLOCKING_WAIT_MS}`);
      const connection = new Connection(database);
      if (!isOurs(connection, this.path)) {
        if (!create) return null;
        install(connection);
      }
      database.exec('PRAGMA synchronous = FULL');
      this.#connection = connection;
      return connection;
    } finally {
      if (this.#connection === null) database.close();
    }
  }
}

/**
 * Node.js calls a folder missing if it cannot be created on a read-only disk: then the folder above gives the reason.
 */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    let above = path;
    while (above !== dirname(above) && statSync(above, { throwIfNoEntry: false }) === undefined) above = dirname(above);
    accessSync(above, constants.W_OK);
    throw error;
  }
}

function exists(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) {
    throw new MqError('CONFIG_INVALID', `${path} is a folder`, { hint: 'name a file in it', backend: 'sqlite' });
  }
  return found !== undefined;
}
