import { isMqError } from '../../../contract/errors.ts';
import type { Connection } from '../file/connection.ts';
import type { QueueFile } from '../file/queue-file.ts';
import { STORED } from '../file/schema.ts';

/** Tells whether any figure of the file may have changed: somebody has written, or a time has come. */
export class Marks {
  readonly #file: QueueFile;
  #version: string | null = null;
  /** When time alone will change a figure, as long as nobody writes. */
  #dueAt = Number.POSITIVE_INFINITY;
  #changes = 0;

  constructor(file: QueueFile) {
    this.#file = file;
  }

  /** Equal marks: nothing has changed between them. Null: the version of the file cannot be read. */
  async now(): Promise<string | null> {
    const version = this.#fileVersion();
    if (version === null) return null;
    const now = Date.now();
    if (version !== this.#version || now >= this.#dueAt) {
      this.#dueAt = (await this.#file.read((connection) => nextChangeAfter(connection, now), null)) ?? Infinity;
      this.#version = version;
      this.#changes += 1;
    }
    return `${version}/${this.#changes}`;
  }

  #fileVersion(): string | null {
    try {
      return this.#file.version();
    } catch (error) {
      // The reading itself says what is wrong, or finds another way to read: a file on a read-only disk has none.
      if (isMqError(error)) return null;
      throw error;
    }
  }
}

/**
 * When the figures of any queue change next without a write; null: never. A message whose time has come stays as it is
 * stored until a consumer writes that down. Until then it is seen as ready, and its time to live may still run out.
 */
function nextChangeAfter(connection: Connection, now: number): number | null {
  return connection
    .one(
      `SELECT min(at) AS at FROM (
         SELECT (SELECT min(wake) FROM message WHERE queue = q.id AND wake > :now) AS at FROM queue q
         UNION ALL
         SELECT (SELECT min(expires_at) FROM message WHERE queue = q.id AND wake <= :now AND expires_at > :now) FROM queue q
         UNION ALL
         SELECT min(lease_until) FROM consumer WHERE lease_until > :now
         UNION ALL
         SELECT (SELECT min(expires_at) FROM message WHERE queue = c.queue AND state = ${STORED.inFlight} AND holder = c.id AND expires_at > :now)
         FROM consumer c WHERE c.lease_until <= :now)`,
      { now },
    )
    .integerOrNull('at');
}
