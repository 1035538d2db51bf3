import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { type RedisServer, startRedis } from '../../support/redis/server.ts';
import { redisProgram } from '../../support/servers.ts';

let server: RedisServer;
let client: Redis;
let folder: string;
beforeAll(async () => {
  server = await startRedis(await redisProgram());
  client = new Redis(server.url);
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-top-settling-'));
  await client.rpush('jobs', 'a', 'b', 'c');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test('leaving an action whose broker does not answer: what is waited for is said where the view was, and the report comes', async () => {
  await using terminal = new PseudoTerminal(process.execPath, [MQ, 'top', '--interval', '500ms'], {
    columns: 110,
    rows: 16,
    env: { MQ_URL: server.url, XDG_STATE_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  await terminal.until(/^>.jobs/m);
  terminal.write('P');
  await terminal.until(/Type the queue's name/);
  // Reading is answered, writing is not.
  await client.client('PAUSE', 600_000, 'WRITE');
  terminal.write('jobs\r');
  await terminal.until(/purge jobs: /);
  terminal.write('\u0003');
  await terminal.until(/Stopping: what is in the air is settled first {2}\(Ctrl-C leaves the view\)/);
  terminal.write('\u0003');
  await terminal.until(/purge jobs on redis is stopping: what is in the air is settled first/);
  expect(terminal.buffer).toBe('normal');
  await client.client('UNPAUSE');
  await terminal.exited;
  const left = await client.llen('jobs');
  await terminal.until(new RegExp(`purged ${3 - left} messages? `));
});
