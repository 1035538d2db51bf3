import { isMqError } from '../../../contract/errors.ts';
import { inParallel } from '../../common/in-parallel.ts';
import type { SqsApi } from '../api/client.ts';
import { isUnknownAction } from '../errors.ts';
import { type QueueAttributes, redrivePolicy } from './facts.ts';
import { nameFromUrl } from './names.ts';

/** Reads at once, if each queue costs one call. */
export const PARALLEL_READS = 16;

interface Place {
  readonly api: SqsApi;
  readonly name: string;
  readonly url: string;
  readonly arn: string | null;
  /** The queue belongs to another account: its sources are named by URL. */
  readonly foreign: boolean;
}

/**
 * The names of the queues whose redrive policy leads to this one; null: unknown. If `ListDeadLetterSourceQueues` is
 * denied or not known (some servers that only speak SQS's protocol lack it), the redrive policies of all queues are
 * read instead.
 */
export async function sourcesOf(place: Place, signal: AbortSignal): Promise<readonly string[] | null> {
  try {
    return await listedSources(place, signal);
  } catch (error) {
    if (!isOfTheAction(error, signal)) throw error;
  }
  try {
    return place.arn === null ? null : await scannedSources(place, place.arn, signal);
  } catch (error) {
    if (isOfTheAction(error, signal)) return null;
    throw error;
  }
}

/**
 * Like `sourcesOf`, but all queues are read only if the server knows no other way: null if the call is only denied, or
 * fails now.
 */
export async function sourcesIfCheap(place: Place, signal: AbortSignal): Promise<readonly string[] | null> {
  try {
    return await listedSources(place, signal);
  } catch (error) {
    if (isUnknownAction(error)) return sourcesOf(place, signal);
    if (isOfTheAction(error, signal)) return null;
    throw error;
  }
}

/** Another way may work, or none is needed. Not so after an interruption, or if every other call would fail as well. */
function isOfTheAction(error: unknown, signal: AbortSignal): boolean {
  if (!isMqError(error) || signal.aborted) return false;
  return error.code !== 'UNAUTHENTICATED' && error.code !== 'QUEUE_NOT_FOUND' && error.code !== 'TIMEOUT';
}

/** Every queue URL of the account in the region that begins with `prefix`. */
export async function* listQueueUrls(api: SqsApi, prefix: string, signal: AbortSignal): AsyncGenerator<string> {
  let token: string | undefined;
  do {
    const page = await api.listQueues(
      {
        MaxResults: 1000,
        ...(prefix === '' ? {} : { QueueNamePrefix: prefix }),
        ...(token === undefined ? {} : { NextToken: token }),
      },
      { queue: null, signal },
    );
    yield* page.QueueUrls ?? [];
    token = page.NextToken;
  } while (token !== undefined && token !== '');
}

async function listedSources({ api, name, url, foreign }: Place, signal: AbortSignal): Promise<readonly string[]> {
  const names: string[] = [];
  let token: string | undefined;
  do {
    const page = await api.listSources(
      { QueueUrl: url, MaxResults: 1000, ...(token === undefined ? {} : { NextToken: token }) },
      { queue: name, signal },
    );
    names.push(...(page.queueUrls ?? []).map((source) => (foreign ? source : nameFromUrl(source))));
    token = page.NextToken;
  } while (token !== undefined && token !== '');
  return names.sort();
}

/** Rejects if one queue cannot be read: it might be a source. */
async function scannedSources({ api }: Place, arn: string, signal: AbortSignal): Promise<readonly string[]> {
  const urls: string[] = [];
  for await (const url of listQueueUrls(api, '', signal)) urls.push(url);
  const names: string[] = [];
  await inParallel(urls, PARALLEL_READS, async (url) => {
    const name = nameFromUrl(url);
    const attributes = await attributesIfThere(api, url, name, signal);
    if (redrivePolicy(attributes)?.deadLetterArn === arn) names.push(name);
  });
  return names.sort();
}

/** Resolves to null for a queue that was deleted after it was listed: it has no dead-letter link now. */
async function attributesIfThere(
  api: SqsApi,
  url: string,
  queue: string,
  signal: AbortSignal,
): Promise<QueueAttributes> {
  try {
    return (await api.getQueueAttributes(url, { queue, signal })).Attributes ?? {};
  } catch (error) {
    if (isMqError(error) && error.code === 'QUEUE_NOT_FOUND') return {};
    throw error;
  }
}
