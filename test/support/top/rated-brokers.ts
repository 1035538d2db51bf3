import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type RabbitmqVhost, rabbitmqVhost } from '../rabbitmq/vhost.ts';
import { type RedisServer, startRedis } from '../redis/server.ts';
import { redisProgram } from '../servers.ts';

/** The brokers whose rates are looked at, for one file of tests alone. */
export interface RatedBrokers {
  /** Of an embedded queue that does not exist yet. */
  readonly sqliteUrl: string;
  readonly redis: RedisServer;
  readonly vhost: RabbitmqVhost;
}

/** They are there in each test of the block that this is called in. */
export function ratedBrokers(): () => RatedBrokers {
  let folder: string;
  let redis: RedisServer;
  let vhost: RabbitmqVhost;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mq-rates-'));
    redis = await startRedis(await redisProgram());
    vhost = await rabbitmqVhost();
  });
  afterAll(async () => {
    await redis?.stop();
    await vhost?.remove();
    await rm(folder, { recursive: true, force: true });
  });
  return () => ({ sqliteUrl: `sqlite:${join(folder, 'queues.db')}`, redis, vhost });
}
