import type { OpenOptions } from '../../contract/backend.ts';
import type { Bill, Broker, Check, CreateOptions, ListOptions, QueuePattern } from '../../contract/broker.ts';
import { isMqError, throwIfAborted } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { Fresh } from '../common/fresh.ts';
import { SqsApi } from './api/client.ts';
import { type AskedQueue, queueChecks } from './checks.ts';
import { createQueue } from './create.ts';
import { deleteQueue } from './delete.ts';
import { listQueueStats } from './list.ts';
import { PausableSqsQueue } from './pausable-queue.ts';
import { SqsQueue } from './queue.ts';
import type { QueueAttributes } from './queues/facts.ts';
import { nameFromUrl } from './queues/names.ts';
import { findQueue } from './queues/queue-url.ts';
import { listQueueUrls } from './queues/sources.ts';
import { type Environment, transportTo } from './sdk/transport.ts';
import { type Address, showAddress } from './url.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
/** Of a standard queue, in most regions; of a FIFO queue it is 0.50 (https://aws.amazon.com/sqs/pricing). */
const USD_PER_MILLION = 0.4;

/**
 * Opens SQS without asking it anything: the first call shows whether the server is there and takes the credentials. So
 * a name that cannot be meant (the URL of another server) is refused before anything is asked.
 */
export async function openSqs(address: Address, environment: Environment, options: OpenOptions): Promise<Broker> {
  const { connectTimeoutMs, timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  throwIfAborted(signal);
  const host = address.endpoint === null ? `sqs.${address.region}.amazonaws.com` : new URL(address.endpoint).hostname;
  const transport = await transportTo(host, environment, connectTimeoutMs);
  return new SqsBroker(new SqsApi(address, transport, { connectTimeoutMs, timeoutMs, interruption: signal }), address);
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

  bill(): Bill {
    return { requests: this.#api.requests, usdPerMillion: USD_PER_MILLION };
  }

  async queue(text: string, signal: AbortSignal): Promise<Queue> {
    const found = await findQueue(this.#api, this.#where, text, signal);
    const { url } = found;
    const foreign = found.account !== null && found.account !== this.#where.account;
    const name = foreign ? text.replace(/\/+$/, '') : found.name;
    const attributes = await this.#attributes(url, name, signal);
    const { denyPolicy, reception } = this.#where;
    const opening = new Fresh(attributes);
    const place = { api: this.#api, name, url, foreign, denyPolicy, reception, attributes, opening };
    return denyPolicy ? new PausableSqsQueue(place) : new SqsQueue(place);
  }

  async create(name: string, options: CreateOptions): Promise<void> {
    await createQueue({ api: this.#api, account: this.#where.account }, name, options);
  }

  delete(text: string, signal: AbortSignal): Promise<number | null> {
    return deleteQueue(this.#api, this.#where, text, signal);
  }

  async *checks(signal: AbortSignal, queue: string | null): AsyncGenerator<Check, void, undefined> {
    let asked: AskedQueue | null = null;
    try {
      asked = queue === null ? await this.#anyQueue(signal) : await this.#named(queue, signal);
    } catch (error) {
      if (!isMqError(error) || error.code === 'ABORTED') throw error;
      // A caller who may not list has to say which queue is meant.
      if (queue !== null || error.code !== 'PERMISSION_DENIED')
        yield { name: 'find the queue', status: 'failed', detail: error.message, hint: error.hint };
    }
    yield* queueChecks(this.#api, asked, signal);
  }

  async close(): Promise<void> {
    await this.#api.close();
  }

  async #named(text: string, signal: AbortSignal): Promise<AskedQueue> {
    return findQueue(this.#api, this.#where, text, signal);
  }

  async #anyQueue(signal: AbortSignal): Promise<AskedQueue | null> {
    const { account } = this.#where;
    for await (const url of listQueueUrls(this.#api, '', signal)) {
      if (account === null || url.includes(`/${account}/`)) return { name: nameFromUrl(url), url };
    }
    return null;
  }

  /** Null if the caller may not read them: a producer may have only the permission to send. */
  async #attributes(url: string, queue: string, signal: AbortSignal): Promise<QueueAttributes | null> {
    try {
      return (await this.#api.getQueueAttributes(url, { queue, signal })).Attributes ?? {};
    } catch (error) {
      if (isMqError(error) && error.code === 'PERMISSION_DENIED') return null;
      throw error;
    }
  }
}
