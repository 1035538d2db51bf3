import { Redis } from 'ioredis';
import { afterAll } from 'vitest';
import { conformance } from '../../../src/conformance/index.ts';
import { bullmqHarness, listHarness, streamHarness, streamWithDlqHarness } from '../../support/redis/harnesses.ts';
import { redisVersion } from '../../support/redis/server.ts';
import { redis } from '../../support/servers.ts';
import { VITEST } from '../../support/vitest-runner.ts';

const { url } = await redis();
const server = await redisVersion(url);
const client = new Redis(url);
afterAll(() => client.disconnect());

conformance(listHarness(server, url, client), VITEST);
conformance(streamHarness(server, url, client), VITEST);
conformance(streamWithDlqHarness(server, url, client), VITEST);
conformance(bullmqHarness(server, url, client), VITEST);
