import { Queue as BullQueue } from 'bullmq';
import { expect, it } from 'vitest';
import type { NativeMove } from '../../../src/contract/queue.ts';
import { after, client, connection, fresh, moveRequest, queue } from '../../support/redis/lab.ts';

/** Failed jobs without a worker: what stands in the failed set, and a hash for each. */
async function failedJobs(name: string, count: number): Promise<void> {
  const library = new BullQueue(name, { connection });
  after(() => library.close());
  await library.addBulk(Array.from({ length: count }, () => ({ name: 'job', data: {} })));
  const ids = await client.lrange(`bull:${name}:wait`, 0, -1);
  const calls = client.multi().del(`bull:${name}:wait`);
  for (const id of ids) {
    calls.zadd(`bull:${name}:failed`, Number(id), id);
    calls.hset(`bull:${name}:${id}`, 'failedReason', 'bad', 'finishedOn', id);
  }
  await calls.exec();
}

async function redrive(name: string): Promise<NativeMove> {
  const move = await (await queue(name)).nativeMove?.(moveRequest({ state: 'dead' }));
  if (move === undefined || move === null) throw new Error('no native redrive');
  return move;
}

async function pages(move: NativeMove, upTo: number): Promise<number> {
  for (let moved = 0; ; ) {
    const page = await move.next({ upTo });
    moved += page.moved;
    if (page.exhausted) return moved;
  }
}

it('two redrives of one queue leave no job behind, and count each once together', async () => {
  const name = fresh('twice');
  await failedJobs(name, 600);
  const moves = [await redrive(name), await redrive(name)];
  const moved = await Promise.all(moves.map((move) => pages(move, 50)));
  expect(await client.zcard(`bull:${name}:failed`)).toBe(0);
  expect(await client.llen(`bull:${name}:wait`)).toBe(600);
  expect(moved.reduce((sum, count) => sum + count)).toBe(600);
});

it('an id without a job that somebody clears away meanwhile takes no other job with it', async () => {
  const name = fresh('cleared');
  await failedJobs(name, 4);
  await client.del(`bull:${name}:1`);
  const move = await redrive(name);
  expect(await move.next({ upTo: 2 })).toMatchObject({ moved: 1, skipped: [{ id: '1' }] });
  await client.zrem(`bull:${name}:failed`, '1');
  expect(await pages(move, 2)).toBe(2);
  expect(await client.zcard(`bull:${name}:failed`)).toBe(0);
});
