import type { MessageState } from '../../../contract/message.ts';
import type { Connection } from '../file/connection.ts';
import { STORED } from '../file/schema.ts';
import type { QueueFacts } from './queue-facts.ts';

export const LEASE_EXPIRED = 'lease expired';

/** Consumers that stopped extending their lease: crashed or cut off. */
const LOST = 'holder IN (SELECT id FROM consumer WHERE queue = :queue AND lease_until <= :now)';
const SPENT = 'receives >= coalesce(max_receives, :maxReceives)';

/**
 * The state of a row at `:now`. Its stored state is out of date until the next claim. A reader uses this one, so that
 * looking needs no write. Parameters: `:queue`, `:now`, `:maxReceives`.
 */
export const SEEN = `CASE state
  WHEN ${STORED.ready} THEN iif(wake <= :now, ${STORED.dead}, ${STORED.ready})
  WHEN ${STORED.delayed} THEN iif(wake <= :now, iif(expires_at <= :now, ${STORED.dead}, ${STORED.ready}), ${STORED.delayed})
  WHEN ${STORED.inFlight} THEN iif(${LOST}, iif(${SPENT} OR expires_at <= :now, ${STORED.dead}, ${STORED.ready}), ${STORED.inFlight})
  WHEN ${STORED.deadInFlight} THEN iif(${LOST}, ${STORED.dead}, ${STORED.deadInFlight})
  ELSE state END`;

/** The stored states that a row with a given real state can have. */
export const SOURCES: Readonly<Record<'ready' | 'in-flight' | 'delayed' | 'dead', readonly number[]>> = {
  ready: [STORED.ready, STORED.delayed, STORED.inFlight],
  'in-flight': [STORED.inFlight, STORED.deadInFlight],
  delayed: [STORED.delayed],
  dead: [STORED.dead, STORED.ready, STORED.delayed, STORED.inFlight, STORED.deadInFlight],
};

const STATES: Readonly<Record<number, MessageState>> = {
  [STORED.ready]: 'ready',
  [STORED.delayed]: 'delayed',
  [STORED.inFlight]: 'in-flight',
  [STORED.dead]: 'dead',
  [STORED.deadInFlight]: 'in-flight',
};

export function stateOf(stored: number): MessageState | null {
  return STATES[stored] ?? null;
}

/** True if a stored state of the queue is out of date. Cheap. */
export function lags(connection: Connection, queue: number, now: number): boolean {
  const row = connection.one(
    `SELECT EXISTS (SELECT 1 FROM message WHERE queue = :queue AND wake <= :now)
         OR EXISTS (SELECT 1 FROM consumer WHERE queue = :queue AND lease_until <= :now) AS lags`,
    { queue, now },
  );
  return row.integer('lags') !== 0;
}

/** When a stored state of the queue will next change by itself; null: never. */
export function nextChangeAt(connection: Connection, queue: number): number | null {
  return connection
    .one(
      `SELECT min(at) AS at FROM (
         SELECT min(wake) AS at FROM message WHERE queue = :queue AND wake IS NOT NULL
         UNION ALL SELECT min(lease_until) FROM consumer WHERE queue = :queue)`,
      { queue },
    )
    .integerOrNull('at');
}

/**
 * Writes the state changes that time has caused. Inside a transaction. The row's own instants are kept, so that readers
 * see the same before and after.
 */
export function catchUp(connection: Connection, { id: queue, maxReceives }: QueueFacts, now: number): void {
  if (!lags(connection, queue, now)) return;
  const at = { queue, now };
  const expired = connection.run(
    `UPDATE message SET state = ${STORED.dead}, reason = 'expired', error = NULL, died_at = expires_at, deaths = deaths + 1,
       wake = NULL, deliver_at = NULL
     WHERE queue = :queue AND wake <= :now AND expires_at <= :now`,
    at,
  );
  connection.run(
    `UPDATE message SET state = ${STORED.ready}, deliver_at = NULL, wake = expires_at WHERE queue = :queue AND wake <= :now`,
    at,
  );
  const spent = connection.run(
    `UPDATE message SET state = ${STORED.dead}, reason = 'max_receives', error = '${LEASE_EXPIRED}', deaths = deaths + 1, wake = NULL,
       died_at = (SELECT lease_until FROM consumer WHERE consumer.id = holder), holder = NULL
     WHERE queue = :queue AND state = ${STORED.inFlight} AND ${LOST} AND ${SPENT}`,
    { ...at, maxReceives },
  );
  const late = connection.run(
    `UPDATE message SET state = ${STORED.dead}, reason = 'expired', error = NULL, deaths = deaths + 1, wake = NULL,
       died_at = expires_at, holder = NULL
     WHERE queue = :queue AND state = ${STORED.inFlight} AND ${LOST} AND expires_at <= :now`,
    at,
  );
  const returned = connection.run(
    `UPDATE message SET state = ${STORED.ready}, holder = NULL, wake = expires_at
     WHERE queue = :queue AND state = ${STORED.inFlight} AND ${LOST}`,
    at,
  );
  connection.run(
    `UPDATE message SET state = ${STORED.dead}, holder = NULL WHERE queue = :queue AND state = ${STORED.deadInFlight} AND ${LOST}`,
    at,
  );
  connection.run('DELETE FROM consumer WHERE queue = :queue AND lease_until <= :now', at);
  connection.run('UPDATE queue SET failed = failed + :failed WHERE id = :queue', {
    queue,
    failed: expired + spent + late + returned,
  });
}
