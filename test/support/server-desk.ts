import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { newerProgram } from './newer-debian.ts';
import { type Program, provision } from './provision.ts';
import { managementRequest } from './rabbitmq/management.ts';
import { startRabbitmq } from './rabbitmq/server.ts';
import { redisVersion, startRedis } from './redis/server.ts';
import type { Release } from './release.ts';
import { startSqsEmulators } from './sqs/emulators.ts';
import { GIVEN_SQS } from './sqs/given.ts';

export interface Answers {
  readonly redis: { readonly url: string; readonly version: string };
  readonly rabbitmq: { readonly url: string; readonly managementUrl: string; readonly version: string };
  readonly sqs: { readonly fauxqs: string; readonly localSqs: string };
  readonly 'redis-program': Program;
  readonly 'rabbitmq-program': Program;
}

type Stop = () => Promise<void>;

/**
 * Starts servers on demand in the test runner's process and tells the tests, which run in others, where they are. One
 * desk serves all projects of a run.
 */
export class ServerDesk {
  readonly #answers = new Map<string, Promise<unknown>>();
  readonly #stops: Stop[] = [];
  /** What the tests have really been run against, for the end of the run: `Redis 7.0.15`. */
  readonly versions = new Set<string>();
  #url: string | null = null;

  async open(): Promise<string> {
    if (this.#url !== null) return this.#url;
    const server = createServer((request, response) => {
      const [kind = '', release = ''] = (request.url ?? '').split('/').filter((part) => part !== '');
      this.#answer(kind, release as Release).then(
        (answer) => response.end(JSON.stringify(answer)),
        (error: unknown) => {
          response.statusCode = 500;
          response.end(error instanceof Error ? error.message : String(error));
        },
      );
    });
    // It must not hang up while a test file that was quiet for some seconds is just about to ask again.
    server.keepAliveTimeout = 0;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#stops.push(
      () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    this.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return this.#url;
  }

  /** Ends every server. Idempotent. */
  async close(): Promise<void> {
    this.#url = null;
    const stops = this.#stops.splice(0);
    await Promise.allSettled(this.#answers.values());
    await Promise.all([...stops, ...this.#stops.splice(0)].map((stop) => stop()));
    this.#answers.clear();
  }

  #answer(kind: string, release: Release): Promise<unknown> {
    const key = kind === 'sqs' ? kind : `${kind}/${release}`;
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = this.#start(kind, release);
    this.#answers.set(key, answer);
    return answer;
  }

  async #start(kind: string, release: Release): Promise<Answers[keyof Answers]> {
    switch (kind) {
      case 'redis':
        return this.#redis(release);
      case 'rabbitmq':
        return this.#rabbitmq(release);
      case 'sqs':
        return this.#sqs();
      case 'redis-program':
        return redisProgramOf(release);
      case 'rabbitmq-program':
        return rabbitmqProgramOf(release);
      default:
        throw new Error(`no such server: ${kind}`);
    }
  }

  async #redis(release: Release): Promise<Answers['redis']> {
    let url = release === 'debian' ? process.env.MQ_TEST_REDIS_URL : undefined;
    if (url === undefined) {
      const server = await startRedis(await redisProgramOf(release));
      this.#stops.push(() => server.stop());
      url = server.url;
    }
    const version = await redisVersion(url);
    this.versions.add(version);
    return { url, version };
  }

  async #rabbitmq(release: Release): Promise<Answers['rabbitmq']> {
    const given = release === 'debian' ? givenRabbitmq() : null;
    if (given !== null) {
      const overview = await managementRequest(given.managementUrl, 'GET', '/api/overview');
      const version = (overview as { readonly rabbitmq_version: string }).rabbitmq_version;
      this.versions.add(`RabbitMQ ${version}`);
      return { ...given, version };
    }
    const server = await startRabbitmq(await rabbitmqProgramOf(release));
    this.#stops.push(() => server.stop());
    this.versions.add(`RabbitMQ ${server.version}`);
    return { url: server.url, managementUrl: server.managementUrl, version: server.version };
  }

  async #sqs(): Promise<Answers['sqs']> {
    const emulators = await startSqsEmulators();
    this.#stops.push(() => emulators.stop());
    const { fauxqs, localSqs } = emulators;
    this.versions.add('SQS emulators fauxqs, local-aws-sqs');
    if (GIVEN_SQS !== null) this.versions.add(`SQS at MQ_TEST_SQS_URL (${GIVEN_SQS.endpoint ?? 'AWS'})`);
    return { fauxqs, localSqs };
  }
}

function givenRabbitmq(): { readonly url: string; readonly managementUrl: string } | null {
  const url = process.env.MQ_TEST_RABBITMQ_URL;
  const managementUrl = process.env.MQ_TEST_RABBITMQ_MANAGEMENT_URL;
  if (url === undefined) return null;
  if (managementUrl === undefined) {
    throw new Error(
      'MQ_TEST_RABBITMQ_URL needs MQ_TEST_RABBITMQ_MANAGEMENT_URL beside it (http://user:password@host:15672)',
    );
  }
  return { url, managementUrl };
}

async function redisProgramOf(release: Release): Promise<Program> {
  if (release === 'redis-8') return newerProgram('redis-server');
  if (release === 'valkey-8') return newerProgram('valkey-server');
  return provision('redis-server');
}

async function rabbitmqProgramOf(release: Release): Promise<Program> {
  return release === 'rabbitmq-4' ? newerProgram('rabbitmq-server') : provision('rabbitmq-server');
}
