import { MqError } from '../../contract/errors.ts';
import { dueInstant, instantNotes, readInstant } from '../../contract/instant.ts';
import { parseJson } from '../../contract/json.ts';
import type { Death, Headers, JsonValue, Message, MessageState } from '../../contract/message.ts';
import { type Connection, Row } from './file/connection.ts';
import { STORED } from './file/schema.ts';
import type { QueueFacts } from './rows/queue-facts.ts';
import { LEASE_EXPIRED, SEEN, SOURCES, stateOf } from './rows/time.ts';

/**
 * Instants are read as REAL: a far one is too large for an integer of JavaScript, and the driver would refuse to read
 * it.
 */
const COLUMNS = `key, state, rank, position, CAST(enqueued_at AS REAL) AS enqueued_at, CAST(deliver_at AS REAL) AS deliver_at,
  CAST(expires_at AS REAL) AS expires_at, ttl_ms, receives, max_receives, id, dedup, CAST(died_at AS REAL) AS died_at, reason, error, deaths, replays`;

/** The end of a page of a queue: the next page begins after it. */
export interface Cursor {
  readonly rank: number;
  readonly position: number;
}

export const START: Cursor = { rank: Number.MIN_SAFE_INTEGER, position: -1 };

export type BrowsableState = keyof typeof SOURCES;

/**
 * The rows of a state in delivery order, after a cursor. Parameters: `:queue`, `:rank`, `:position`, `:limit`, and with
 * `lagging` also `:now` and `:maxReceives`. Each part walks the index in order, so that each page of a million messages
 * costs no more than the first.
 */
export function pageSql(state: BrowsableState, lagging: boolean): string {
  const own = state === 'in-flight' ? [STORED.inFlight, STORED.deadInFlight] : [STORED[state]];
  const parts = (lagging ? SOURCES[state] : own).map((stored) => {
    const seen = lagging ? SEEN : 'state';
    const lost = lagging ? '(SELECT lease_until FROM consumer WHERE consumer.id = holder)' : 'NULL';
    const wanted = own.length === 1 ? `= ${own.join()}` : `IN (${own.join()})`;
    return `SELECT ${COLUMNS}, ${seen} AS seen, ${lost} AS lease_until FROM message
      WHERE queue = :queue AND state = ${stored} AND (rank, position) > (:rank, :position)${lagging ? ` AND ${SEEN} ${wanted}` : ''}`;
  });
  return `${parts.join('\nUNION ALL ')}\nORDER BY rank, position LIMIT :limit`;
}

/** One row by its key, with its state at `:now`. Parameters: `:queue`, `:key`, `:now`, `:maxReceives`. */
export const ONE_SQL = `SELECT ${COLUMNS}, ${SEEN} AS seen,
    (SELECT lease_until FROM consumer WHERE consumer.id = holder) AS lease_until
  FROM message WHERE key = :key AND queue = :queue`;

/**
 * The public id: the producer's own, or one made from the file's token and the key, which is unique among all files.
 */
export function publicId(token: string, key: number, own: string | null): string {
  return own ?? `${token}-${key}`;
}

/** The key in an id that `mq` made; null for any other id. */
export function keyOfId(token: string, id: string): number | null {
  if (!id.startsWith(`${token}-`)) return null;
  const digits = id.slice(token.length + 1);
  return /^[1-9]\d{0,14}$/.test(digits) ? Number(digits) : null;
}

/** The properties that only this backend has, under `native.sqlite`. */
export interface SqliteNative {
  /** Identifies the row for as long as it is in this file. */
  readonly key: number;
  /** Its own number of deliveries before it is dead; absent: the queue's. */
  readonly attempts?: number;
  /**
   * Values that another program has made unreadable, as they are in the row. Each costs one field of one message; the
   * other messages and the rest of this one are not affected.
   */
  readonly unreadable?: Readonly<Record<string, string | null>>;
}

/** For a message whose content is gone. */
const NO_PAYLOAD = new Row({
  ...{ body: new Uint8Array(), headers: null, content_type: null, priority: null, name: null, native: null },
});

const PAYLOAD = 'SELECT key, body, headers, content_type, priority, name, native FROM payload';
/** A page of messages of this size may be read at once. A larger one is read by itself, so that memory stays flat. */
const SMALL_BYTES = 16 * 1024;

/** The small payloads of these rows by their keys, read by one statement. */
export function smallPayloads(connection: Connection, rows: readonly Row[]): ReadonlyMap<number, Row> {
  const payloads = connection.all(
    `${PAYLOAD} WHERE key IN (SELECT value FROM json_each(:keys))
       AND octet_length(body) + ifnull(octet_length(headers), 0) + ifnull(octet_length(native), 0) <= ${SMALL_BYTES}`,
    { keys: JSON.stringify(rows.map((row) => row.integer('key'))) },
  );
  return new Map(payloads.map((payload) => [payload.integer('key'), payload]));
}

/**
 * A row and its payload as a message. `delivery`: as it is given to a consumer, with this delivery counted. `payloads`:
 * those that were read already.
 */
export function toMessage(
  connection: Connection,
  queue: QueueFacts,
  row: Row,
  delivery: 'ready' | 'dead' | null = null,
  payloads: ReadonlyMap<number, Row> = new Map(),
): Message {
  const key = row.integer('key');
  const payload = payloads.get(key) ?? connection.find(`${PAYLOAD} WHERE key = :key`, { key }) ?? NO_PAYLOAD;
  const headers = jsonObject(payload.textOrNull('headers'));
  const foreign = jsonObject(payload.textOrNull('native'));
  const unreadable: SqliteNative['unreadable'] = {
    ...(payload === NO_PAYLOAD ? { body: null } : {}),
    ...(headers === null ? { headers: payload.textOrNull('headers') } : {}),
    ...(foreign === null ? { native: payload.textOrNull('native') } : {}),
  };
  const state: MessageState | null = delivery ?? stateOf(row.integer('seen'));
  if (state === null)
    throw new MqError('UNEXPECTED_RESPONSE', `message ${key} has an unknown state`, { backend: 'sqlite' });
  const attempts = row.integerOrNull('max_receives');
  const enqueued = readInstant(row.integer('enqueued_at'), 'milliseconds');
  const due = dueInstant(state === 'delayed' ? row.integerOrNull('deliver_at') : null);
  const dead = state === 'dead' ? deathOf(queue, row) : null;
  const native: SqliteNative = {
    key,
    ...(attempts === null ? {} : { attempts }),
    ...(Object.keys(unreadable).length === 0 ? {} : { unreadable }),
  };
  return {
    queue: queue.name,
    id: publicId(connection.token, key, row.textOrNull('id')),
    ...(row.textOrNull('id') === null ? { idFrom: 'broker' as const } : {}),
    state,
    body: payload.bytes('body'),
    headers: headers ?? {},
    contentType: payload.textOrNull('content_type'),
    priority: payload.integerOrNull('priority'),
    groupId: null,
    deduplicationId: row.textOrNull('dedup'),
    ttlMs: row.integerOrNull('ttl_ms'),
    name: payload.textOrNull('name'),
    native: { ...foreign, sqlite: { ...native } },
    enqueuedAt: enqueued.at,
    deliverAt: due.at,
    receiveCount: row.integer('receives') + (delivery === 'ready' ? 1 : 0),
    dead,
    ...instantNotes({ enqueuedAt: enqueued, deliverAt: due }),
  };
}

function deathOf(queue: QueueFacts, row: Row): Death {
  const stored = row.integer('state');
  const replays = row.integer('replays');
  if (stored === STORED.dead || stored === STORED.deadInFlight) {
    return {
      from: queue.name,
      reason: row.textOrNull('reason'),
      error: row.textOrNull('error'),
      at: readInstant(row.integerOrNull('died_at'), 'milliseconds').at,
      count: row.integer('deaths'),
      replays,
    };
  }
  // It has died by the clock, but that is not written yet. `catchUp` will write the same.
  const count = row.integer('deaths') + 1;
  const spent = row.integer('receives') >= (row.integerOrNull('max_receives') ?? queue.maxReceives);
  return stored === STORED.inFlight && spent
    ? {
        from: queue.name,
        reason: 'max_receives',
        error: LEASE_EXPIRED,
        at: readInstant(row.integerOrNull('lease_until'), 'milliseconds').at,
        count,
        replays,
      }
    : {
        from: queue.name,
        reason: 'expired',
        error: null,
        at: readInstant(row.integerOrNull('expires_at'), 'milliseconds').at,
        count,
        replays,
      };
}

/** Null: it is not one. */
function jsonObject(text: string | null): Headers | null {
  if (text === null) return {};
  try {
    const value: JsonValue = parseJson(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Headers) : null;
  } catch {
    return null;
  }
}
