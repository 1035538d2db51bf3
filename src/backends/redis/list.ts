import type { ListOptions, QueuePattern } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { namesOnly } from '../common/globs.ts';
import { DEFAULT_PREFIX, isBullKey, verifyBull } from './bullmq/find.ts';
import { readWorkers } from './bullmq/stats.ts';
import { bullRow } from './bullmq/wrapped-queue.ts';
import type { SilentNode } from './connection/cluster-nodes.ts';
import type { Connection } from './connection/connection.ts';
import { asTextOrNull } from './connection/reply.ts';
import { findQueue } from './find.ts';
import type { Framework } from './framework.ts';
import { conventionOf, recogniseRegistered } from './list/frameworks/convention.ts';
import { DRAMATIQ_DEAD } from './list/frameworks/dramatiq-keys.ts';
import { boundQueues, KOMBU_BINDING } from './list/frameworks/kombu.ts';
import { ownerOf } from './list/frameworks/laravel.ts';
import { openList } from './list/queue.ts';
import { Losses, type PendingRow, readRows } from './rows.ts';
import { openStream } from './stream/queue.ts';
import type { RedisKind } from './url.ts';

/** Names without wildcards are opened one by one; anything else needs a walk through all keys. */
export async function* listQueues(
  connection: Connection,
  pattern: QueuePattern,
  options: ListOptions,
): AsyncGenerator<QueueStats> {
  const losses = new Losses();
  const silent = await connection.silentNodes(options.signal);
  options.onAnswer?.();
  try {
    const names = namesOnly(pattern.globs);
    if (names !== null) {
      yield* named(connection, names, losses, options.signal);
    } else yield* walk(connection, pattern, silent, losses, options);
  } finally {
    losses.tell(options.notice);
  }
}

async function* named(
  connection: Connection,
  names: readonly string[],
  losses: Losses,
  signal: AbortSignal,
): AsyncGenerator<QueueStats> {
  for (const name of names) {
    try {
      const queue = await findQueue(connection, name, signal);
      yield await queue.stats(signal);
    } catch (error) {
      if (!isMqError(error)) throw error;
      if (error.code === 'QUEUE_NOT_FOUND') continue;
      // Nothing more is to be said of a single queue that was asked for by name.
      if (names.length === 1 || signal.aborted) throw error;
      const isOfOneNode = connection.isCluster && (error.code === 'TIMEOUT' || error.code === 'UNAVAILABLE');
      if (!isOfOneNode && !IS_OF_ONE_QUEUE.has(error.code)) throw error;
      const left = losses.of({ name, kind: connection.settings.kind ?? 'list' }, error);
      if (left !== null) yield left;
    }
  }
}

/** The problems of a queue while the server works. */
const IS_OF_ONE_QUEUE: ReadonlySet<string> = new Set([
  'PERMISSION_DENIED',
  'PRECONDITION_FAILED',
  'UNEXPECTED_RESPONSE',
]);

/**
 * SCAN on every master within the budget: one walk for each sort of key, all walks at once, because most of a walk is
 * waiting for answers.
 */
async function* walk(
  connection: Connection,
  pattern: QueuePattern,
  silent: readonly SilentNode[],
  losses: Losses,
  options: ListOptions,
): AsyncGenerator<QueueStats> {
  const { signal } = options;
  const { kind, prefix, scanBudgetMs } = connection.settings;
  const budget = new Budget(scanBudgetMs);
  const wants = (one: RedisKind): boolean => kind === null || kind === one;
  const walked = (filter: Parameters<Connection['scan']>[0]): Promise<readonly string[]> =>
    keysOf(connection, filter, budget, losses, signal);
  const [bookkeeping, bindings, lists, streams, dramatiqDead] = await Promise.all([
    // Finds the hashes in `:meta`, and the counters in `:id` of Bull 4 and of producers that skip the hash. Every kind
    // needs this, because the keys of a BullMQ queue are lists and streams too.
    walked({ match: '*:[mi][ed]*' }),
    wants('list') ? walked({ match: `${KOMBU_BINDING}*`, type: 'set' }) : [],
    wants('list') ? walked({ type: 'list' }) : [],
    wants('stream') ? walked({ type: 'stream' }) : [],
    wants('list') ? walked({ match: `*${DRAMATIQ_DEAD}`, type: 'zset' }) : [],
  ]);
  const bases = new Set(
    bookkeeping
      .filter((key) => key.endsWith(':meta') || key.endsWith(':id'))
      .map((key) => key.slice(0, key.lastIndexOf(':'))),
  );
  const expected = prefix ?? DEFAULT_PREFIX;
  const denied = new Set<string>();
  const bulls = await verifyBull(connection, [...bases], signal, (base, error) => {
    denied.add(base);
    const shown = base.startsWith(`${expected}:`) ? base.slice(expected.length + 1) : base;
    if (wants('bullmq') && pattern.matches(shown)) losses.of({ name: shown, kind: 'bullmq' }, error);
  });
  const bullBases = new Set([...bulls.map(({ base }) => base), ...denied]);
  const rows: PendingRow[] = [];
  if (wants('bullmq')) {
    const wanted = bulls.filter((bull) => (prefix === null || bull.prefix === prefix) && pattern.matches(bull.shown));
    const workers = wanted.length === 0 ? null : await readWorkers(connection, signal);
    for (const bull of byName(wanted, ({ shown }) => shown)) {
      const read = (): Promise<QueueStats> => bullRow(connection, bull, workers, signal);
      rows.push({ name: bull.shown, kind: 'bullmq', read });
    }
  }
  const isQueue = (key: string): boolean => pattern.matches(key) && !isBullKey(key, bullBases) && !isInternal(key);
  if (wants('list')) {
    const registered = new Map<string, Framework | null>(await recogniseRegistered(connection, signal));
    for (const [name, binding] of await boundQueues(connection, bindings, signal))
      registered.set(name, binding === 'celery' ? 'celery' : null);
    for (const key of lists) {
      const owner = ownerOf(key);
      if (owner !== null) registered.set(owner, 'laravel');
    }
    // If nothing is ready, their lists have no key.
    for (const key of await withMessages(connection, dramatiqDead, signal))
      registered.set(key.slice(0, -DRAMATIQ_DEAD.length), 'dramatiq');
    const keys = new Set([...registered.keys(), ...lists].filter(isQueue));
    for (const key of byName([...keys], (name) => name)) {
      const convention = conventionOf(registered.get(key) ?? null, connection.settings, registered.has(key));
      rows.push({ name: key, kind: 'list', read: () => openList(connection, key, convention).stats(signal) });
    }
  }
  for (const key of byName([...new Set(streams)].filter(isQueue), (name) => name)) {
    const read = async (): Promise<QueueStats> => (await openStream(connection, key, signal)).stats(signal);
    rows.push({ name: key, kind: 'stream', read });
  }
  const away = silent.map(({ error }) => error.message).join(', ');
  const missing = [
    ...(silent.length === 0 ? [] : [`the list is without some queues: ${away}`]),
    ...(budget.isSpent() ? [`the list is partial: walking through all keys took longer than ${scanBudgetMs} ms`] : []),
  ];
  if (missing.length === 0) return yield* readRows(connection, rows, losses, signal);
  const list = missing.join('; ');
  // A script sees the rows, and not the notices beside them.
  for await (const row of readRows(connection, rows, losses, signal)) yield { ...row, notes: { ...row.notes, list } };
  options.notice(budget.isSpent() ? `${list}; name the queue, or give more time with ?scanBudget=30s` : list);
}

/** If a set of that name is Dramatiq's, there is a hash beside it. */
async function withMessages(
  connection: Connection,
  sets: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (sets.length === 0) return [];
  const types = sets.map((key) => ['TYPE', `${key}.msgs`] as const);
  const answers = await connection.each(types, { operation: 'list the queues', signal });
  return sets.filter((_, index) => {
    const answer = answers[index];
    return answer?.ok === true && asTextOrNull(answer.reply) === 'hash';
  });
}

async function keysOf(
  connection: Connection,
  filter: Parameters<Connection['scan']>[0],
  budget: Budget,
  losses: Losses,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const page of connection.scan(filter, signal, (name) => losses.nameless(name))) {
    found.push(...page);
    if (budget.runsOut()) break;
  }
  return found;
}

/** Bookkeeping of RQ and Laravel: its type is stream or list, but it is not a queue. */
function isInternal(key: string): boolean {
  return key.startsWith('rq:results:') || key.startsWith('rq:intermediate:') || ownerOf(key) !== null;
}

/** Ends the walks. The budget counts as spent only if it cut a walk short, not if a later step took long. */
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

function byName<T>(all: readonly T[], name: (item: T) => string): readonly T[] {
  return [...all].sort((a, b) => (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}
