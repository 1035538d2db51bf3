import { formatInstant, readInstant } from '../../contract/instant.ts';
import type { JsonValue } from '../../contract/message.ts';
import type { QueueDescription } from '../../contract/queue.ts';
import { count, parseJsonObject, type QueueAttributes, redrivePolicy } from './queues/facts.ts';
import { isFifoName } from './queues/names.ts';
import { isPaused } from './queues/pause-policy.ts';

interface Facts {
  readonly name: string;
  readonly url: string;
  readonly attributes: QueueAttributes;
  /** Null: the caller may not know. */
  readonly sources: readonly string[] | null;
  readonly tags: Readonly<Record<string, JsonValue>> | null;
}

/** Attributes that change by themselves or are shown elsewhere. */
const NOT_CONFIGURATION = new Set([
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesNotVisible',
  'ApproximateNumberOfMessagesDelayed',
  'QueueArn',
  'CreatedTimestamp',
  'LastModifiedTimestamp',
]);
const JSON_ATTRIBUTES = new Set(['Policy', 'RedrivePolicy', 'RedriveAllowPolicy']);

export function describeQueue({ name, url, attributes, sources, tags }: Facts): QueueDescription {
  const configuration: Record<string, JsonValue> = {};
  for (const [key, text] of Object.entries(attributes)) {
    if (text !== undefined && !NOT_CONFIGURATION.has(key)) configuration[key] = readable(key, text);
  }
  const policy = redrivePolicy(attributes);
  const isDeadLetterQueue = sources !== null && sources.length > 0;
  return {
    configuration,
    details: {
      arn: attributes.QueueArn ?? null,
      url,
      createdAt: instant(attributes.CreatedTimestamp),
      lastModifiedAt: instant(attributes.LastModifiedTimestamp),
      paused: isPaused(attributes.Policy),
      deadLetterQueue: policy?.deadLetterArn ?? null,
      maxReceiveCount: policy?.maxReceiveCount ?? null,
      deadLetterSources: sources === null ? null : [...sources],
      retentionSeconds: count(attributes.MessageRetentionPeriod),
      expiry: expiryRule(name, isDeadLetterQueue),
      tags,
    },
    // SQS does not know who receives.
    consumers: null,
  };
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html */
function expiryRule(name: string, isDeadLetterQueue: boolean): string {
  if (!isDeadLetterQueue) return 'a message is deleted when its retention has passed since it was sent';
  return isFifoName(name)
    ? 'a dead letter is deleted when this queue’s retention has passed since it died'
    : 'a dead letter is deleted when this queue’s retention has passed since it was first sent, not since it died';
}

function readable(key: string, text: string): JsonValue {
  if (JSON_ATTRIBUTES.has(key)) return (parseJsonObject(text) as JsonValue | null) ?? text;
  if (text === 'true' || text === 'false') return text === 'true';
  return count(text) ?? text;
}

/** SQS gives seconds since the epoch. */
function instant(text: string | undefined): string | null {
  const seconds = count(text);
  return formatInstant(readInstant(seconds, 'seconds').at);
}
