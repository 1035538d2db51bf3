import type { Broker, Check, CreateOptions, ListOptions, QueuePattern } from '../../contract/broker.ts';
import type { Queue } from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { serverChecks } from './checks.ts';
import type { Connection } from './connection/connection.ts';
import { createQueue } from './create.ts';
import { deleteQueue } from './delete.ts';
import { findQueue } from './find.ts';
import { listQueues } from './list.ts';
import { Replicas } from './replication/replicas.ts';
import { replicatedQueue } from './replication/replicated-queue.ts';

export class RedisBroker implements Broker {
  readonly name = 'redis';
  readonly address: string;
  readonly #connection: Connection;
  /** Null: the master never changes by itself. */
  readonly #replicas: Replicas | null;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#replicas = typeof connection.settings.topology === 'object' ? new Replicas(connection) : null;
    this.address = connection.settings.address;
  }

  queues(pattern: QueuePattern, options: ListOptions): AsyncIterable<QueueStats> {
    return listQueues(this.#connection, pattern, options);
  }

  async queue(name: string, signal: AbortSignal): Promise<Queue> {
    const queue = await findQueue(this.#connection, name, signal);
    return this.#replicas === null ? queue : replicatedQueue(queue, this.#replicas);
  }

  create(name: string, options: CreateOptions): Promise<void> {
    return createQueue(this.#connection, name, options);
  }

  delete(name: string, signal: AbortSignal): Promise<number | null> {
    return deleteQueue(this.#connection, name, signal);
  }

  checks(signal: AbortSignal): AsyncIterable<Check> {
    return serverChecks(this.#connection, signal);
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}
