import type { JsonValue } from '../../../contract/message.ts';
import { parseArn } from './names.ts';

/** The attributes of a queue as SQS gives them: text by name. */
export type QueueAttributes = Readonly<Partial<Record<string, string>>>;

export interface RedrivePolicy {
  readonly deadLetterArn: string;
  readonly deadLetterQueue: string;
  readonly maxReceiveCount: number;
}

/** The destination of a queue's dead letters; null if there is none, or if the policy cannot be read. */
export function redrivePolicy(attributes: QueueAttributes): RedrivePolicy | null {
  const policy = parseJsonObject(attributes.RedrivePolicy);
  if (policy === null) return null;
  const { deadLetterTargetArn, maxReceiveCount } = policy;
  // The count is a number or text, as the caller of SetQueueAttributes wrote it.
  const count = typeof maxReceiveCount === 'string' ? Number(maxReceiveCount) : maxReceiveCount;
  const arn = typeof deadLetterTargetArn === 'string' ? parseArn(deadLetterTargetArn) : null;
  if (
    typeof deadLetterTargetArn !== 'string' ||
    arn === null ||
    typeof count !== 'number' ||
    !Number.isSafeInteger(count)
  ) {
    return null;
  }
  return { deadLetterArn: deadLetterTargetArn, deadLetterQueue: arn.name, maxReceiveCount: count };
}

export function retentionMs(attributes: QueueAttributes): number | null {
  const seconds = count(attributes.MessageRetentionPeriod);
  return seconds === null ? null : seconds * 1000;
}

/** A number that SQS wrote; null if it did not. */
export function count(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

export function parseJsonObject(text: string | undefined): Readonly<Record<string, JsonValue | undefined>> | null {
  if (text === undefined || text === '') return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, JsonValue | undefined>>)
      : null;
  } catch {
    return null;
  }
}
