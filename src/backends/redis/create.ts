import type { CreateOptions } from '../../contract/broker.ts';
import type { Kind } from '../../contract/capabilities.ts';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import { createBull } from './bullmq/create.ts';
import type { Connection } from './connection/connection.ts';
import { asText } from './connection/reply.ts';
import { deadLetterQueueOf } from './handle.ts';
import type { RedisSettings } from './url.ts';

/**
 * Creates a stream with the group of `?group=` (else `mq`) that reads from its start, or a BullMQ queue. A list cannot
 * be created: it exists from its first element on.
 */
export async function createQueue(connection: Connection, name: string, options: CreateOptions): Promise<void> {
  throwIfAborted(options.signal);
  const kind = options.kind ?? connection.settings.kind ?? 'stream';
  const place = { operation: 'create the queue', queue: name };
  const refused = Object.keys(options.settings)[0];
  if (refused !== undefined) throw usage(`Redis has no setting "${refused}" for a queue`, name);
  if (options.maxReceives !== null) {
    throw new MqError('NOT_SUPPORTED', `cannot create ${name}: Redis keeps no limit of deliveries with a queue`, {
      hint: 'BullMQ takes attempts with each message; for streams, ?deadDeliveries= says when an entry is dead',
      backend: 'redis',
      queue: name,
    });
  }
  if (kind !== 'list') refuseForgottenLink(connection.settings, name, kind, options.deadLetterQueue);
  if (kind === 'bullmq') return createBull(connection, name, options.signal);
  if (kind !== 'stream') {
    throw new MqError('NOT_SUPPORTED', `cannot create ${name}: a Redis list exists from its first element on`, {
      hint: 'enqueue into it, with ?kind=list in the URL',
      backend: 'redis',
      operation: 'create',
      queue: name,
    });
  }
  for (const stream of [name, ...(options.deadLetterQueue === null ? [] : [options.deadLetterQueue])]) {
    const type = asText(await connection.call(['TYPE', stream], place));
    if (type !== 'none') {
      if (stream !== name && type === 'stream') continue;
      throw new MqError('ALREADY_EXISTS', `the key ${stream} exists already (a ${type})`, {
        backend: 'redis',
        operation: 'create',
        queue: stream,
      });
    }
    await connection.call(['XGROUP', 'CREATE', stream, connection.settings.group ?? 'mq', '0', 'MKSTREAM'], place);
  }
}

/** Redis keeps no link from a queue to another: a link that is not in the URL would be forgotten after this command. */
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
