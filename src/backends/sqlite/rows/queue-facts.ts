import type { Connection, Row } from '../file/connection.ts';

/** The facts of a queue that never change after its creation. */
export interface QueueFacts {
  /** `NOT_THERE`: its first message creates it. */
  readonly id: number;
  readonly name: string;
  /** Deliveries before a message is dead. */
  readonly maxReceives: number;
  readonly leaseMs: number;
}

/** No queue has this id: SQLite counts from 1. */
export const NOT_THERE = 0;

export const FACTS = 'SELECT id, name, max_receives, lease_ms FROM queue';

export function findQueue(connection: Connection, name: string): QueueFacts | null {
  // Without this, SQLite would replace characters that it cannot write by U+FFFD, and find another queue.
  if (!name.isWellFormed()) return null;
  const row = connection.find(`${FACTS} WHERE name = :name`, { name });
  return row === null ? null : toFacts(row);
}

/** Returns its id. Only inside a transaction. */
export function insertQueue(connection: Connection, { name, maxReceives, leaseMs }: Omit<QueueFacts, 'id'>): number {
  return connection
    .one(
      'INSERT INTO queue (name, max_receives, lease_ms, created_at) VALUES (:name, :maxReceives, :leaseMs, :now) RETURNING id',
      { name, maxReceives, leaseMs, now: Date.now() },
    )
    .integer('id');
}

export function toFacts(row: Row): QueueFacts {
  return {
    id: row.integer('id'),
    name: row.text('name'),
    maxReceives: row.integer('max_receives'),
    leaseMs: row.integer('lease_ms'),
  };
}
