import { expect, it } from 'vitest';
import type { Queue } from '../../../src/contract/queue.ts';
import { after, client, connection, fresh, notice, queue, signal, text } from '../../support/redis/lab.ts';
import { monitorRedis } from '../../support/redis/monitor.ts';

/** Sidekiq's dead set, where jobs that died in one moment have one score. */
async function deadAtOnce(count: number): Promise<{ readonly handle: Queue; readonly jobs: readonly string[] }> {
  const name = fresh('sidekiq');
  const jobs = Array.from({ length: count }, (_, n) =>
    JSON.stringify({ class: 'A', args: [], queue: name, jid: `j${n}` }),
  );
  await client.sadd('queues', name);
  after(async () => {
    await client.del('dead');
    await client.srem('queues', name);
  });
  for (let at = 0; at < count; at += 1000) {
    await client.zadd('dead', ...jobs.slice(at, at + 1000).flatMap((job) => [1_700_000_000.25, job]));
  }
  return { handle: await queue(`queue:${name}`), jobs };
}

async function readDead(handle: Queue, seen: (body: string, index: number) => Promise<unknown>): Promise<string[]> {
  const bodies: string[] = [];
  const look = await handle.peek?.({ state: 'dead', limit: null, force: false, notice, signal });
  for await (const message of look ?? []) {
    await seen(text(message), bodies.length);
    bodies.push(text(message));
  }
  return bodies;
}

it('20,000 members of one score are read once each, with as many commands as there are pages, each of one page', async () => {
  const { handle, jobs } = await deadAtOnce(20_000);
  const monitor = await monitorRedis(connection);
  try {
    const bodies = await readDead(handle, async () => {});
    expect(bodies.length).toBe(jobs.length);
    expect(new Set(bodies)).toEqual(new Set(jobs));
    const asked = (await monitor.seen()).filter(([name]) => name.startsWith('Z'));
    const pages = Math.ceil(jobs.length / 500);
    expect(asked.length).toBeLessThanOrEqual(pages + 1);
    const members = asked.map(([, , from, to]) => Number(to) - Number(from) + 1);
    // One more than a page: the last one of the page before, by which it knows that nothing went away.
    expect(Math.max(...members)).toBeLessThanOrEqual(501);
  } finally {
    monitor.close();
  }
});

it.each([
  ['all that was read', 1],
  ['every second one that was read', 2],
  ['every third one that was read', 3],
])('nothing is left out while others take away %s', async (_, every) => {
  const { handle, jobs } = await deadAtOnce(3_000);
  const monitor = await monitorRedis(connection);
  try {
    const bodies = await readDead(handle, async (body, index) => {
      if (index % every === 0) await client.zrem('dead', body);
    });
    expect(bodies.length).toBe(jobs.length);
    expect(new Set(bodies)).toEqual(new Set(jobs));
    const asked = (await monitor.seen()).filter(([name]) => name === 'ZRANGE' || name === 'ZCOUNT');
    // To find its place again takes as many looks as halving what was read takes.
    expect(asked.length).toBeLessThanOrEqual((jobs.length / 500 + 1) * (3 + Math.ceil(Math.log2(jobs.length))));
  } finally {
    monitor.close();
  }
});
