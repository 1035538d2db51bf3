import type { Check } from '../../contract/broker.ts';
import { isMqError, throwIfAborted } from '../../contract/errors.ts';
import { clockCheck } from '../common/clock.ts';
import type { SqsApi } from './api/client.ts';
import { NOBODYS_RECEIPT } from './leases/rights.ts';

/** The queue whose rights are checked: on SQS they are per queue. */
export interface AskedQueue {
  readonly name: string;
  readonly url: string;
}

type Question = (api: SqsApi, queue: AskedQueue, signal: AbortSignal) => Promise<unknown>;

interface Right {
  readonly name: string;
  /** Without `sqs:`. */
  readonly action: string;
  readonly verbs: string;
  /**
   * A call of the action that cannot change anything on any server. `proves`: if it is not denied, the action is
   * allowed. Null: the action has no such call, so nothing can be known.
   */
  readonly ask: Question | null;
  readonly proves: boolean;
}

/**
 * The source for these: "Based on the policy evaluation result, Amazon SQS either returns an Access denied error to the
 * requester or continues to process the request" (SQS developer guide, "Access control process workflow"). So an answer
 * of 200 that calls a receipt invalid, or ignores it, comes after the policies allowed the action. The batch actions
 * need the right of the single ones (same guide, "API permissions"). A request that was refused as malformed (an empty
 * batch, 0 messages) may have been refused before the policies were checked: the guide does not say. It can show that
 * the action is denied, and never that it is allowed.
 */
const RIGHTS: readonly Right[] = [
  {
    name: 'may look',
    action: 'GetQueueAttributes',
    verbs: 'stats, inspect, and whatever opens a queue',
    ask: (api, { name, url }, signal) => api.getQueueAttributes(url, { queue: name, signal }),
    proves: true,
  },
  {
    name: 'may find sources',
    action: 'ListDeadLetterSourceQueues',
    verbs: 'redrive of a dead-letter queue by its own name',
    ask: (api, { name, url }, signal) => api.listSources({ QueueUrl: url, MaxResults: 1 }, { queue: name, signal }),
    proves: true,
  },
  {
    name: 'may send',
    action: 'SendMessage',
    verbs: 'enqueue, and the target of redrive, move and copy',
    ask: (api, { name, url }, signal) =>
      api.sendBatch({ QueueUrl: url, Entries: [] }, { queue: name, signal, repeatable: false }),
    proves: false,
  },
  {
    name: 'may receive',
    action: 'ReceiveMessage',
    verbs: 'peek, drain, and the source of redrive, move and copy',
    // Three values are out of range, so that a server that is lenient with one still refuses.
    ask: (api, { name, url }, signal) =>
      api.receive(
        { QueueUrl: url, MaxNumberOfMessages: 0, VisibilityTimeout: -1, WaitTimeSeconds: -1 },
        { queue: name, signal },
      ),
    proves: false,
  },
  {
    name: 'may give back',
    action: 'ChangeMessageVisibility',
    verbs: 'peek, drain, redrive, move and copy: what was held is free again at once',
    ask: (api, { name, url }, signal) =>
      api.changeVisibilityBatch(
        { QueueUrl: url, Entries: [{ Id: '0', ReceiptHandle: NOBODYS_RECEIPT, VisibilityTimeout: 0 }] },
        { queue: name, signal },
      ),
    proves: true,
  },
  {
    name: 'may remove',
    action: 'DeleteMessage',
    verbs: 'drain, filtered purge, and the source of redrive and move',
    ask: (api, { name, url }, signal) =>
      api.deleteBatch(
        { QueueUrl: url, Entries: [{ Id: '0', ReceiptHandle: NOBODYS_RECEIPT }] },
        { queue: name, signal },
      ),
    proves: true,
  },
  { name: 'may purge', action: 'PurgeQueue', verbs: 'purge of all', ask: null, proves: false },
  { name: 'may create', action: 'CreateQueue', verbs: 'create', ask: null, proves: false },
  { name: 'may delete', action: 'DeleteQueue', verbs: 'delete', ask: null, proves: false },
  {
    name: 'may start move tasks',
    action: 'StartMessageMoveTask',
    verbs: 'redrive by SQS itself',
    ask: null,
    proves: false,
  },
];

/**
 * The clock, and the rights on one queue; null: there is no queue to check. Changes nothing, and says `unknown` instead
 * of guessing.
 */
export async function* queueChecks(
  api: SqsApi,
  queue: AskedQueue | null,
  signal: AbortSignal,
): AsyncGenerator<Check, void, undefined> {
  yield clockCheck(api.serverClock, 'the answers of this server carry no date');
  for (const right of RIGHTS) {
    throwIfAborted(signal);
    yield await rightCheck(api, queue, right, signal);
  }
}

async function rightCheck(api: SqsApi, queue: AskedQueue | null, right: Right, signal: AbortSignal): Promise<Check> {
  const { name, action, verbs, ask, proves } = right;
  const unknown = (why: string): Check => ({
    name,
    status: 'skipped',
    detail: `unknown: ${why} (sqs:${action}: ${verbs})`,
    hint: null,
  });
  if (ask === null) return unknown('this right cannot be asked about without using it');
  if (queue === null) return unknown('no queue to ask about; name one with --queue');
  try {
    await ask(api, queue, signal);
  } catch (error) {
    if (!isMqError(error)) throw error;
    switch (error.code) {
      case 'ABORTED':
        throw error;
      case 'PERMISSION_DENIED':
        return { name, status: 'warning', detail: `${error.message} on ${queue.name} (${verbs})`, hint: error.hint };
      case 'PRECONDITION_FAILED':
        // The receipt was refused, so the request was processed.
        if (proves) break;
        return unknown(`not denied on ${queue.name}, but SQS may have refused the question before it looked at rights`);
      case 'QUEUE_NOT_FOUND':
      case 'UNAVAILABLE':
      case 'UNAUTHENTICATED':
      case 'THROTTLED':
      case 'TIMEOUT':
        return { name, status: 'failed', detail: `${error.message} (sqs:${action})`, hint: error.hint };
      default:
        return unknown(
          proves
            ? `the server refused the question on ${queue.name}`
            : `not denied on ${queue.name}, but SQS may have refused the question before it looked at rights`,
        );
    }
  }
  if (proves) return { name, status: 'ok', detail: `${verbs} (sqs:${action} on ${queue.name})`, hint: null };
  return unknown(`not denied on ${queue.name}, but the answer proves no more`);
}
