import { isMqError, MqError } from '../../../contract/errors.ts';
import type { SqsApi } from '../api/client.ts';
import type { Address } from '../url.ts';
import { accountIn, elsewhereError, isFifoName, isQueueName, parseReference, type QueueReference } from './names.ts';

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

/** The queue that the operator means by a name, URL or ARN, with the URL under which this server knows it. */
export interface FoundQueue extends QueueReference {
  readonly url: string;
}

/**
 * Throws `USAGE` if the text names a queue of another server or account than the one that answers: some servers read
 * only the name, and would act on a queue of their own.
 */
export async function findQueue(api: SqsApi, where: Address, text: string, signal: AbortSignal): Promise<FoundQueue> {
  const reference = parseReference(text, where);
  const { name, url: given, elsewhere } = reference;
  const account = reference.account ?? where.account;
  let url: string;
  try {
    url = await urlOfName({ api, account }, name, signal);
  } catch (error) {
    if (isMqError(error) && error.code === 'QUEUE_NOT_FOUND')
      throw await withSibling(error, api, account, name, signal);
    // A caller who may not ask uses the URL itself: only its own server is asked, which knows the account in it.
    if (given === null || elsewhere || !isMqError(error) || error.code !== 'PERMISSION_DENIED') throw error;
    return { ...reference, url: given };
  }
  const owner = accountIn(url);
  if (account !== null && owner !== null && owner !== account) throw elsewhereError(text, where);
  if (given !== null && (elsewhere ? given !== url : pathOf(given) !== pathOf(url))) throw elsewhereError(text, where);
  return { ...reference, url };
}

/**
 * The same error, with the queue that differs only in its suffix, if there is one: `orders` for `orders.fifo`, or the
 * other way round.
 */
async function withSibling(
  error: MqError,
  api: SqsApi,
  account: string | null,
  name: string,
  signal: AbortSignal,
): Promise<MqError> {
  const sibling = isFifoName(name) ? name.slice(0, -'.fifo'.length) : `${name}.fifo`;
  if (!isQueueName(sibling)) return error;
  try {
    await urlOfName({ api, account }, sibling, signal);
  } catch {
    return error;
  }
  return new MqError(error.code, error.message, {
    backend: 'sqs',
    operation: error.operation ?? undefined,
    queue: error.queue ?? undefined,
    hint: `did you mean ${sibling}?`,
    cause: error.cause,
  });
}

/** The account and the name. */
function pathOf(url: string): string {
  return url.split('/').slice(-2).join('/');
}
