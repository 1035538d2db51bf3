import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodies, fill, never, outgoing, takeAll } from '../../../support/sqs/harness.ts';
import { placesBeside } from '../../../support/sqs/places.ts';
import { RedriveBench } from '../../../support/sqs/redrive-bench.ts';

const KILLS = 20;

describe.each(await placesBeside('fauxqs'))('a redrive by hand ($title)', (where) => {
  let bench: RedriveBench;
  beforeAll(async () => {
    bench = await RedriveBench.open(where);
  });
  afterAll(() => bench.close(), where.caseTimeoutMs);

  it(`on FIFO, killed ${KILLS} times at random instants, adds no duplicate and keeps the order of each group`, {
    timeout: Math.max(240_000, where.caseTimeoutMs),
  }, async () => {
    const { queue, dead } = await bench.linked(true);
    const groups = 20;
    const texts = Array.from({ length: 1200 }, (_, i) => `order ${i}`);
    await fill(
      dead,
      texts.map((text, i) => outgoing(text, { groupId: `g${i % groups}`, deduplicationId: `d${i}` })),
    );
    await bench.kill(KILLS, queue.name, 150);
    expect((await dead.stats(never)).depth).toBeGreaterThan(0);
    await bench.redriveAll(queue, dead);
    const arrived = await takeAll(queue);
    expect(arrived.length).toBe(texts.length);
    for (let group = 0; group < groups; group += 1) {
      const ours = arrived.filter(({ groupId }) => groupId === `g${group}`);
      expect(bodies(ours)).toEqual(texts.filter((_, i) => i % groups === group));
    }
  });
});
