import { setImmediate } from 'node:timers/promises';
import type { Broker, Check, CreateOptions, ListOptions, QueuePattern } from '../../contract/broker.ts';
import { isMqError, MqError, throwIfAborted } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { SQLITE_CAPABILITIES } from './capabilities.ts';
import type { Connection } from './connection.ts';
import { FACTS, findQueue, insertQueue, NOT_THERE, type QueueFacts, toFacts } from './facts.ts';
import { fileChecks } from './file-checks.ts';
import { SqliteQueue } from './queue.ts';
import type { QueueFile } from './queue-file.ts';
import { removeQueue, sweep } from './removal.ts';
import { settingsOf } from './settings.ts';
import { readStats, unreadableStats } from './stats.ts';

export class SqliteBroker implements Broker {
  readonly name = SQLITE_CAPABILITIES.broker;
  readonly address: string;
  readonly #file: QueueFile;

  constructor(file: QueueFile) {
    this.#file = file;
    this.address = `sqlite:${file.path}`;
  }

  /** What cannot be read of one queue costs its own figures, and is said. */
  async *queues(pattern: QueuePattern, { signal, notice }: ListOptions): AsyncGenerator<QueueStats, void, undefined> {
    throwIfAborted(signal);
    const all = await this.#file.read((connection) => connection.all(`${FACTS} ORDER BY name`).map(toFacts), []);
    for (const facts of all) {
      if (!pattern.matches(facts.name)) continue;
      throwIfAborted(signal);
      try {
        const stats = await this.#file.read(
          (connection) => (isThere(connection, facts) ? readStats(connection, facts) : null),
          null,
        );
        if (stats !== null) yield stats;
      } catch (error) {
        if (!isMqError(error) || error.code !== 'UNEXPECTED_RESPONSE') throw error;
        notice(`${facts.name} cannot be read: ${error.message}`);
        yield unreadableStats(facts.name, error.message);
      }
      await setImmediate();
    }
  }

  async queue(name: string, signal: AbortSignal): Promise<Queue> {
    throwIfAborted(signal);
    const facts = await this.#file.read((connection) => findQueue(connection, name), null);
    if (facts === null) throw this.#notFound(name);
    return new SqliteQueue(this.#file, facts, this.#notFound(name));
  }

  queueToMake(name: string): Queue {
    const { maxReceives, leaseMs } = settingsOf(name, NO_SETTINGS);
    return new SqliteQueue(this.#file, { id: NOT_THERE, name, maxReceives, leaseMs }, this.#notFound(name));
  }

  /** Settings: `leaseMs`, how long a consumer that died keeps its messages; default 30,000. */
  async create(name: string, options: CreateOptions): Promise<void> {
    throwIfAborted(options.signal);
    const { maxReceives, leaseMs } = settingsOf(name, options);
    await this.#file.write((connection) => {
      if (findQueue(connection, name) !== null) {
        throw new MqError('ALREADY_EXISTS', `queue ${name} already exists`, {
          backend: 'sqlite',
          operation: 'create',
          queue: name,
        });
      }
      insertQueue(connection, { name, maxReceives, leaseMs });
    });
  }

  /** A file that is not there yet is none to complain of: the first message makes it. */
  async *checks(signal: AbortSignal): AsyncGenerator<Check, void, undefined> {
    throwIfAborted(signal);
    if (this.#file.inMemory) {
      yield { name: 'file', status: 'ok', detail: 'in memory: gone when the command ends', hint: null };
      return;
    }
    yield* fileChecks(this.#file.path);
    const clock = { name: 'clock', status: 'ok', hint: null } as const;
    yield { ...clock, detail: "the machine's own: there is nothing to differ from" };
  }

  /**
   * What consumers hold at that moment is lost too: their acks are rejected. The queue is gone at once, whatever
   * happens after; an abort only leaves some of the work of freeing the space to the next `delete` or `purge` in the
   * file.
   */
  async delete(name: string, signal: AbortSignal): Promise<number> {
    throwIfAborted(signal);
    // Asked first by reading, so that deleting from a file that does not exist does not create it.
    if ((await this.#file.read((connection) => findQueue(connection, name), null)) === null) throw this.#notFound(name);
    const lost = await this.#file.write((connection) => {
      const found = findQueue(connection, name);
      if (found === null) throw this.#notFound(name);
      return removeQueue(connection, found.id);
    });
    await sweep(this.#file, signal);
    return lost;
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #notFound(name: string): MqError {
    return new MqError('QUEUE_NOT_FOUND', `no queue ${name} in ${this.address}`, { backend: 'sqlite', queue: name });
  }
}

const NO_SETTINGS = { kind: null, deadLetterQueue: null, maxReceives: null, settings: {} };

function isThere(connection: Connection, { id }: QueueFacts): boolean {
  return connection.find('SELECT 1 AS here FROM queue WHERE id = :id', { id }) !== null;
}
