import { Redis } from 'ioredis';
import { afterAll } from 'vitest';
import { conformance } from '../../../src/conformance/index.ts';
import { bullmqHarness, listHarness, streamHarness, streamWithDlqHarness } from '../../support/redis/harnesses.ts';
import { redisVersion } from '../../support/redis/server.ts';
import { redis } from '../../support/servers.ts';
import { vitestBeside } from '../../support/vitest-runner.ts';

const { url } = await redis();
const server = await redisVersion(url);

// Each in a database of its own, beside each other: much of what they ask is how long something waits.
const runner = vitestBeside();
for (const [index, harness] of [listHarness, streamHarness, streamWithDlqHarness, bullmqHarness].entries()) {
  const database = new URL(url);
  database.pathname = `/${index + 1}`;
  const client = new Redis(database.href);
  afterAll(() => client.disconnect());
  conformance(harness(server, database.href, client), runner);
}
