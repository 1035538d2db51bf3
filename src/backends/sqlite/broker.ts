import type { Broker, Check, CreateOptions, ListOptions, QueuePattern } from '../../contract/broker.ts';
import { throwIfAborted } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { SQLITE_CAPABILITIES } from './capabilities.ts';
import { fileChecks } from './checks.ts';
import { createQueue, settingsOf } from './create.ts';
import { deleteQueue } from './delete.ts';
import { noQueue } from './errors.ts';
import type { QueueFile } from './file/queue-file.ts';
import { listQueues } from './list.ts';
import { SqliteQueue } from './queue.ts';
import { Marks } from './rows/marks.ts';
import { findQueue, NOT_THERE } from './rows/queue-facts.ts';

export class SqliteBroker implements Broker {
  readonly name = SQLITE_CAPABILITIES.broker;
  readonly address: string;
  readonly #file: QueueFile;
  readonly #marks: Marks;

  constructor(file: QueueFile) {
    this.#file = file;
    this.#marks = new Marks(file);
    this.address = `sqlite:${file.path}`;
  }

  queues(pattern: QueuePattern, options: ListOptions): AsyncGenerator<QueueStats, void, undefined> {
    return listQueues(this.#file, pattern, options);
  }

  async mark(signal: AbortSignal): Promise<string | null> {
    throwIfAborted(signal);
    return this.#marks.now();
  }

  async queue(name: string, signal: AbortSignal): Promise<Queue> {
    throwIfAborted(signal);
    const facts = await this.#file.read((connection) => findQueue(connection, name), null);
    if (facts === null) throw noQueue(name, this.#file.path);
    return new SqliteQueue(this.#file, facts, noQueue(name, this.#file.path));
  }

  queueToMake(name: string): Queue {
    const { maxReceives, leaseMs } = settingsOf(name, NO_SETTINGS);
    return new SqliteQueue(this.#file, { id: NOT_THERE, name, maxReceives, leaseMs }, noQueue(name, this.#file.path));
  }

  /** Settings: `leaseMs`, how long a consumer that died keeps its messages; default 30,000. */
  create(name: string, options: CreateOptions): Promise<void> {
    return createQueue(this.#file, name, options);
  }

  checks(signal: AbortSignal): AsyncGenerator<Check, void, undefined> {
    return fileChecks(this.#file, signal);
  }

  delete(name: string, signal: AbortSignal): Promise<number> {
    return deleteQueue(this.#file, name, signal);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

const NO_SETTINGS = { kind: null, deadLetterQueue: null, maxReceives: null, settings: {} };
