import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bodies, fill, never, outgoing, takeAll } from '../../../support/sqs/harness.ts';
import { placesBeside } from '../../../support/sqs/places.ts';
import { RedriveBench } from '../../../support/sqs/redrive-bench.ts';

const KILLS = 20;
/** What core keeps in the air at once: the most that one kill can send twice. */
const WINDOW = 500;

describe.each(await placesBeside('fauxqs'))('a redrive by hand ($title)', (where) => {
  let bench: RedriveBench;
  beforeAll(async () => {
    bench = await RedriveBench.open(where);
  });
  afterAll(() => bench.close(), where.caseTimeoutMs);

  it(`killed ${KILLS} times at random instants loses nothing and doubles no more than its window`, {
    timeout: Math.max(240_000, where.caseTimeoutMs),
  }, async () => {
    const { queue, dead } = await bench.linked(false);
    const texts = Array.from({ length: 3000 }, (_, i) => `order ${i}`);
    await fill(
      dead,
      texts.map((text) => outgoing(text)),
    );
    await bench.kill(KILLS, queue.name, 150);
    expect((await dead.stats(never)).depth).toBeGreaterThan(0);
    await bench.redriveAll(queue, dead);
    const arrived = bodies(await takeAll(queue));
    expect(new Set(arrived)).toEqual(new Set(texts));
    expect(arrived.length - texts.length).toBeLessThanOrEqual(KILLS * WINDOW);
  });
});
