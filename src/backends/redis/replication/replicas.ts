import { isMqError, MqError } from '../../../contract/errors.ts';
import type { Notice } from '../../../contract/queue.ts';
import type { Connection } from '../connection/connection.ts';
import { asInteger, asList } from '../connection/reply.ts';

/** Replicas answer in milliseconds, unless they are gone, or promoted. */
const MOST_PATIENCE_MS = 5_000;

/**
 * What a master found by Sentinel has confirmed is undone when a replica that does not have it becomes the master.
 * For a second or so the old master goes on confirming. So what is written counts as done when all replicas have it
 * that were there when the queue was opened. Without any there is nothing to ask for.
 */
export class Replicas {
  readonly #connection: Connection;
  #count: Promise<number> | null = null;
  #asking: Promise<void> | null = null;
  #isUnknown = false;
  #isTold = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Before anything is written: how many there are. 0 also where nobody may ask, which is told once. */
  async count(notice: Notice = () => {}): Promise<number> {
    this.#count ??= this.#countNow();
    const count = await this.#count;
    if (this.#isUnknown && !this.#isTold) {
      this.#isTold = true;
      notice(
        'whether the replicas have what is written is not known (no right to ROLE or WAIT): a failover may undo it',
      );
    }
    return count;
  }

  /** What was answered before this was asked is on all of them; else throws `UNAVAILABLE`. */
  confirmed(): Promise<void> {
    // What is asked for in one turn is answered by one call.
    this.#asking ??= this.#ask();
    return this.#asking;
  }

  async #ask(): Promise<void> {
    const { connects, timeoutMs } = this.#connection;
    await new Promise((resolve) => setImmediate(resolve));
    this.#asking = null;
    const count = await this.count();
    if (count === 0) return;
    const found = await this.#wait(count, Math.min(MOST_PATIENCE_MS, Math.ceil(timeoutMs / 2)));
    // Another connection has written nothing.
    if (found >= count && this.#connection.connects === connects) return;
    throw new MqError(
      'UNAVAILABLE',
      `not all replicas have confirmed it (${found} of ${count}): it is undone when another of them becomes the master`,
      { hint: 'see SENTINEL REPLICAS, and what the queue holds once there is one master', backend: 'redis' },
    );
  }

  async #countNow(): Promise<number> {
    const place = { operation: 'ask for the replicas' };
    try {
      const [role, , replicas] = asList(await this.#connection.call(['ROLE'], place));
      // One that has become a replica itself refuses all that would be written.
      return role === 'master' ? asList(replicas).length : 0;
    } catch (error) {
      if (!isMqError(error) || !IS_REFUSED.has(error.code)) throw error;
    }
    try {
      // More than there are: then it answers at the end of its time, with how many there are.
      return await this.#wait(MANY, COUNTING_MS);
    } catch (error) {
      if (!isMqError(error) || !IS_REFUSED.has(error.code)) throw error;
      this.#isUnknown = true;
      return 0;
    }
  }

  async #wait(count: number, ms: number): Promise<number> {
    return asInteger(await this.#connection.call(['WAIT', count, ms], { operation: 'wait for the replicas' }));
  }
}

const IS_REFUSED: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'NOT_SUPPORTED']);
const MANY = 1_000;
const COUNTING_MS = 200;
