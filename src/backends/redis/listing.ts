import type { ListOptions, QueuePattern } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { type BullPlace, isBullKey, verifyBull } from './bullmq/find.ts';
import { readWorkers } from './bullmq/stats.ts';
import { bullRow } from './bullmq/wrapped-queue.ts';
import type { Connection } from './connection.ts';
import { findQueue } from './find.ts';
import { conventionOf, type Framework, KOMBU_BINDING, recogniseRegistered } from './list/convention.ts';
import { openList } from './list/queue.ts';
import { openStream } from './stream/queue.ts';
import type { RedisKind } from './url.ts';

const CHUNK = 100;

/** Names without wildcards are opened one by one; anything else needs a walk through all keys. */
export async function* listQueues(
  connection: Connection,
  pattern: QueuePattern,
  options: ListOptions,
): AsyncGenerator<QueueStats> {
  if (pattern.globs.length > 0 && pattern.globs.every((glob) => !/[*?[\]{}!\\]/.test(glob))) {
    for (const name of pattern.globs) {
      try {
        const queue = await findQueue(connection, name, options.signal);
        yield await queue.stats(options.signal);
      } catch (error) {
        if (!(error instanceof MqError && error.code === 'QUEUE_NOT_FOUND')) throw error;
      }
    }
    return;
  }
  yield* walk(connection, pattern, options);
}

/** SCAN on every master within the budget, one walk for each sort of key, all walks at once: most of a walk is waiting for answers. */
async function* walk(connection: Connection, pattern: QueuePattern, options: ListOptions): AsyncGenerator<QueueStats> {
  const { signal } = options;
  const { kind, prefix, scanBudgetMs } = connection.settings;
  const budget = new Budget(scanBudgetMs);
  const wants = (one: RedisKind): boolean => kind === null || kind === one;
  const walked = (filter: Parameters<Connection['scan']>[0]): Promise<readonly string[]> =>
    keysOf(connection, filter, budget, signal);
  const [bookkeeping, bindings, lists, streams] = await Promise.all([
    // Hashes in `:meta`, and the counters in `:id` of Bull 4 and of producers that skip the hash. Needed for every kind, because the
    // keys of a BullMQ queue are lists and streams too.
    walked({ match: '*:[mi][ed]*' }),
    wants('list') ? walked({ match: `${KOMBU_BINDING}*`, type: 'set' }) : [],
    wants('list') ? walked({ type: 'list' }) : [],
    wants('stream') ? walked({ type: 'stream' }) : [],
  ]);
  const bases = new Set(
    bookkeeping
      .filter((key) => key.endsWith(':meta') || key.endsWith(':id'))
      .map((key) => key.slice(0, key.lastIndexOf(':'))),
  );
  const bulls = await verifyBull(connection, [...bases], signal);
  const bullBases = new Set(bulls.map(({ base }) => base));
  if (wants('bullmq')) {
    const wanted = bulls.filter((bull) => (prefix === null || bull.prefix === prefix) && pattern.matches(bull.shown));
    yield* bullRows(
      connection,
      byName(wanted, ({ shown }) => shown),
      signal,
    );
  }
  const isQueue = (key: string): boolean => pattern.matches(key) && !isBullKey(key, bullBases) && !isInternal(key);
  if (wants('list')) {
    const registered = new Map(await recogniseRegistered(connection, signal));
    for (const key of bindings) registered.set(key.slice(KOMBU_BINDING.length), 'celery');
    const keys = new Set([...registered.keys(), ...lists].filter(isQueue));
    yield* listRows(
      connection,
      byName([...keys], (key) => key),
      registered,
      signal,
    );
  }
  for (const chunk of chunks(byName([...new Set(streams)].filter(isQueue), (key) => key))) {
    yield* await Promise.all(chunk.map(async (key) => (await openStream(connection, key, signal)).stats(signal)));
  }
  if (budget.isSpent()) {
    options.notice(
      `the list is partial: walking through all keys took longer than ${scanBudgetMs} ms; name the queue, or give more time with ?scanBudget=30s`,
    );
  }
}

async function* bullRows(
  connection: Connection,
  bulls: readonly BullPlace[],
  signal: AbortSignal,
): AsyncGenerator<QueueStats> {
  if (bulls.length === 0) return;
  const workers = await readWorkers(connection, signal);
  for (const chunk of chunks(bulls)) {
    yield* await Promise.all(chunk.map((bull) => bullRow(connection, bull, workers, signal)));
  }
}

async function* listRows(
  connection: Connection,
  keys: readonly string[],
  registered: ReadonlyMap<string, Framework>,
  signal: AbortSignal,
): AsyncGenerator<QueueStats> {
  for (const chunk of chunks(keys)) {
    const rows = chunk.map((key) => {
      const framework = registered.get(key) ?? null;
      return openList(connection, key, conventionOf(framework, connection.settings, framework !== null)).stats(signal);
    });
    yield* await Promise.all(rows);
  }
}

async function keysOf(
  connection: Connection,
  filter: Parameters<Connection['scan']>[0],
  budget: Budget,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const page of connection.scan(filter, signal)) {
    found.push(...page);
    if (budget.runsOut()) break;
  }
  return found;
}

/** Bookkeeping of RQ, which is of type stream or list but no queue. */
function isInternal(key: string): boolean {
  return key.startsWith('rq:results:') || key.startsWith('rq:intermediate:');
}

/** Ends the walks. It counts as spent only when a walk was cut short by it, not when a later step took long. */
class Budget {
  readonly #endsAt: number;
  #spent = false;

  constructor(ms: number) {
    this.#endsAt = performance.now() + ms;
  }

  runsOut(): boolean {
    this.#spent ||= performance.now() >= this.#endsAt;
    return this.#spent;
  }

  isSpent(): boolean {
    return this.#spent;
  }
}

function* chunks<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < all.length; i += CHUNK) yield all.slice(i, i + CHUNK);
}

function byName<T>(all: readonly T[], name: (item: T) => string): readonly T[] {
  return [...all].sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}
