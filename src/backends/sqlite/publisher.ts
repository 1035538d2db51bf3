import { isMqError, MqError } from '../../contract/errors.ts';
import type { JsonValue, OutgoingMessage, SendOutcome } from '../../contract/message.ts';
import type { Publisher, PublisherOptions } from '../../contract/queue.ts';
import type { Connection } from './file/connection.ts';
import { DoubtfulWrite, type QueueFile } from './file/queue-file.ts';
import { STORED } from './file/schema.ts';
import { publicId } from './message-in.ts';
import { misfitsOf, withoutMisfits } from './message-out.ts';
import { findQueue, insertQueue, NOT_THERE, type QueueFacts } from './rows/queue-facts.ts';
import { catchUp } from './rows/time.ts';

/** One transaction takes at most this much, to let other processes and the event loop have their turn. */
const BATCH_MESSAGES = 5_000;
const BATCH_BYTES = 32 * 1024 * 1024;

interface Pending {
  readonly message: OutgoingMessage;
  readonly resolve: (outcome: SendOutcome) => void;
}

export class SqlitePublisher implements Publisher {
  readonly keepsNative = true;
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
    return new Promise((resolve) => {
      this.#pending.push({ message: withoutMisfits(message, misfits), resolve });
      this.#writing ??= this.#write();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    let batch: readonly Pending[] = [];
    while (this.#pending.length > 0) {
      try {
        const { queue, outcomes } = await this.#file.write((connection) => {
          const queue = this.#queue.id === NOT_THERE ? findOrMake(connection, this.#queue) : this.#queue;
          requireQueue(connection, queue);
          batch = this.#nextBatch();
          return { queue, outcomes: insert(connection, queue, batch, this.#once) };
        });
        this.#queue = queue;
        for (const [index, { resolve }] of batch.entries()) {
          resolve(outcomes[index] ?? { status: 'unknown', reason: 'no outcome was recorded' });
        }
      } catch (error) {
        const reason = isMqError(error) ? error.message : 'an unexpected error';
        const outcome: SendOutcome =
          error instanceof DoubtfulWrite
            ? { status: 'unknown', reason }
            : { status: 'failed', reason, ...(isMqError(error) && { code: error.code }) };
        // Nothing was begun if the lock was not obtained: then every waiting message has failed.
        const failed = batch.length > 0 ? batch : this.#pending.splice(0);
        for (const { resolve } of failed) resolve(outcome);
      }
      batch = [];
    }
    this.#writing = null;
  }

  #nextBatch(): readonly Pending[] {
    let count = 0;
    let bytes = 0;
    for (const { message } of this.#pending) {
      if (count > 0 && (count >= BATCH_MESSAGES || bytes + message.body.byteLength > BATCH_BYTES)) break;
      bytes += message.body.byteLength;
      count += 1;
    }
    return this.#pending.splice(0, count);
  }
}

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
  const first = connection.allot(batch.length);
  const insertMessage = connection.statement(INSERT_MESSAGE);
  const insertPayload = connection.statement(INSERT_PAYLOAD);
  let stored = 0;
  const outcomes = batch.map(({ message }, index): SendOutcome => {
    const key = first + index;
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
  });
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
