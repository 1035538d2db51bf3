import { MqError } from '../../../contract/errors.ts';
import type { Connection } from '../file/connection.ts';
import { DoubtfulWrite, type QueueFile } from '../file/queue-file.ts';
import { STORED } from '../file/schema.ts';
import type { QueueFacts } from './queue-facts.ts';

export type Verdict = { readonly kind: 'ack' } | { readonly kind: 'release'; readonly failure: string | null };

interface Pending {
  readonly key: number;
  readonly holder: number;
  readonly verdict: Verdict;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A delivery as it is known in the file. */
export interface Holding {
  readonly key: number;
  readonly holder: number;
}

const BATCH = 5_000;
/** An error text is for people. A program that fails with megabytes of output must not fill the disk. */
const LONGEST_ERROR = 10_000;

/** Settles deliveries. Those of one turn of the event loop share one transaction. */
export class Settlements {
  readonly #file: QueueFile;
  readonly #queue: QueueFacts;
  #pending: Pending[] = [];
  #writing: Promise<void> | null = null;
  readonly #together = new Set<Promise<unknown>>();

  constructor(file: QueueFile, queue: QueueFacts) {
    this.#file = file;
    this.#queue = queue;
  }

  /** Rejects if this holder no longer has the delivery (its lease ran out), or if the commit is not certain. */
  settle(key: number, holder: number, verdict: Verdict): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ key, holder, verdict, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  /** Removes all of them in one transaction. Resolves to whether each was still held; rejects as `settle` does. */
  async ackAll(holdings: readonly Holding[]): Promise<readonly boolean[]> {
    const writing = this.#file.write((connection) => removeHeld(connection, this.#queue, holdings));
    this.#together.add(writing);
    try {
      return await writing;
    } catch (error) {
      throw reasonOf(error);
    } finally {
      this.#together.delete(writing);
    }
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.#together);
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#pending.length > 0) {
      let batch: readonly Pending[] = [];
      try {
        const done = await this.#file.write((connection) => {
          batch = this.#pending.splice(0, BATCH);
          return apply(connection, this.#queue, batch);
        });
        for (const [index, { resolve, reject }] of batch.entries()) {
          if (done[index] === true) resolve();
          else reject(givenBack(this.#queue));
        }
      } catch (error) {
        const failed = batch.length > 0 ? batch : this.#pending.splice(0);
        const reason = reasonOf(error);
        for (const { reject } of failed) reject(reason);
      }
    }
    this.#writing = null;
  }
}

function reasonOf(error: unknown): unknown {
  return error instanceof DoubtfulWrite
    ? new MqError('UNEXPECTED_RESPONSE', error.message, { backend: 'sqlite' })
    : error;
}

/** One statement for all of one holder: a page has one holder, unless its lease ran out in between. */
function removeHeld(connection: Connection, queue: QueueFacts, holdings: readonly Holding[]): readonly boolean[] {
  if (holdings.length === 0) return [];
  const removed = new Set<number>();
  for (const [holder, held] of Map.groupBy(holdings, (holding) => holding.holder)) {
    const keys = JSON.stringify(held.map(({ key }) => key));
    const rows = connection.all(
      'DELETE FROM message WHERE key IN (SELECT value FROM json_each(:keys)) AND holder = :holder RETURNING key',
      { keys, holder },
    );
    for (const row of rows) removed.add(row.integer('key'));
  }
  connection.run('DELETE FROM payload WHERE key IN (SELECT value FROM json_each(:keys))', {
    keys: JSON.stringify([...removed]),
  });
  connection.run('UPDATE queue SET acked = acked + :acked WHERE id = :id', { acked: removed.size, id: queue.id });
  return holdings.map(({ key }) => removed.has(key));
}

/** The error of an ack that comes after the message was given back. */
export function givenBack(queue: QueueFacts): MqError {
  return new MqError('PRECONDITION_FAILED', 'the message was given back before its ack: it may be delivered again', {
    backend: 'sqlite',
    queue: queue.name,
  });
}

/** Whether each was still held. */
function apply(connection: Connection, queue: QueueFacts, batch: readonly Pending[]): readonly boolean[] {
  const now = Date.now();
  const acks = batch.filter(({ verdict }) => verdict.kind === 'ack');
  const removed = new Map(removeHeld(connection, queue, acks).map((isDone, index) => [acks[index], isDone]));
  let failed = 0;
  const done = batch.map((one) => {
    const { key, holder, verdict } = one;
    if (verdict.kind === 'ack') return removed.get(one) === true;
    if (verdict.failure === null) return giveBack(connection, 'key = :key AND holder = :holder', { key, holder }) > 0;
    failed += 1;
    return fail(connection, queue, key, holder, verdict.failure.slice(0, LONGEST_ERROR).toWellFormed(), now);
  });
  if (failed > 0) connection.run('UPDATE queue SET failed = failed + :failed WHERE id = :id', { failed, id: queue.id });
  return done;
}

/**
 * Puts in-flight rows back as they were before they were claimed, in their old places. The next claim finds a time to
 * live that ran out meanwhile. Returns the number of rows.
 */
export function giveBack(connection: Connection, where: string, params: Record<string, number>): number {
  return connection.run(
    `UPDATE message SET holder = NULL,
       receives = iif(state = ${STORED.inFlight}, receives - 1, receives),
       wake = iif(state = ${STORED.inFlight}, expires_at, NULL),
       state = iif(state = ${STORED.inFlight}, ${STORED.ready}, ${STORED.dead})
     WHERE ${where} AND state IN (${STORED.inFlight}, ${STORED.deadInFlight})`,
    params,
  );
}

function fail(
  connection: Connection,
  queue: QueueFacts,
  key: number,
  holder: number,
  error: string,
  now: number,
): boolean {
  const dies = `(state = ${STORED.deadInFlight} OR receives >= coalesce(max_receives, :maxReceives))`;
  return (
    connection.run(
      `UPDATE message SET holder = NULL,
         reason = iif(state = ${STORED.deadInFlight}, reason, iif(${dies}, 'max_receives', NULL)),
         error = :error,
         died_at = iif(state = ${STORED.deadInFlight}, died_at, iif(${dies}, :now, NULL)),
         deaths = deaths + iif(state = ${STORED.inFlight} AND ${dies}, 1, 0),
         wake = iif(${dies}, NULL, expires_at),
         state = iif(${dies}, ${STORED.dead}, ${STORED.ready})
       WHERE key = :key AND holder = :holder`,
      { key, holder, error, now, maxReceives: queue.maxReceives },
    ) > 0
  );
}
