import { isMqError, MqError } from '../../../contract/errors.ts';
import type { QueuePlace } from '../queues/place.ts';

/** A receipt that SQS never gave out: nothing can be deleted or released by it. */
export const NOBODYS_RECEIPT = 'mq-asks-about-rights';

/**
 * Asked before the first message is taken: if nothing may be deleted, each run of a move would only make copies. "Based
 * on the policy evaluation result, Amazon SQS either returns an Access denied error to the requester or continues to
 * process the request" (SQS developer guide). So an impossible receipt shows whether the action is denied. Any other
 * result proves nothing and is ignored.
 */
export async function requireRightToRemove(
  { api, url, name }: Pick<QueuePlace, 'api' | 'url' | 'name'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    await api.deleteBatch(
      { QueueUrl: url, Entries: [{ Id: '0', ReceiptHandle: NOBODYS_RECEIPT }] },
      { queue: name, signal },
    );
  } catch (error) {
    if (!isMqError(error) || signal.aborted) throw error;
    if (error.code !== 'PERMISSION_DENIED') return;
    throw new MqError('PERMISSION_DENIED', `nothing was taken: ${error.message} on ${name}`, {
      backend: 'sqs',
      operation: 'DeleteMessage',
      queue: name,
      hint: 'taking messages out of a queue needs the right to delete them there; copy does not. Allow sqs:DeleteMessage on it.',
      cause: error.cause,
    });
  }
}
