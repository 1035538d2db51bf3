import { setTimeout as wait } from 'node:timers/promises';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { BareBodies, JsonValue, OutgoingMessage, SendOutcome } from '../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../contract/queue.ts';
import { MAX_BODY_BYTES } from './capabilities.ts';
import type { Connection } from './file/connection.ts';
import { DoubtfulWrite, type QueueFile } from './file/queue-file.ts';
import { STORED } from './file/schema.ts';
import { publicId } from './message-in.ts';
import { misfitsOf, withoutMisfits } from './message-out.ts';
import { insertBodies } from './rows/bodies.ts';
import { findQueue, insertQueue, NOT_THERE, type QueueFacts } from './rows/queue-facts.ts';
import { catchUp } from './rows/time.ts';

/** One transaction takes at most this much, to let other processes and the event loop have their turn. */
const BATCH_MESSAGES = 5_000;
const BATCH_BYTES = 32 * 1024 * 1024;

const GATHER_MS = 1;
/** In the air, so that each transaction finds its full number waiting. */
const WINDOW = 4 * BATCH_MESSAGES;

/** Messages of one call, which are told together. */
interface Pending {
  readonly what: OutgoingMessage | BareBodies;
  readonly count: number;
  readonly bytes: number;
  readonly resolve: (outcomes: readonly SendOutcome[]) => void;
}

export class SqlitePublisher implements Publisher {
  readonly keepsNative = true;
  readonly window = WINDOW;
  readonly #file: QueueFile;
  #queue: QueueFacts;
  readonly #lossy: boolean;
  readonly #once: boolean;
  #pending: Pending[] = [];
  #writing: Promise<void> | null = null;

  constructor(file: QueueFile, queue: QueueFacts, options: Pick<PublisherOptions, 'lossy' | 'once'>) {
    this.#file = file;
    this.#queue = queue;
    this.#lossy = options.lossy;
    this.#once = options.once === true;
  }

  misfits(message: OutgoingMessage): readonly string[] {
    return misfitsOf(message).map(({ phrase }) => phrase);
  }

  send(message: OutgoingMessage): Promise<SendOutcome> {
    const misfits = misfitsOf(message);
    const fatal = misfits.some(({ field }) => field === 'body');
    if (misfits.length > 0 && (fatal || !this.#lossy)) {
      return Promise.resolve({ status: 'failed', reason: misfits.map(({ phrase }) => phrase).join('; ') });
    }
    const what = withoutMisfits(message, misfits);
    return this.#put(what, 1, what.body.byteLength).then(([outcome]) => outcome ?? UNTOLD);
  }

  async sendBodies({ bytes, bounds }: BareBodies): Promise<readonly SendOutcome[]> {
    const parts: Promise<readonly SendOutcome[]>[] = [];
    for (let at = 0; at < bounds.length; ) {
      const [start = 0, own = 0] = [bounds[at], bounds[at + 1]];
      let [next, end] = [at + 2, own];
      if (own - start > MAX_BODY_BYTES) {
        const reason = `body: ${own - start} bytes are more than ${MAX_BODY_BYTES}`;
        parts.push(Promise.resolve([{ status: 'failed', reason }]));
      } else {
        for (; next < bounds.length && next - at < 2 * BATCH_MESSAGES; next += 2) {
          if ((bounds[next + 1] ?? 0) - start > BATCH_BYTES) break;
          end = bounds[next + 1] ?? end;
        }
        parts.push(this.#put({ bytes, bounds: bounds.slice(at, next) }, (next - at) / 2, end - start));
      }
      at = next;
    }
    return (await Promise.all(parts)).flat();
  }

  #put(what: Pending['what'], count: number, bytes: number): Promise<readonly SendOutcome[]> {
    return new Promise((resolve) => {
      this.#pending.push({ what, count, bytes, resolve });
      this.#writing ??= this.#write();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    let batch: readonly Pending[] = [];
    while (this.#pending.length > 0) {
      await this.#gather();
      try {
        const { queue, outcomes } = await this.#file.write((connection) => {
          const queue = this.#queue.id === NOT_THERE ? findOrMake(connection, this.#queue) : this.#queue;
          requireQueue(connection, queue);
          batch = this.#nextBatch();
          return { queue, outcomes: insert(connection, queue, batch, this.#once) };
        });
        this.#queue = queue;
        let told = 0;
        for (const { count, resolve } of batch) {
          resolve(outcomes.slice(told, told + count));
          told += count;
        }
      } catch (error) {
        const reason = isMqError(error) ? error.message : 'an unexpected error';
        const outcome: SendOutcome =
          error instanceof DoubtfulWrite
            ? { status: 'unknown', reason }
            : { status: 'failed', reason, ...(isMqError(error) && { code: error.code }) };
        // Nothing was begun if the lock was not obtained: then every waiting message has failed.
        const failed = batch.length > 0 ? batch : this.#pending.splice(0);
        for (const { count, resolve } of failed) resolve(Array.from({ length: count }, () => outcome));
      }
      batch = [];
    }
    this.#writing = null;
  }

  /**
   * Bare bodies come as fast as they are read, some hundred at a time, and a commit takes longer than reading them. As
   * long as more come, they are waited for, until a transaction is full.
   */
  async #gather(): Promise<void> {
    for (let known = 0; 'bounds' in (this.#pending[0]?.what ?? {}); await wait(GATHER_MS)) {
      const count = this.#pending.reduce((sum, pending) => sum + pending.count, 0);
      const bytes = this.#pending.reduce((sum, pending) => sum + pending.bytes, 0);
      if (count === known || count >= BATCH_MESSAGES || bytes >= BATCH_BYTES) return;
      known = count;
    }
  }

  #nextBatch(): readonly Pending[] {
    let [calls, count, bytes] = [0, 0, 0];
    for (const pending of this.#pending) {
      count += pending.count;
      bytes += pending.bytes;
      if (calls > 0 && (count > BATCH_MESSAGES || bytes > BATCH_BYTES)) break;
      calls += 1;
    }
    return this.#pending.splice(0, calls);
  }
}

const UNTOLD: SendOutcome = { status: 'unknown', reason: 'no outcome was recorded' };

/** For a queue that is created with its first message. Another process may have been faster. */
function findOrMake(connection: Connection, facts: QueueFacts): QueueFacts {
  return findQueue(connection, facts.name) ?? { ...facts, id: insertQueue(connection, facts) };
}

/** Throws `QUEUE_NOT_FOUND` if the queue was deleted under a handle, even if another with that name exists by now. */
export function requireQueue(connection: Connection, queue: QueueFacts): void {
  if (connection.find('SELECT 1 AS here FROM queue WHERE id = :id', { id: queue.id }) === null) {
    throw new MqError('QUEUE_NOT_FOUND', `queue ${queue.name} no longer exists`, {
      backend: 'sqlite',
      queue: queue.name,
    });
  }
}

const INSERT_MESSAGE = `INSERT INTO message (key, queue, state, rank, position, enqueued_at, wake, deliver_at, expires_at, ttl_ms,
    receives, max_receives, id, dedup, deaths, replays)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 0, ?)`;
const INSERT_PAYLOAD =
  'INSERT INTO payload (key, body, headers, content_type, priority, name, native) VALUES (?, ?, ?, ?, ?, ?, ?)';

/**
 * `once`: the messages exist and will leave their source. None of them is dropped for its deduplication id, because the
 * one in the queue may be another message.
 */
function insert(
  connection: Connection,
  queue: QueueFacts,
  batch: readonly Pending[],
  once: boolean,
): readonly SendOutcome[] {
  const now = Date.now();
  let key = connection.allot(batch.reduce((sum, { count }) => sum + count, 0));
  const insertMessage = connection.statement(INSERT_MESSAGE);
  const insertPayload = connection.statement(INSERT_PAYLOAD);
  let stored = 0;
  const insertOne = (message: OutgoingMessage): SendOutcome => {
    const id = publicId(connection.token, key, message.id);
    if (message.deduplicationId !== null && !once) {
      const earlier = aliveWith(connection, queue, message, now);
      if (earlier !== null) return earlier;
    }
    const deliverAt = message.delayMs === null || message.delayMs <= 0 ? null : Math.ceil(now + message.delayMs);
    const expiresAt = message.ttlMs === null ? null : now + message.ttlMs;
    insertMessage.run(
      key,
      queue.id,
      deliverAt === null ? STORED.ready : STORED.delayed,
      -(message.priority ?? 0),
      key,
      now,
      earliest(deliverAt, expiresAt),
      deliverAt,
      expiresAt,
      message.ttlMs,
      message.attempts ?? nativeAttempts(message.native),
      message.id,
      message.deduplicationId,
      message.replays ?? 0,
    );
    insertPayload.run(
      key,
      message.body,
      headersText(message.headers),
      message.contentType,
      message.priority,
      message.name,
      foreignNative(message.native),
    );
    stored += 1;
    return { status: 'sent', id };
  };
  const outcomes: SendOutcome[] = [];
  for (const { what, count } of batch) {
    if ('bounds' in what) {
      insertBodies(connection, queue.id, what, key, now);
      stored += count;
      for (const end = key + count; key < end; key++)
        outcomes.push({ status: 'sent', id: publicId(connection.token, key, null) });
    } else {
      outcomes.push(insertOne(what));
      key += 1;
    }
  }
  connection.run('UPDATE queue SET enqueued = enqueued + :stored WHERE id = :id', { stored, id: queue.id });
  return outcomes;
}

function earliest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

/**
 * What happens to a message whose deduplication id a living message of the queue already has. If it is the same message
 * (body, headers, content type, name), it is there already. Another message is refused, because "sent" must mean that
 * this message is in the queue. Null: no such message exists. Dead letters do not count: they will not be delivered.
 * Removed messages are forgotten: a message that was drained to a file can be put back at once.
 */
function aliveWith(
  connection: Connection,
  queue: QueueFacts,
  { deduplicationId: dedup, body, headers, contentType, name }: OutgoingMessage,
  now: number,
): SendOutcome | null {
  catchUp(connection, queue, now);
  const alive = connection.find(
    `SELECT message.key, id, body = :body AND headers IS :headers AND content_type IS :contentType AND name IS :name AS same
     FROM message JOIN payload USING (key)
     WHERE queue = :queue AND dedup = :dedup AND state NOT IN (${STORED.dead}, ${STORED.deadInFlight})
     ORDER BY same DESC LIMIT 1`,
    { queue: queue.id, dedup, body, headers: headersText(headers), contentType, name },
  );
  if (alive === null) return null;
  const id = publicId(connection.token, alive.integer('key'), alive.textOrNull('id'));
  if (alive.integer('same') === 1) return { status: 'sent', id, already: true };
  return {
    status: 'failed',
    reason: `another message with deduplication id ${JSON.stringify(dedup)} is in the queue: ${id}`,
  };
}

/** Null: none. */
function headersText(headers: OutgoingMessage['headers']): string | null {
  return Object.keys(headers).length === 0 ? null : JSON.stringify(headers);
}

/** Other brokers' records on the message travel with it, so that it can go back to them unchanged. */
function foreignNative(native: Readonly<Record<string, JsonValue>>): string | null {
  const names = Object.keys(native).filter((name) => name !== 'sqlite');
  if (names.length === 0) return null;
  return JSON.stringify(Object.fromEntries(names.map((name) => [name, native[name]])));
}

function nativeAttempts(native: Readonly<Record<string, JsonValue>>): number | null {
  const own = native.sqlite;
  if (typeof own !== 'object' || own === null || !('attempts' in own)) return null;
  return typeof own.attempts === 'number' && Number.isSafeInteger(own.attempts) && own.attempts >= 1
    ? own.attempts
    : null;
}
