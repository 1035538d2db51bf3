import type { CreateOptions } from '../../contract/broker.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { JsonValue } from '../../contract/message.ts';
import { orAborted } from '../common/waits.ts';
import type { RabbitKind } from './management/queue-info.ts';
import type { Session } from './session/session.ts';

const TYPE: Readonly<Record<RabbitKind, string>> = { classic: 'classic', quorum: 'quorum', 'rabbit-stream': 'stream' };

/**
 * Declares the queue, durable, with its dead-letter queue through the default exchange. The dead-letter queue comes
 * first, so that a failure in between leaves no queue that drops its dead letters.
 */
export async function createQueue(session: Session, name: string, options: CreateOptions): Promise<void> {
  const kind = rabbitKind(options);
  const args = argumentsOf(name, kind, options);
  const { signal } = options;
  if (await exists(session, name, signal)) {
    throw new MqError('ALREADY_EXISTS', `there is a queue ${JSON.stringify(name)} already`, {
      backend: 'rabbitmq',
      operation: 'create',
      queue: name,
    });
  }
  const { deadLetterQueue } = options;
  if (deadLetterQueue !== null && !(await exists(session, deadLetterQueue, signal))) {
    await declare(session, deadLetterQueue, { 'x-queue-type': TYPE[kind] }, signal);
  }
  await declare(session, name, args, signal);
}

function rabbitKind({ kind }: CreateOptions): RabbitKind {
  if (kind === null || kind === 'quorum') return 'quorum';
  if (kind === 'classic' || kind === 'rabbit-stream') return kind;
  throw refused(`RabbitMQ has no queues of kind ${kind}`, 'its kinds are classic, quorum and rabbit-stream');
}

function argumentsOf(name: string, kind: RabbitKind, options: CreateOptions): Record<string, JsonValue> {
  const { deadLetterQueue, maxReceives, settings } = options;
  const args: Record<string, JsonValue> = { 'x-queue-type': TYPE[kind] };
  if (deadLetterQueue !== null) {
    if (kind === 'rabbit-stream') throw refused('a stream has no dead letters', 'leave out --dlq');
    if (deadLetterQueue === name) throw refused('a queue cannot be its own dead-letter queue', 'name another one');
    args['x-dead-letter-exchange'] = '';
    args['x-dead-letter-routing-key'] = deadLetterQueue;
  }
  if (maxReceives !== null) {
    if (kind !== 'quorum') throw refused(`kind ${kind} does not count deliveries`, 'create it with --kind quorum');
    // The broker kills a message that comes back once more than the limit says.
    args['x-delivery-limit'] = Math.max(0, maxReceives - 1);
  }
  for (const [key, value] of Object.entries(settings)) {
    if (!key.startsWith('x-'))
      throw refused(
        `RabbitMQ has no queue argument ${JSON.stringify(key)}`,
        'its arguments begin with x-, as in x-max-length',
      );
    args[key] = value;
  }
  return args;
}

async function exists(session: Session, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await session.declared(name, signal);
    return true;
  } catch (error) {
    if (isMqError(error) && error.code === 'QUEUE_NOT_FOUND') return false;
    throw error;
  }
}

async function declare(
  session: Session,
  name: string,
  args: Record<string, JsonValue>,
  signal: AbortSignal,
): Promise<void> {
  const where = { operation: 'create', queue: name };
  await session.ask(signal, (link) =>
    orAborted(
      link.onChannel(where, (channel) => channel.assertQueue(name, { durable: true, arguments: args })),
      signal,
    ),
  );
}

function refused(message: string, hint: string): MqError {
  return new MqError('USAGE', message, { hint, backend: 'rabbitmq', operation: 'create' });
}
