import type { Capabilities, Kind } from '../../contract/capabilities.ts';
import { type MqError, throwIfAborted } from '../../contract/errors.ts';
import type { Message } from '../../contract/message.ts';
import type {
  ConsumeOptions,
  Consumer,
  DeadLetters,
  NativeMove,
  NativeMoveRequest,
  Peek,
  PeekOptions,
  Publisher,
  PublisherOptions,
  PurgeOptions,
  PurgeResult,
  Queue,
  QueueDescription,
} from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { SQLITE_CAPABILITIES } from './capabilities.ts';
import { SqliteConsumer } from './consumer.ts';
import { DEAD_LETTERS } from './dead-letters.ts';
import { describe } from './describe.ts';
import type { Connection } from './file/connection.ts';
import type { QueueFile } from './file/queue-file.ts';
import { SqliteNativeMove } from './move.ts';
import { findMessage, SqlitePeek } from './peek.ts';
import { requireQueue, SqlitePublisher } from './publisher.ts';
import { purge } from './purge.ts';
import { NOT_THERE, type QueueFacts } from './rows/queue-facts.ts';
import { readStats } from './stats.ts';

export class SqliteQueue implements Queue {
  readonly name: string;
  readonly place: string;
  readonly kind: Kind = 'sqlite';
  readonly capabilities: Capabilities = SQLITE_CAPABILITIES;
  readonly file: QueueFile;
  readonly facts: QueueFacts;
  readonly #gone: MqError;

  /** `gone`: the error if the file disappeared under the handle. */
  constructor(file: QueueFile, facts: QueueFacts, gone: MqError) {
    this.file = file;
    this.facts = facts;
    this.name = facts.name;
    this.place = `sqlite:${file.path}#${facts.name}`;
    this.#gone = gone;
  }

  stats(signal: AbortSignal): Promise<QueueStats> {
    return this.#read(signal, (connection) => readStats(connection, this.facts));
  }

  describe(signal: AbortSignal): Promise<QueueDescription> {
    return this.#read(signal, (connection) => describe(connection, this.facts, this.file.path));
  }

  async publisher(options: PublisherOptions): Promise<Publisher> {
    if (this.facts.id !== NOT_THERE) await this.#read(options.signal, () => null);
    return new SqlitePublisher(this.file, this.facts, options);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    return new SqliteConsumer(this.file, this.facts, options);
  }

  async peek(options: PeekOptions): Promise<Peek> {
    return new SqlitePeek(this.file, this.facts, options);
  }

  get(id: string, signal: AbortSignal): Promise<Message | null> {
    return this.#read(signal, (connection) => findMessage(connection, this.facts, id));
  }

  purge(options: PurgeOptions): Promise<PurgeResult> {
    return purge(this.file, this.facts, options);
  }

  async pause(options: { readonly reason: string | null; readonly signal: AbortSignal }): Promise<void> {
    throwIfAborted(options.signal);
    await this.file.write((connection) => {
      requireQueue(connection, this.facts);
      connection.run(
        'UPDATE queue SET paused_at = coalesce(paused_at, :now), pause_reason = coalesce(:reason, pause_reason) WHERE id = :id',
        { id: this.facts.id, now: Date.now(), reason: options.reason?.toWellFormed() ?? null },
      );
    });
  }

  async resume(options: { readonly signal: AbortSignal }): Promise<void> {
    throwIfAborted(options.signal);
    await this.file.write((connection) => {
      requireQueue(connection, this.facts);
      connection.run('UPDATE queue SET paused_at = NULL, pause_reason = NULL WHERE id = :id', { id: this.facts.id });
    });
  }

  async deadLetters(signal: AbortSignal): Promise<DeadLetters> {
    throwIfAborted(signal);
    return DEAD_LETTERS;
  }

  async nativeMove(request: NativeMoveRequest): Promise<NativeMove | null> {
    const { to } = request;
    if (to === 'origin') return request.state === 'dead' ? this.#move(request, this.facts) : null;
    // Two brokers on one path are two connections to one file, which is fine; two files are not.
    if (
      !(to instanceof SqliteQueue) ||
      (to.file !== this.file && (to.file.inMemory || to.file.path !== this.file.path))
    )
      return null;
    return this.#move(request, to.facts);
  }

  #move(request: NativeMoveRequest, target: QueueFacts): Promise<NativeMove> {
    return SqliteNativeMove.begin(this.file, this.facts, target, request);
  }

  #read<T>(signal: AbortSignal, work: (connection: Connection) => T): Promise<T> {
    return this.file
      .read<{ readonly value: T } | null>((connection) => {
        throwIfAborted(signal);
        requireQueue(connection, this.facts);
        return { value: work(connection) };
      }, null)
      .then((found) => {
        if (found === null) throw this.#gone;
        return found.value;
      });
  }
}
