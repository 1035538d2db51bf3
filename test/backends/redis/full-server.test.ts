import { Redis } from 'ioredis';
import { afterAll, expect, it } from 'vitest';
import { compileFilter } from '../../../src/core/filter.ts';
import { planPurge } from '../../../src/core/purge.ts';
import { EVERYTHING } from '../../../src/core/selection.ts';
import { notice, open, signal } from '../../support/redis/lab.ts';
import { startRedis } from '../../support/redis/server.ts';
import { redisProgram } from '../../support/servers.ts';

const server = await startRedis(await redisProgram(), { settings: { 'maxmemory-policy': 'noeviction' } });
const direct = new Redis(server.url);
afterAll(async () => {
  direct.disconnect();
  await server.stop();
});

it.each(['left', 'right'])('a filtered purge makes room on a server that is out of memory; next: %s', async (next) => {
  await direct.config('SET', 'maxmemory', '0');
  await direct.del('q');
  const bodies = Array.from({ length: 900 }, (_, n) => JSON.stringify({ n, drop: n % 3 !== 0, fill: 'x'.repeat(500) }));
  await direct.rpush('q', ...bodies);
  await direct.config('SET', 'maxmemory', '1');
  await expect(direct.rpush('q', 'more')).rejects.toThrow(/OOM/);
  const broker = await open(`?kind=list&next=${next}`, server.url);
  const queue = await broker.queue('q', signal);
  const filter = await compileFilter('body.drop');
  const plan = await planPurge({ ...EVERYTHING, filter, broker, queue, state: 'ready', backup: null, notice, signal });
  expect(await plan.run({ dryRun: false, onProgress: () => {}, signal })).toMatchObject({ moved: 600, failed: 0 });
  const kept = bodies.filter((_, n) => n % 3 === 0);
  expect(await direct.lrange('q', 0, -1)).toEqual(kept);
});
