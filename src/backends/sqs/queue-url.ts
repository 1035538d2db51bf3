import { MqError } from '../../contract/errors.ts';
import type { SqsApi } from './api.ts';

/** Asks SQS for the URL of a queue. `account`: its owner; null: the caller's own. Throws `QUEUE_NOT_FOUND`. */
export async function urlOfName(
  { api, account }: { readonly api: SqsApi; readonly account: string | null },
  name: string,
  signal: AbortSignal,
): Promise<string> {
  const answer = await api.getQueueUrl(
    { QueueName: name, ...(account === null ? {} : { QueueOwnerAWSAccountId: account }) },
    { queue: name, signal },
  );
  if (answer.QueueUrl !== undefined) return answer.QueueUrl;
  throw new MqError('UNEXPECTED_RESPONSE', 'SQS gave no URL for the queue', { backend: 'sqs', queue: name });
}
