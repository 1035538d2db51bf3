import type { Broker, Check, CreateOptions, ListOptions, OpenOptions, QueuePattern } from '../../contract/broker.ts';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { type Address, showAddress } from './address.ts';
import { SqsApi } from './api.ts';
import { type AskedQueue, queueChecks } from './checks.ts';
import { createQueue } from './create-queue.ts';
import type { QueueAttributes } from './facts.ts';
import { listQueueStats } from './listing.ts';
import { nameFromUrl, parseReference } from './names.ts';
import { PausableSqsQueue } from './pausable-queue.ts';
import { SqsQueue } from './queue.ts';
import { urlOfName } from './queue-url.ts';
import { listQueueUrls } from './sources.ts';

/**
 * Opens SQS: finds credentials and makes one call, which may be refused for lack of permission on `sqs:ListQueues` but proves that the server is
 * there and takes the credentials.
 */
export async function openSqs(address: Address, options: OpenOptions): Promise<Broker> {
  const api = new SqsApi(address, options.connectTimeoutMs);
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.connectTimeoutMs)]);
  try {
    throwIfAborted(options.signal);
    await orAborted(api.credentials(), signal);
    await api.listQueues({ MaxResults: 1 }, { queue: null, signal });
  } catch (error) {
    if (!(error instanceof MqError) || error.code !== 'PERMISSION_DENIED') {
      await api.close();
      throw options.signal.aborted || !signal.aborted ? error : tooSlow(address, options.connectTimeoutMs);
    }
  }
  return new SqsBroker(api, address);
}

class SqsBroker implements Broker {
  readonly name = 'sqs';
  readonly address: string;
  readonly #api: SqsApi;
  readonly #where: Address;

  constructor(api: SqsApi, where: Address) {
    this.#api = api;
    this.#where = where;
    this.address = showAddress(where);
  }

  queues(pattern: QueuePattern, options: ListOptions): AsyncIterable<QueueStats> {
    return listQueueStats(this.#api, this.#where, pattern, options);
  }

  async queue(text: string, signal: AbortSignal): Promise<Queue> {
    const reference = parseReference(text, this.#where);
    const owner = reference.account ?? this.#where.account;
    const url = reference.url ?? (await this.#urlOf(reference.name, owner, signal));
    const foreign = reference.account !== null && reference.account !== this.#where.account;
    const name = foreign ? (reference.url ?? text) : reference.name;
    const attributes = await this.#attributes(url, name, signal);
    const { denyPolicy, reception } = this.#where;
    const place = { api: this.#api, name, url, foreign, denyPolicy, reception, attributes };
    return denyPolicy ? new PausableSqsQueue(place) : new SqsQueue(place);
  }

  async create(name: string, options: CreateOptions): Promise<void> {
    await createQueue({ api: this.#api, account: this.#where.account }, name, options);
  }

  /** What was lost with it is not told: SQS counts only approximately. */
  async delete(text: string, signal: AbortSignal): Promise<number | null> {
    const reference = parseReference(text, this.#where);
    const url = reference.url ?? (await this.#urlOf(reference.name, reference.account ?? this.#where.account, signal));
    await this.#api.getQueueAttributes(url, { queue: text, signal });
    await this.#api.deleteQueue(url, { queue: text, signal });
    return null;
  }

  async *checks(signal: AbortSignal, queue: string | null): AsyncGenerator<Check, void, undefined> {
    let asked: AskedQueue | null = null;
    try {
      asked = queue === null ? await this.#anyQueue(signal) : await this.#named(queue, signal);
    } catch (error) {
      if (!(error instanceof MqError) || error.code === 'ABORTED') throw error;
      // Who may not list has to say which queue is meant.
      if (queue !== null || error.code !== 'PERMISSION_DENIED')
        yield { name: 'find the queue', status: 'failed', detail: error.message, hint: error.hint };
    }
    yield* queueChecks(this.#api, asked, signal);
  }

  async close(): Promise<void> {
    await this.#api.close();
  }

  async #named(text: string, signal: AbortSignal): Promise<AskedQueue> {
    const { url, name, account } = parseReference(text, this.#where);
    return { name, url: url ?? (await this.#urlOf(name, account ?? this.#where.account, signal)) };
  }

  async #anyQueue(signal: AbortSignal): Promise<AskedQueue | null> {
    const { account } = this.#where;
    for await (const url of listQueueUrls(this.#api, '', signal)) {
      if (account === null || url.includes(`/${account}/`)) return { name: nameFromUrl(url), url };
    }
    return null;
  }

  #urlOf(name: string, account: string | null, signal: AbortSignal): Promise<string> {
    return urlOfName({ api: this.#api, account }, name, signal);
  }

  /** Null when the caller may not read them: a producer may have the permission to send and no other. */
  async #attributes(url: string, queue: string, signal: AbortSignal): Promise<QueueAttributes | null> {
    try {
      return (await this.#api.getQueueAttributes(url, { queue, signal })).Attributes ?? {};
    } catch (error) {
      if (error instanceof MqError && error.code === 'PERMISSION_DENIED') return null;
      throw error;
    }
  }
}

/** The look for credentials cannot be aborted: a machine without any may wait for a metadata service that is not there. */
async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function tooSlow(address: Address, connectTimeoutMs: number): MqError {
  return new MqError('UNAVAILABLE', `SQS in ${address.region} did not answer within ${connectTimeoutMs} ms`, {
    backend: 'sqs',
    operation: 'open',
    hint: 'Check the region, the endpoint, the network, and where credentials should come from.',
  });
}
