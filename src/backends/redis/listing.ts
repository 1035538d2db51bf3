import type { ListOptions, QueuePattern } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { type BullPlace, isBullKey, verifyBull } from './bullmq/find.ts';
import { bullStatsOf, readWorkers } from './bullmq/stats.ts';
import type { Connection } from './connection.ts';
import { findQueue } from './find.ts';
import { conventionOf, type Framework, KOMBU_BINDING, recogniseRegistered } from './list/convention.ts';
import { openList } from './list/queue.ts';
import { openStream } from './stream/queue.ts';

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

/** SCAN on every master within the budget: BullMQ's bookkeeping first, because its keys are lists and streams too. */
async function* walk(connection: Connection, pattern: QueuePattern, options: ListOptions): AsyncGenerator<QueueStats> {
  const { signal } = options;
  const budget = new Budget(connection.settings.scanBudgetMs);
  const { kind, prefix } = connection.settings;
  const bases = new Set<string>();
  // One walk for both: bookkeeping hashes end in `:meta`, the counters of Bull 4 and of producers that skip the hash in `:id`.
  for await (const page of connection.scan({ match: '*:[mi][ed]*' }, signal)) {
    for (const key of page)
      if (key.endsWith(':meta') || key.endsWith(':id')) bases.add(key.slice(0, key.lastIndexOf(':')));
    if (budget.isSpent()) break;
  }
  const bulls = await verifyBull(connection, [...bases], signal);
  const bullBases = new Set(bulls.map(({ base }) => base));
  if (kind === null || kind === 'bullmq') {
    const wanted = bulls.filter((bull) => (prefix === null || bull.prefix === prefix) && pattern.matches(bull.shown));
    yield* bullRows(
      connection,
      byName(wanted, ({ shown }) => shown),
      signal,
    );
  }
  if (kind === null || kind === 'list') {
    const registered = new Map(await recogniseRegistered(connection, signal));
    for await (const page of connection.scan({ match: `${KOMBU_BINDING}*`, type: 'set' }, signal)) {
      for (const key of page) registered.set(key.slice(KOMBU_BINDING.length), 'celery');
      if (budget.isSpent()) break;
    }
    const keys = new Set(registered.keys());
    for await (const key of keysOfType(connection, 'list', bullBases, budget, signal)) keys.add(key);
    yield* listRows(
      connection,
      byName(
        [...keys].filter((key) => pattern.matches(key)),
        (key) => key,
      ),
      registered,
      signal,
    );
  }
  if (kind === null || kind === 'stream') {
    const keys = new Set<string>();
    for await (const key of keysOfType(connection, 'stream', bullBases, budget, signal))
      if (pattern.matches(key)) keys.add(key);
    for (const chunk of chunks(byName([...keys], (key) => key))) {
      yield* await Promise.all(chunk.map(async (key) => (await openStream(connection, key, signal)).stats(signal)));
    }
  }
  if (budget.isSpent()) {
    options.notice(
      `the list is partial: walking through all keys took longer than ${connection.settings.scanBudgetMs} ms; name the queue, or give more time with ?scanBudget=30s`,
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
    yield* await Promise.all(chunk.map((bull) => bullStatsOf(connection, bull, workers, signal)));
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

async function* keysOfType(
  connection: Connection,
  type: string,
  bullBases: ReadonlySet<string>,
  budget: Budget,
  signal: AbortSignal,
): AsyncGenerator<string> {
  if (budget.isSpent()) return;
  for await (const page of connection.scan({ type }, signal)) {
    for (const key of page) if (!isBullKey(key, bullBases) && !isInternal(key)) yield key;
    if (budget.isSpent()) return;
  }
}

/** Bookkeeping of RQ, which is of type stream or list but no queue. */
function isInternal(key: string): boolean {
  return key.startsWith('rq:results:') || key.startsWith('rq:intermediate:');
}

/** Reads the time, so that it can be asked while pages come in. Once spent it stays so. */
class Budget {
  readonly #endsAt: number;
  #spent = false;

  constructor(ms: number) {
    this.#endsAt = performance.now() + ms;
  }

  isSpent(): boolean {
    this.#spent ||= performance.now() >= this.#endsAt;
    return this.#spent;
  }
}

function* chunks<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < all.length; i += CHUNK) yield all.slice(i, i + CHUNK);
}

function byName<T>(all: readonly T[], name: (item: T) => string): readonly T[] {
  return [...all].sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}
