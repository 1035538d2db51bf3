import { setTimeout as wait } from 'node:timers/promises';
import type { CreateOptions } from '../../contract/broker.ts';
import { isMqError, MqError, throwIfAborted } from '../../contract/errors.ts';
import type { SqsApi } from './api/client.ts';
import { isTargetUnknown } from './errors.ts';
import { type CreationPlan, planCreation } from './queues/creation.ts';
import type { QueueAttributes } from './queues/facts.ts';
import { urlOfName } from './queues/queue-url.ts';

/**
 * "After you create a queue, you must wait at least one second after the queue is created to be able to use the queue":
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
 */
const PATIENCE_MS = 15_000;
const PAUSE_MS = 250;

interface Place {
  readonly api: SqsApi;
  /** The account of the new queue; null: the caller’s own. */
  readonly account: string | null;
}

/**
 * A missing dead-letter queue is created first, then the queue with its link. If the second call fails, an empty
 * dead-letter queue remains, and the error says so. Resolves when SQS finds the new queue, or after 15 s: it exists
 * then too, but SQS may not know it for some seconds more.
 */
export async function createQueue(place: Place, name: string, options: CreateOptions): Promise<void> {
  const plan = planCreation(name, options);
  const { signal } = options;
  if ((await urlIfThere(place, name, signal)) !== null) {
    throw new MqError('ALREADY_EXISTS', `there is a queue ${name} already`, {
      backend: 'sqs',
      operation: 'create',
      queue: name,
    });
  }
  if (plan.deadLetterQueue === null) await create(place, name, plan.attributes, signal);
  else await createLinked(place, name, plan.deadLetterQueue, plan, signal);
  await found(place, name, signal);
}

async function createLinked(
  place: Place,
  name: string,
  deadLetterQueue: string,
  plan: CreationPlan,
  signal: AbortSignal,
): Promise<void> {
  const existing = await urlIfThere(place, deadLetterQueue, signal);
  const url = existing ?? (await create(place, deadLetterQueue, plan.deadLetterAttributes, signal));
  try {
    const { QueueArn: deadLetterTargetArn } = await patiently(
      () => attributesOf(place, deadLetterQueue, url, signal),
      ({ code }) => existing === null && code === 'QUEUE_NOT_FOUND',
      signal,
    );
    if (deadLetterTargetArn === undefined) {
      throw new MqError('UNEXPECTED_RESPONSE', 'SQS does not tell the ARN of the dead-letter queue', {
        backend: 'sqs',
        operation: 'create',
        queue: deadLetterQueue,
      });
    }
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount: plan.maxReceives });
    await patiently(
      () => create(place, name, { ...plan.attributes, RedrivePolicy }, signal),
      // Refused because SQS does not find the target yet, so certainly not created.
      (error) => existing === null && isTargetUnknown(error),
      signal,
    );
  } catch (error) {
    if (existing !== null || !isMqError(error)) throw error;
    throw new MqError(error.code, `${error.message}; the dead-letter queue ${deadLetterQueue} was created`, {
      backend: 'sqs',
      operation: 'create',
      queue: name,
      hint: error.hint ?? undefined,
      cause: error.cause,
    });
  }
}

/** The URL of the new queue. */
async function create(
  { api }: Place,
  name: string,
  attributes: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const { QueueUrl } = await api.createQueue({ QueueName: name, Attributes: attributes }, { queue: name, signal });
  if (QueueUrl !== undefined) return QueueUrl;
  throw new MqError('UNEXPECTED_RESPONSE', 'SQS gave no URL for the new queue', { backend: 'sqs', queue: name });
}

/** The queue exists whatever comes of this, so a failure to see it is not a failure to create it. */
async function found(place: Place, name: string, signal: AbortSignal): Promise<void> {
  try {
    await patiently(
      async () => attributesOf(place, name, await urlOfName(place, name, signal), signal),
      ({ code }) => code === 'QUEUE_NOT_FOUND',
      signal,
    );
  } catch (error) {
    if (!isMqError(error)) throw error;
  }
}

/** Tries again while it fails as `isEarly` says, for at most 15 s. */
async function patiently<T>(
  attempt: () => Promise<T>,
  isEarly: (error: MqError) => boolean,
  signal: AbortSignal,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!isMqError(error) || !isEarly(error) || Date.now() > deadline) throw error;
    }
    await wait(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    throwIfAborted(signal);
  }
}

async function attributesOf({ api }: Place, name: string, url: string, signal: AbortSignal): Promise<QueueAttributes> {
  return (await api.getQueueAttributes(url, { queue: name, signal })).Attributes ?? {};
}

async function urlIfThere(place: Place, name: string, signal: AbortSignal): Promise<string | null> {
  try {
    return await urlOfName(place, name, signal);
  } catch (error) {
    if (isMqError(error) && error.code === 'QUEUE_NOT_FOUND') return null;
    throw error;
  }
}
