import type { CreateOptions } from '../../../contract/broker.ts';
import { MqError } from '../../../contract/errors.ts';
import type { JsonValue } from '../../../contract/message.ts';
import { isFifoName, isQueueName } from './names.ts';

/**
 * The settings that `CreateQueue` takes. `FifoQueue` and `RedrivePolicy` follow from the name and from `--dlq`.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
 */
const SETTINGS = new Set([
  'DelaySeconds',
  'MaximumMessageSize',
  'MessageRetentionPeriod',
  'Policy',
  'ReceiveMessageWaitTimeSeconds',
  'VisibilityTimeout',
  'RedriveAllowPolicy',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
  'SqsManagedSseEnabled',
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'FifoThroughputLimit',
]);
/** The console's own default. */
const DEFAULT_MAX_RECEIVES = 10;
/**
 * The longest that SQS allows: 14 days. A dead letter of a standard queue keeps its age, so a dead-letter queue must
 * keep messages longer than its source.
 */
const DEAD_LETTER_RETENTION_SECONDS = 1_209_600;

export interface CreationPlan {
  readonly fifo: boolean;
  readonly attributes: Readonly<Record<string, string>>;
  readonly deadLetterQueue: string | null;
  readonly deadLetterAttributes: Readonly<Record<string, string>>;
  readonly maxReceives: number;
}

/** Checks a request before anything is created. Throws `USAGE` or `NOT_SUPPORTED`. */
export function planCreation(name: string, options: Omit<CreateOptions, 'signal'>): CreationPlan {
  if (!isQueueName(name)) {
    throw refused('USAGE', name, 'not a name for an SQS queue: letters, digits, - and _, at most 80 characters');
  }
  const fifo = isFifoName(name);
  const { kind, deadLetterQueue, maxReceives } = options;
  if (kind !== null && kind !== 'standard' && kind !== 'fifo') {
    throw refused('NOT_SUPPORTED', name, `SQS has no queues of kind ${kind}`, 'its kinds are standard and fifo');
  }
  if (kind === 'fifo' && !fifo)
    throw refused('USAGE', name, 'the name of a FIFO queue ends in .fifo', `Use ${name}.fifo`);
  if (kind === 'standard' && fifo) throw refused('USAGE', name, 'a name that ends in .fifo makes a FIFO queue');
  if (deadLetterQueue !== null && (!isQueueName(deadLetterQueue) || isFifoName(deadLetterQueue) !== fifo)) {
    throw refused(
      'USAGE',
      name,
      `the dead-letter queue of a ${fifo ? 'FIFO' : 'standard'} queue must be a ${fifo ? 'FIFO' : 'standard'} queue`,
      fifo ? 'its name ends in .fifo' : undefined,
    );
  }
  if (deadLetterQueue === name) throw refused('USAGE', name, 'a queue cannot be its own dead-letter queue');
  if (maxReceives !== null && deadLetterQueue === null) {
    throw refused('USAGE', name, 'a number of receives needs a dead-letter queue', 'add --dlq NAME');
  }
  if (maxReceives !== null && (maxReceives < 1 || maxReceives > 1000)) {
    throw refused('USAGE', name, 'SQS allows 1 to 1000 receives');
  }
  const kindAttributes: Record<string, string> = fifo ? { FifoQueue: 'true' } : {};
  return {
    fifo,
    attributes: { ...kindAttributes, ...readSettings(name, options.settings) },
    deadLetterQueue,
    deadLetterAttributes: { ...kindAttributes, MessageRetentionPeriod: String(DEAD_LETTER_RETENTION_SECONDS) },
    maxReceives: maxReceives ?? DEFAULT_MAX_RECEIVES,
  };
}

function readSettings(name: string, settings: Readonly<Record<string, JsonValue>>): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [key, value] of Object.entries(settings)) {
    if (!SETTINGS.has(key)) {
      throw refused('USAGE', name, `SQS has no setting ${JSON.stringify(key)}`, `known: ${[...SETTINGS].join(', ')}`);
    }
    attributes[key] = typeof value === 'string' ? value : JSON.stringify(value);
  }
  return attributes;
}

function refused(code: 'USAGE' | 'NOT_SUPPORTED', queue: string, message: string, hint?: string): MqError {
  return new MqError(code, message, { backend: 'sqs', operation: 'create', queue, hint });
}
