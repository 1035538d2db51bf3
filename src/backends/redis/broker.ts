import type { Broker, Check, CreateOptions, ListOptions, QueuePattern } from '../../contract/broker.ts';
import type { Kind } from '../../contract/capabilities.ts';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { createBull, deleteBull } from './bullmq/lifecycle.ts';
import { serverChecks } from './checks.ts';
import type { Connection } from './connection.ts';
import { findQueue } from './find.ts';
import { deadLetterQueueOf, internalsOf } from './handle.ts';
import { takeOffRegister } from './list/convention.ts';
import { listQueues } from './listing.ts';
import { Replicas, replicatedQueue } from './replicas.ts';
import { asInteger, asText } from './reply.ts';
import type { RedisSettings } from './url.ts';

/** KEYS[1] the key, ARGV[1] the command that tells its length. Returns the length that went with it. */
const DELETE = `
local count = redis.call(ARGV[1], KEYS[1])
redis.call('UNLINK', KEYS[1])
return count
`;

export class RedisBroker implements Broker {
  readonly name = 'redis';
  readonly address: string;
  readonly #connection: Connection;
  /** Null: nothing decides by itself which server is the master. */
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

  /**
   * A stream with the group of `?group=` (else `mq`) reading from its start, or a BullMQ queue. A list cannot be
   * created: it exists from its first element on.
   */
  async create(name: string, options: CreateOptions): Promise<void> {
    throwIfAborted(options.signal);
    const kind = options.kind ?? this.#connection.settings.kind ?? 'stream';
    const place = { operation: 'create the queue', queue: name };
    const refused = Object.keys(options.settings)[0];
    if (refused !== undefined) throw usage(`Redis has no setting "${refused}" for a queue`, name);
    if (options.maxReceives !== null) {
      throw new MqError('NOT_SUPPORTED', `cannot create ${name}: Redis keeps no limit of deliveries with a queue`, {
        hint: 'BullMQ takes attempts with each message; for streams say what is dead with ?deadDeliveries=',
        backend: 'redis',
        queue: name,
      });
    }
    if (kind !== 'list') refuseForgottenLink(this.#connection.settings, name, kind, options.deadLetterQueue);
    if (kind === 'bullmq') return createBull(this.#connection, name, options.signal);
    if (kind !== 'stream') {
      throw new MqError('NOT_SUPPORTED', `cannot create ${name}: a Redis list exists from its first element on`, {
        hint: 'enqueue into it, with ?kind=list in the URL',
        backend: 'redis',
        operation: 'create',
        queue: name,
      });
    }
    for (const stream of [name, ...(options.deadLetterQueue === null ? [] : [options.deadLetterQueue])]) {
      const type = asText(await this.#connection.call(['TYPE', stream], place));
      if (type !== 'none') {
        if (stream !== name && type === 'stream') continue;
        throw new MqError('ALREADY_EXISTS', `the key ${stream} exists already (a ${type})`, {
          backend: 'redis',
          operation: 'create',
          queue: stream,
        });
      }
      await this.#connection.call(
        ['XGROUP', 'CREATE', stream, this.#connection.settings.group ?? 'mq', '0', 'MKSTREAM'],
        place,
      );
    }
  }

  async delete(name: string, signal: AbortSignal): Promise<number | null> {
    const queue = await findQueue(this.#connection, name, signal);
    const internals = internalsOf(queue);
    if (internals?.kind === 'bullmq') return deleteBull(this.#connection, name, signal);
    const place = { operation: 'delete the queue', queue: name };
    const isStream = internals?.kind === 'stream';
    const removed = asInteger(await this.#connection.script(DELETE, [name], [isStream ? 'XLEN' : 'LLEN'], place));
    if (!isStream) await takeOffRegister(this.#connection, name);
    return removed;
  }

  checks(signal: AbortSignal): AsyncIterable<Check> {
    return serverChecks(this.#connection, signal);
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}

/** Redis keeps no link between a queue and another: what the URL does not say would be forgotten with this command. */
function refuseForgottenLink(settings: RedisSettings, queue: string, kind: Kind, dlq: string | null): void {
  if (dlq === null || (kind === 'stream' && deadLetterQueueOf(settings, queue) === dlq)) return;
  const isBull = kind === 'bullmq';
  throw new MqError(
    'NOT_SUPPORTED',
    `cannot create ${queue} with a dead-letter queue: ${isBull ? 'BullMQ keeps dead letters in the queue itself, as its failed jobs' : 'Redis keeps no link between two streams'}`,
    {
      hint: isBull
        ? 'leave --dlq out'
        : 'name it in the URL, then here and in every command: ?dlq=NAME (* stands for the queue)',
      backend: 'redis',
      operation: 'create',
      queue,
    },
  );
}

function usage(message: string, queue: string): MqError {
  return new MqError('USAGE', message, { backend: 'redis', operation: 'create', queue });
}
