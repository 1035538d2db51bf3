import { formatInstant } from '../../contract/instant.ts';
import type { QueueDescription } from '../../contract/queue.ts';
import type { Connection } from './file/connection.ts';
import { SCHEMA_VERSION } from './file/schema.ts';
import type { QueueFacts } from './rows/queue-facts.ts';

export function describe(connection: Connection, queue: QueueFacts, path: string): QueueDescription {
  const now = Date.now();
  const own = connection.one('SELECT created_at, paused_at, pause_reason FROM queue WHERE id = :id', { id: queue.id });
  const pausedAt = own.integerOrNull('paused_at');
  const holders = connection.all(
    `SELECT id, takes, pid, host, since, lease_until,
       (SELECT count(*) FROM message WHERE message.queue = :queue AND holder = consumer.id) AS held
     FROM consumer WHERE queue = :queue AND lease_until > :now ORDER BY id`,
    { queue: queue.id, now },
  );
  return {
    configuration: { maxReceives: queue.maxReceives, leaseMs: queue.leaseMs },
    details: {
      file: path,
      format: SCHEMA_VERSION,
      sqlite: connection.one('SELECT sqlite_version() AS version').text('version'),
      createdAt: formatInstant(own.integer('created_at')),
      pausedAt: formatInstant(pausedAt),
      pauseReason: own.textOrNull('pause_reason'),
    },
    consumers: holders.map((row) => ({
      pid: row.integer('pid'),
      host: row.text('host'),
      takes: row.text('takes'),
      held: row.integer('held'),
      since: formatInstant(row.integer('since')),
      leaseUntil: formatInstant(row.integer('lease_until')),
    })),
  };
}
