import { throwIfAborted } from '../../contract/errors.ts';
import type { JsonValue, Message } from '../../contract/message.ts';
import type { ItemOutcome, NativeMove, NativeMoveRequest, NativeProgress } from '../../contract/queue.ts';
import type { Connection } from './file/connection.ts';
import type { QueueFile } from './file/queue-file.ts';
import { STORED } from './file/schema.ts';
import { publicId } from './message-in.ts';
import { findKey } from './peek.ts';
import { requireQueue } from './publisher.ts';
import type { QueueFacts } from './rows/queue-facts.ts';
import { catchUp } from './rows/time.ts';

/** One transaction takes at most this many, to let other processes have their turn. */
const LARGEST_PAGE = 20_000;

/**
 * Moves rows within one file, each page in one transaction. A moved message comes to the end of its target with no
 * deliveries counted, and its time to live begins again. Everything else stays: id, time of enqueueing, deaths so far.
 * "All that were there at the start" excludes messages that come, or die, while it runs, so that a consumer that keeps
 * failing cannot make it endless.
 */
export class SqliteNativeMove implements NativeMove {
  readonly guarantee = 'atomic';
  readonly #file: QueueFile;
  readonly #from: QueueFacts;
  readonly #to: QueueFacts;
  readonly #request: NativeMoveRequest;
  /** The last position given out, and the time, when the move began. */
  readonly #last: number;
  readonly #began: number;
  #remaining: number;

  private constructor(file: QueueFile, from: QueueFacts, to: QueueFacts, request: NativeMoveRequest, last: number) {
    this.#file = file;
    this.#from = from;
    this.#to = to;
    this.#request = request;
    this.#last = last;
    this.#began = Date.now();
    this.#remaining = request.limit ?? Number.POSITIVE_INFINITY;
  }

  static async begin(
    file: QueueFile,
    from: QueueFacts,
    to: QueueFacts,
    request: NativeMoveRequest,
  ): Promise<SqliteNativeMove> {
    const last = await file.read((connection) => {
      throwIfAborted(request.signal);
      requireQueue(connection, from);
      requireQueue(connection, to);
      return connection.one('SELECT sequence FROM file').integer('sequence');
    }, 0);
    return new SqliteNativeMove(file, from, to, request, last);
  }

  async next(
    selection: { readonly upTo: number } | { readonly messages: readonly Message[] },
  ): Promise<NativeProgress> {
    const progress = await this.#file.write((connection) => {
      requireQueue(connection, this.#from);
      requireQueue(connection, this.#to);
      catchUp(connection, this.#from, Date.now());
      return 'upTo' in selection
        ? this.#moveNext(connection, selection.upTo)
        : this.#moveThese(connection, selection.messages);
    });
    this.#remaining -= progress.moved;
    return progress.exhausted || this.#remaining > 0 ? progress : { ...progress, exhausted: true };
  }

  async close(): Promise<void> {}

  #moveNext(connection: Connection, upTo: number): NativeProgress {
    const count = Math.min(upTo, this.#remaining, LARGEST_PAGE);
    const dead = this.#request.state === 'dead';
    const here = `queue = :from AND state = :state AND position <= :last${dead ? ' AND died_at <= :began' : ''}`;
    const params = {
      from: this.#from.id,
      state: STORED[this.#request.state],
      last: this.#last,
      ...(dead ? { began: this.#began } : {}),
    };
    const moved = this.#move(
      connection,
      `SELECT key, row_number() OVER (ORDER BY rank, position) AS place FROM message WHERE ${here} ORDER BY rank, position LIMIT :count`,
      { ...params, count },
      count,
    );
    const more = connection.find(`SELECT 1 AS more FROM message WHERE ${here} LIMIT 1`, params);
    return { moved, skipped: [], failed: [], unknown: [], exhausted: more === null };
  }

  #moveThese(connection: Connection, messages: readonly Message[]): NativeProgress {
    const skipped: ItemOutcome[] = [];
    const keys = new Set<number>();
    for (const message of messages) {
      const key = this.#keyOf(connection, message);
      if (key === null || keys.has(key))
        skipped.push({ id: message.id, reason: `it is no longer ${this.#request.state} in ${this.#from.name}` });
      else if (keys.size >= this.#remaining) skipped.push({ id: message.id, reason: 'the limit is reached' });
      else keys.add(key);
    }
    const moved = this.#move(
      connection,
      'SELECT value AS key, CAST(json_each.key AS INTEGER) + 1 AS place FROM json_each(:keys)',
      { keys: JSON.stringify([...keys]) },
      keys.size,
    );
    return { moved, skipped, failed: [], unknown: [], exhausted: false };
  }

  /** The key of the row, if it is still the same message in the same place. */
  #keyOf(connection: Connection, message: Message): number | null {
    const key = keyIn(message.native) ?? (message.id === null ? null : findKey(connection, this.#from, message.id));
    if (key === null) return null;
    const row = connection.find('SELECT id FROM message WHERE key = :key AND queue = :queue AND state = :state', {
      key,
      queue: this.#from.id,
      state: STORED[this.#request.state],
    });
    return row !== null && publicId(connection.token, key, row.textOrNull('id')) === message.id ? key : null;
  }

  #move(connection: Connection, chosen: string, params: Record<string, number | string>, count: number): number {
    if (count === 0) return 0;
    const moved = connection.run(
      `UPDATE message SET queue = :to, state = ${STORED.ready}, position = :base + place, receives = 0, replays = replays + :replay,
         expires_at = :now + ttl_ms, wake = :now + ttl_ms, deliver_at = NULL, holder = NULL, died_at = NULL, reason = NULL, error = NULL
       FROM (${chosen}) AS chosen WHERE message.key = chosen.key`,
      {
        ...params,
        to: this.#to.id,
        base: connection.allot(count) - 1,
        now: Date.now(),
        replay: this.#request.countReplay ? 1 : 0,
      },
    );
    connection.run('UPDATE queue SET enqueued = enqueued + :moved WHERE id = :id', { moved, id: this.#to.id });
    if (this.#request.state === 'ready') {
      connection.run('UPDATE queue SET acked = acked + :moved WHERE id = :id', { moved, id: this.#from.id });
    }
    return moved;
  }
}

function keyIn(native: Readonly<Record<string, JsonValue>>): number | null {
  const own = native.sqlite;
  return typeof own === 'object' && own !== null && 'key' in own && typeof own.key === 'number' ? own.key : null;
}
