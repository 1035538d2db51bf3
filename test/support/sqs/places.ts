import { randomUUID } from 'node:crypto';
import { SQSClient } from '@aws-sdk/client-sqs';
import { backend } from '../../../src/backends/sqs/index.ts';
import type { Broker } from '../../../src/contract/broker.ts';
import type { Queue } from '../../../src/contract/queue.ts';
import { sqs } from '../servers.ts';
import { GIVEN_SQS } from './given.ts';
import { AT_ONCE, createQueue, never, provideTestCredentials, urlOf } from './harness.ts';

/**
 * Of a test, milliseconds: of AWS a poll takes a second, its counts follow after up to a minute, and of a FIFO group
 * one message goes at a time.
 */
const CASE_TIMEOUT_MS = 120_000;

type Options = Parameters<typeof createQueue>[2];

/** Where such tests run. */
export interface Where {
  readonly title: string;
  readonly url: string;
  readonly region: string;
  readonly endpoint: string | null;
  readonly patienceMs: number;
  readonly caseTimeoutMs: number;
  /** Of `mq` started as a program. */
  readonly env: Readonly<Record<string, string>>;
  readonly isGiven: boolean;
}

/**
 * An SQS that tests run against which need nothing but SQS: no proxy before it, no count that is exact at once. The
 * queues that it makes have names of `mq-*` and are removed by `close`.
 */
export class SqsPlace {
  readonly where: Where;
  readonly broker: Broker;
  readonly client: SQSClient;
  readonly #made: string[] = [];

  private constructor(where: Where, broker: Broker) {
    this.where = where;
    this.broker = broker;
    const { region, endpoint } = where;
    this.client = new SQSClient({ region, ...(endpoint === null ? {} : { endpoint }) });
  }

  static async open(where: Where): Promise<SqsPlace> {
    const options = { connectTimeoutMs: 5000, notice: () => {}, signal: never };
    return new SqsPlace(where, await backend.open(where.url, options));
  }

  name(stem: string, fifo = false): string {
    return `mq-${stem}-${randomUUID().slice(0, 8)}${fifo ? '.fifo' : ''}`;
  }

  async create(name: string, options: Options = {}): Promise<Queue> {
    this.#made.push(name);
    if (options.deadLetterQueue !== undefined && !this.#made.includes(options.deadLetterQueue))
      this.#made.push(options.deadLetterQueue);
    return createQueue(this.broker, name, options);
  }

  async close(): Promise<void> {
    // An emulator ends with the run.
    if (this.where.isGiven) for (const name of this.#made) await this.#remove(name);
    await this.broker.close();
    this.client.destroy();
  }

  async #remove(name: string): Promise<void> {
    await this.broker.delete?.(name, never).catch((error: { readonly code?: string }) => {
      if (error.code !== 'QUEUE_NOT_FOUND') throw error;
    });
  }
}

/** The emulator, and the SQS of `MQ_TEST_SQS_URL` where that is given. For `describe.each`. */
export async function placesBeside(...emulators: readonly ('fauxqs' | 'localSqs')[]): Promise<readonly Where[]> {
  provideTestCredentials();
  const addresses = await sqs();
  const places: Where[] = [];
  for (const emulator of emulators) {
    const endpoint = addresses[emulator];
    places.push({
      title: emulator === 'fauxqs' ? 'emulator fauxqs' : 'emulator local-aws-sqs',
      url: urlOf(endpoint, AT_ONCE),
      region: 'us-east-1',
      endpoint,
      patienceMs: 10_000,
      caseTimeoutMs: CASE_TIMEOUT_MS,
      env: { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
      isGiven: false,
    });
  }
  if (GIVEN_SQS !== null) {
    const { url, region, endpoint, patienceMs, caseTimeoutMs } = GIVEN_SQS;
    const title = `MQ_TEST_SQS_URL, ${endpoint ?? 'AWS'}`;
    places.push({ title, url, region, endpoint, patienceMs, caseTimeoutMs, env: ownEnvironment(), isGiven: true });
  }
  return places;
}

/**
 * What the SDK's chain reads: variables, and the files below the home folder. What `mq` itself keeps stays out of that.
 */
function ownEnvironment(): Readonly<Record<string, string>> {
  const aws = Object.entries(process.env).filter(([name]) => name === 'HOME' || name.startsWith('AWS_'));
  const elsewhere = `${process.env.TMPDIR ?? '/tmp'}/mq-test-state`;
  return {
    ...(Object.fromEntries(aws) as Record<string, string>),
    XDG_STATE_HOME: elsewhere,
    XDG_CONFIG_HOME: elsewhere,
  };
}
