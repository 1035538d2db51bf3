import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { rabbitmqVhost } from './rabbitmq-vhost.ts';
import { startRedis, startRedisCluster } from './redis-server.ts';
import { rabbitmq, redis, redisProgram, sqs } from './servers.ts';

describe('the servers of a test run', () => {
  it('gives every asker the same Redis', async () => {
    const [one, other] = await Promise.all([redis(), redis()]);
    expect(other).toEqual(one);
    expect(one.version).toMatch(/^(Redis|Valkey) \d+\./);
  });

  it('gives a RabbitMQ with its management API and a virtual host of its own', async () => {
    const broker = await rabbitmq();
    expect(broker.version).toMatch(/^\d+\.\d+\.\d+/);
    await using vhost = await rabbitmqVhost();
    expect(await vhost.request('GET', `/api/queues/${vhost.encodedName}`)).toEqual([]);
    expect(await vhost.openConnections()).toBe(0);
  });

  it('gives two SQS emulators', async () => {
    const { fauxqs, localSqs } = await sqs();
    for (const url of [fauxqs, localSqs]) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': 'AmazonSQS.ListQueues' },
        body: '{}',
      });
      expect(response.status, url).toBe(200);
    }
  });

  it('starts further Redis servers: with users, with TLS, as a cluster, with restart', async () => {
    const program = await redisProgram();
    const settings = { user: 'bob on >secret ~* +@all', appendonly: 'yes', appendfsync: 'always' };
    const server = await startRedis(program, { settings });
    const client = new Redis(server.url, { username: 'bob', password: 'secret' });
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
