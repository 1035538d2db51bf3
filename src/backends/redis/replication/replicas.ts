import type { Notice } from '../../../contract/call.ts';
import { isMqError, MqError } from '../../../contract/errors.ts';
import type { PublisherOptions } from '../../../contract/queue.ts';
import type { Connection } from '../connection/connection.ts';
import { asInteger, asList } from '../connection/reply.ts';

/** Replicas answer in milliseconds, unless they are gone, or promoted. */
const MOST_PATIENCE_MS = 5_000;

/**
 * A write that a master found by Sentinel has confirmed is undone if a replica without it becomes the master. For a
 * second or so the old master goes on confirming. So a write counts as done when all replicas have it that were there
 * when the queue was opened. Without replicas there is nothing to ask for.
 */
export class Replicas {
  readonly #connection: Connection;
  #count: Promise<number> | null = null;
  #asking: Promise<void> | null = null;
  /** Why it cannot be known whether the replicas have what is written. Null: it can. */
  #unknown: MqError | null = null;
  #isTold = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The number of replicas before anything is written. It is 0 also if the user may not ask, which is told once. */
  async count(notice?: Notice): Promise<number> {
    this.#count ??= this.#countNow();
    const count = await this.#count;
    if (this.#unknown !== null && notice !== undefined && !this.#isTold) {
      this.#isTold = true;
      notice(`${UNKNOWN}: a failover may undo it`);
    }
    return count;
  }

  /**
   * The same before anything is sent. A removal that a failover undoes loses nothing, but a message that was sent, and
   * removed from its source, is lost then. So if the user may not ask, it throws unless `lossy` is given.
   */
  async countBeforeSending(
    { lossy, notice }: Pick<PublisherOptions, 'lossy' | 'notice'>,
    queue: string,
  ): Promise<void> {
    await this.count(lossy ? notice : undefined);
    if (this.#unknown === null || lossy) return;
    const isDenied = this.#unknown.code === 'PERMISSION_DENIED';
    throw new MqError(
      isDenied ? 'PERMISSION_DENIED' : 'PRECONDITION_FAILED',
      `${UNKNOWN}: a failover may lose what is sent`,
      {
        hint: 'give the user the commands ROLE and WAIT; --lossy sends all the same',
        backend: 'redis',
        operation: 'send',
        queue,
      },
    );
  }

  /** Everything that was answered before this call is on all of them; otherwise it throws `UNAVAILABLE`. */
  confirmed(): Promise<void> {
    // Calls of one turn of the event loop share one answer.
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
    // A different connection has written nothing.
    if (found >= count && this.#connection.connects === connects) return;
    throw new MqError(
      'UNAVAILABLE',
      `not all replicas have confirmed it (${found} of ${count}): it is undone if one of the others becomes the master`,
      { hint: 'see SENTINEL REPLICAS, and look at the queue once there is one master', backend: 'redis' },
    );
  }

  async #countNow(): Promise<number> {
    const place = { operation: 'ask for the replicas' };
    try {
      const [role, , replicas] = asList(await this.#connection.call(['ROLE'], place));
      // A master that has become a replica itself refuses all writes.
      const count = role === 'master' ? asList(replicas).length : 0;
      // Whether the user may ask them: for the confirmation of none, the server waits for nothing.
      if (count === 0 || (await this.#ifAllowed(this.#wait(0, COUNTING_MS))) !== null) return count;
      return 0;
    } catch (error) {
      if (!isMqError(error) || !IS_REFUSED.has(error.code)) throw error;
    }
    // More than there are: then the answer comes at the end of the time limit, with the number that exists.
    return (await this.#ifAllowed(this.#wait(MANY, COUNTING_MS))) ?? 0;
  }

  /** Null: the server refuses the question, and `#unknown` says why. */
  async #ifAllowed(answer: Promise<number>): Promise<number | null> {
    try {
      return await answer;
    } catch (error) {
      if (!isMqError(error) || !IS_REFUSED.has(error.code)) throw error;
      this.#unknown = error;
      return null;
    }
  }

  async #wait(count: number, ms: number): Promise<number> {
    return asInteger(await this.#connection.call(['WAIT', count, ms], { operation: 'wait for the replicas' }));
  }
}

const UNKNOWN = 'it is not known whether the replicas have what is written (no right to ROLE or WAIT)';
const IS_REFUSED: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'NOT_SUPPORTED']);
const MANY = 1_000;
const COUNTING_MS = 200;
