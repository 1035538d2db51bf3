import type { Broker, Check, CreateOptions, ListOptions, QueuePattern } from '../../contract/broker.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { Fresh } from '../common/fresh.ts';
import { namesOnly } from '../common/globs.ts';
import { brokerChecks } from './checks.ts';
import { createQueue } from './create.ts';
import { deleteQueue } from './delete.ts';
import { listQueues } from './list.ts';
import { readNames } from './listing/read-list.ts';
import { StreamQueue, WorkQueue } from './queue.ts';
import type { Session } from './session/session.ts';
import { probeQueue } from './topology/probe.ts';

export class RabbitBroker implements Broker {
  readonly name = 'rabbitmq';
  readonly address: string;
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
    this.address = session.address.label;
  }

  async *queues(pattern: QueuePattern, options: ListOptions): AsyncIterable<QueueStats> {
    const [only, ...others] = namesOnly(pattern.globs) ?? [];
    if (only !== undefined && others.length === 0 && pattern.matches(only)) {
      try {
        yield await (await this.#open(only, options.signal)).stats(options.signal);
      } catch (error) {
        if (!isMqError(error) || error.code !== 'QUEUE_NOT_FOUND') throw error;
      }
      return;
    }
    yield* listQueues(this.#session, pattern, options);
  }

  names(signal: AbortSignal): Promise<readonly string[]> {
    return readNames(this.#session, signal);
  }

  queue(name: string, signal: AbortSignal): Promise<Queue> {
    return this.#open(name, signal);
  }

  /**
   * If the answers cannot be read, the queue is opened as `classic`: its ways are right for `quorum` too, except for
   * the counts. Actions that could do harm are then refused.
   */
  async #open(name: string, signal: AbortSignal): Promise<Queue> {
    assertName(name, 'QUEUE_NOT_FOUND');
    // Both are asked at the same time: AMQP says whether the queue exists, the management API what it is.
    const [looked, live] = await Promise.all([
      this.#session.lookUp(name, signal),
      this.#session.declared(name, signal),
    ]);
    const probed = looked.status === 'found' ? undefined : await probeQueue(this.#session, name, signal);
    const kind = looked.status === 'found' ? looked.info.kind : (probed?.kind ?? 'classic');
    const opening = new Fresh({ looked, live, ...(probed !== undefined && { probed }) });
    const place = { session: this.#session, name, opening };
    return kind === 'rabbit-stream' ? new StreamQueue(place, kind) : new WorkQueue(place, kind);
  }

  async create(name: string, options: CreateOptions): Promise<void> {
    assertName(name, 'USAGE');
    await createQueue(this.#session, name, options);
  }

  async delete(name: string, signal: AbortSignal): Promise<number | null> {
    assertName(name, 'QUEUE_NOT_FOUND');
    return await deleteQueue(this.#session, name, signal);
  }

  checks(signal: AbortSignal): AsyncIterable<Check> {
    return brokerChecks(this.#session, signal);
  }

  close(): Promise<void> {
    return this.#session.close();
  }
}

/**
 * Names are short strings in the protocol: at most 255 bytes. The broker removes line breaks from the names that it
 * declares, purges and deletes, so a name with a line break would mean another queue.
 */
function assertName(name: string, code: 'QUEUE_NOT_FOUND' | 'USAGE'): void {
  const bytes = Buffer.byteLength(name, 'utf8');
  const details = { backend: 'rabbitmq', queue: name } as const;
  if (bytes === 0) throw new MqError('USAGE', 'a queue name cannot be empty', details);
  if (!name.isWellFormed())
    throw new MqError('USAGE', 'a queue name cannot hold half of a character (an unpaired surrogate)', details);
  if (bytes > 255)
    throw new MqError('USAGE', `a RabbitMQ queue name has at most 255 bytes; this one has ${bytes}`, details);
  if (/[\r\n]/.test(name)) {
    throw new MqError(
      code,
      `there is no queue ${JSON.stringify(name)}: a name cannot hold a line break on RabbitMQ`,
      details,
    );
  }
}
