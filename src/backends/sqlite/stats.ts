import { readInstant } from '../../contract/instant.ts';
import type { QueueStats } from '../../contract/stats.ts';
import type { Connection } from './file/connection.ts';
import { STORED } from './file/schema.ts';
import type { QueueFacts } from './rows/queue-facts.ts';
import { lags, SEEN } from './rows/time.ts';

/**
 * Exact figures of one instant. The counts walk an index that contains all they need (some 30 ms for a million
 * messages).
 */
export function readStats(connection: Connection, queue: QueueFacts): QueueStats {
  const now = Date.now();
  const lagging = lags(connection, queue.id, now);
  const rows = connection.all(
    `SELECT ${lagging ? SEEN : 'state'} AS seen, count(*) AS count, CAST(min(enqueued_at) AS REAL) AS oldest
     FROM message WHERE queue = :queue GROUP BY 1`,
    lagging ? { queue: queue.id, now, maxReceives: queue.maxReceives } : { queue: queue.id },
  );
  const count = (...states: readonly number[]): number =>
    rows.filter((row) => states.includes(row.integer('seen'))).reduce((sum, row) => sum + row.integer('count'), 0);
  const known: ReadonlySet<number> = new Set(Object.values(STORED));
  const strange = rows
    .filter((row) => !known.has(row.integer('seen')))
    .reduce((sum, row) => sum + row.integer('count'), 0);
  const ready = count(STORED.ready);
  const inFlight = count(STORED.inFlight, STORED.deadInFlight);
  const delayed = count(STORED.delayed);
  const first = rows.find((row) => row.integer('seen') === STORED.ready)?.integer('oldest');
  const { at: oldest, note: undated } = readInstant(first, 'milliseconds');
  const own = connection.one('SELECT paused_at, pause_reason, enqueued, acked, failed FROM queue WHERE id = :id', {
    id: queue.id,
  });
  const paused = own.integerOrNull('paused_at') !== null;
  const reason = own.textOrNull('pause_reason');
  const consumers = connection.one(
    'SELECT count(*) AS count FROM consumer WHERE queue = :queue AND lease_until > :now',
    {
      queue: queue.id,
      now,
    },
  );
  return {
    queue: queue.name,
    broker: 'sqlite',
    kind: 'sqlite',
    state: paused ? 'paused' : 'running',
    ready,
    inFlight,
    delayed,
    dead: count(STORED.dead),
    depth: ready + inFlight + delayed,
    consumers: consumers.integer('count'),
    oldestAgeMs: oldest === null ? null : Math.max(0, now - oldest),
    counters: { enqueued: own.integer('enqueued'), acked: own.integer('acked'), failed: own.integer('failed') },
    approximate: [],
    notes: {
      ...(paused && reason !== null ? { state: reason } : {}),
      ...(first === undefined ? { oldestAgeMs: 'no message is ready' } : {}),
      ...(strange === 0 ? {} : { depth: `${strange} more have a state that mq does not know` }),
      ...(undated === undefined ? {} : { oldestAgeMs: undated }),
    },
    sampledAt: now,
    // The machine's own clock, by which all these times are given.
    brokerTime: now,
  };
}

/** For a queue that exists but of which nothing can be read. */
export function unreadableStats(queue: string, why: string): QueueStats {
  return {
    ...{ queue, broker: 'sqlite', kind: 'sqlite', state: 'unknown' },
    ...{ ready: null, inFlight: null, delayed: null, dead: null, depth: null, consumers: null, oldestAgeMs: null },
    approximate: [],
    notes: { state: why },
    sampledAt: Date.now(),
  };
}
