import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { managementRequest } from './rabbitmq/management.ts';
import { startRabbitmq } from './rabbitmq/server.ts';
import { rabbitmqVhost } from './rabbitmq/vhost.ts';
import { startRedis, startRedisCluster } from './redis/server.ts';
import { rabbitmq, rabbitmqProgram, redis, redisProgram, sqs } from './servers.ts';

// Asked for here and not in a test, whose time limit does not allow for installing a broker first.
const [cache, broker, queues, program] = await Promise.all([redis(), rabbitmq(), sqs(), redisProgram()]);

describe('the servers of a test run', () => {
  it('gives every asker the same Redis', async () => {
    expect(await redis()).toEqual(cache);
    expect(cache.version).toMatch(/^(Redis|Valkey) \d+\./);
  });

  it('gives a RabbitMQ with its management API and a virtual host of its own', async () => {
    expect(broker.version).toMatch(/^\d+\.\d+\.\d+/);
    await using vhost = await rabbitmqVhost();
    expect(await vhost.request('GET', `/api/queues/${vhost.encodedName}`)).toEqual([]);
    expect(await vhost.openConnections()).toBe(0);
  });

  it('gives two SQS emulators', async () => {
    for (const url of [queues.fauxqs, queues.localSqs]) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.ListQueues' },
        body: '{}',
      });
      expect(response.status, url).toBe(200);
    }
  });

  it('starts further Redis servers: with users, with TLS, as a cluster, with restart', async () => {
    const settings = { user: 'bob on >secret ~* +@all', appendonly: 'yes', appendfsync: 'always' };
    const server = await startRedis(program, { settings });
    const client = new Redis(server.url, { username: 'bob', password: 'secret' });
    // It is told of the restart as an error, which is not one here.
    client.on('error', () => {});
    try {
      await client.set('kept', 'yes');
      await server.restart();
      expect(await client.get('kept')).toBe('yes');
    } finally {
      client.disconnect();
      await server.stop();
    }
    const secure = await startRedis(program, { tls: true });
    expect(secure.certificates).not.toBeNull();
    await secure.stop();
    const cluster = await startRedisCluster(program);
    expect(cluster.masters).toHaveLength(3);
    await cluster.stop();
  });
});

it('a RabbitMQ of our own comes back after a kill with what was durable', async () => {
  const own = await startRabbitmq(await rabbitmqProgram());
  try {
    await managementRequest(own.managementUrl, 'PUT', '/api/queues/%2F/kept', { durable: true });
    await own.declarationsWritten();
    await own.restart();
    // The API answers before it knows of any queue.
    const queues = () => managementRequest(own.managementUrl, 'GET', '/api/queues/%2F');
    await expect.poll(queues, { timeout: 30_000 }).toContainEqual(expect.objectContaining({ name: 'kept' }));
  } finally {
    await own.stop();
  }
}, 120_000);
