import type { CreateOptions } from '../../contract/broker.ts';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { QueueFile } from './file/queue-file.ts';
import { findQueue, insertQueue } from './rows/queue-facts.ts';

const DEFAULT_MAX_RECEIVES = 3;
const DEFAULT_LEASE_MS = 30_000;
/**
 * A shorter lease would run out while a busy process works. A longer one would keep a dead process's messages from
 * everyone.
 */
const SHORTEST_LEASE_MS = 100;
const LONGEST_LEASE_MS = 24 * 3_600_000;

/** Throws `ALREADY_EXISTS`, and the errors of `settingsOf`. */
export async function createQueue(file: QueueFile, name: string, options: CreateOptions): Promise<void> {
  throwIfAborted(options.signal);
  const { maxReceives, leaseMs } = settingsOf(name, options);
  await file.write((connection) => {
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

/**
 * Checks the settings of a new queue. The setting `leaseMs`: how long a consumer that died keeps its messages; 30,000
 * by default. Throws `USAGE` or `NOT_SUPPORTED`.
 */
export function settingsOf(
  name: string,
  options: Omit<CreateOptions, 'signal'>,
): { readonly maxReceives: number; readonly leaseMs: number } {
  const wrong = (message: string, hint?: string): MqError =>
    new MqError('USAGE', message, { hint, backend: 'sqlite', operation: 'create', queue: name });
  if (name === '' || !name.isWellFormed() || name.includes('\0'))
    throw wrong('the name of a queue must be Unicode text without NUL, and not empty');
  if (options.kind !== null && options.kind !== 'sqlite')
    throw wrong(`a sqlite file has no queues of kind ${options.kind}`);
  if (options.deadLetterQueue !== null && options.deadLetterQueue !== name) {
    throw new MqError('NOT_SUPPORTED', 'a sqlite queue keeps its dead letters itself, as a state', {
      hint: 'leave the dead-letter queue out; peek --dead, redrive and purge --dead work on the queue itself',
      backend: 'sqlite',
      operation: 'create',
      queue: name,
    });
  }
  for (const key of Object.keys(options.settings)) {
    if (key !== 'leaseMs') throw wrong(`unknown setting ${key}`, 'a sqlite queue has the setting leaseMs');
  }
  const maxReceives = options.maxReceives ?? DEFAULT_MAX_RECEIVES;
  if (!Number.isSafeInteger(maxReceives) || maxReceives < 1)
    throw wrong('the number of deliveries must be a whole number of at least 1');
  const leaseMs = options.settings.leaseMs ?? DEFAULT_LEASE_MS;
  if (
    typeof leaseMs !== 'number' ||
    !Number.isInteger(leaseMs) ||
    leaseMs < SHORTEST_LEASE_MS ||
    leaseMs > LONGEST_LEASE_MS
  ) {
    throw wrong(`leaseMs must be a whole number of milliseconds from ${SHORTEST_LEASE_MS} to ${LONGEST_LEASE_MS}`);
  }
  return { maxReceives, leaseMs };
}
