import { setImmediate } from 'node:timers/promises';
import type { Message } from '../../contract/message.ts';
import type { Peek, PeekOptions } from '../../contract/queue.ts';
import type { Connection } from './file/connection.ts';
import type { QueueFile } from './file/queue-file.ts';
import {
  type BrowsableState,
  type Cursor,
  keyOfId,
  ONE_SQL,
  pageSql,
  START,
  smallPayloads,
  toMessage,
} from './message-in.ts';
import { requireQueue } from './publisher.ts';
import type { QueueFacts } from './rows/queue-facts.ts';
import { lags, SOURCES } from './rows/time.ts';

const PAGE = 200;
const PAGE_BYTES = 16 * 1024 * 1024;

/**
 * Reads a queue page by page. Each page is its own snapshot: a long look holds no lock and does not keep the log from
 * being checkpointed.
 */
export class SqlitePeek implements Peek {
  readonly price = null;
  readonly #file: QueueFile;
  readonly #queue: QueueFacts;
  readonly #options: PeekOptions;

  constructor(file: QueueFile, queue: QueueFacts, options: PeekOptions) {
    this.#file = file;
    this.#queue = queue;
    this.#options = options;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    const { state, limit, signal } = this.#options;
    if (!isBrowsable(state)) return;
    let remaining = limit ?? Number.POSITIVE_INFINITY;
    let cursor: Cursor = START;
    while (remaining > 0 && !signal.aborted) {
      const after = cursor;
      const count = Math.min(PAGE, remaining);
      const page = await this.#file.read((connection) => readPage(connection, this.#queue, state, after, count), null);
      if (page === null || page.messages.length === 0) return;
      for (const message of page.messages) {
        if (signal.aborted) return;
        remaining -= 1;
        yield message;
      }
      cursor = page.end;
      // SQLite answers at once: without this, a long look would delay signals and timers.
      await setImmediate();
    }
  }
}

function isBrowsable(state: string): state is BrowsableState {
  return Object.hasOwn(SOURCES, state);
}

function readPage(
  connection: Connection,
  queue: QueueFacts,
  state: BrowsableState,
  after: Cursor,
  count: number,
): { readonly messages: readonly Message[]; readonly end: Cursor } {
  requireQueue(connection, queue);
  const now = Date.now();
  const lagging = lags(connection, queue.id, now);
  const rows = connection.all(pageSql(state, lagging), {
    queue: queue.id,
    ...after,
    limit: count,
    ...(lagging ? { now, maxReceives: queue.maxReceives } : {}),
  });
  const payloads = smallPayloads(connection, rows);
  const messages: Message[] = [];
  let end = after;
  let bytes = 0;
  for (const row of rows) {
    const message = toMessage(connection, queue, row, null, payloads);
    messages.push(message);
    end = { rank: row.integer('rank'), position: row.integer('position') };
    bytes += message.body.byteLength;
    if (bytes >= PAGE_BYTES) break;
  }
  return { messages, end };
}

/**
 * The message with that id, in whatever state. If producers gave one id to several messages, it is the one that came
 * first.
 */
export function findMessage(connection: Connection, queue: QueueFacts, id: string): Message | null {
  const key = findKey(connection, queue, id);
  if (key === null) return null;
  const row = connection.find(ONE_SQL, { key, queue: queue.id, now: Date.now(), maxReceives: queue.maxReceives });
  return row === null ? null : toMessage(connection, queue, row);
}

export function findKey(connection: Connection, queue: QueueFacts, id: string): number | null {
  const named = connection.find('SELECT key FROM message WHERE queue = :queue AND id = :id ORDER BY key LIMIT 1', {
    queue: queue.id,
    id: id.toWellFormed(),
  });
  if (named !== null) return named.integer('key');
  const key = keyOfId(connection.token, id);
  if (key === null) return null;
  const row = connection.find('SELECT id FROM message WHERE key = :key AND queue = :queue', { key, queue: queue.id });
  return row !== null && row.textOrNull('id') === null ? key : null;
}
