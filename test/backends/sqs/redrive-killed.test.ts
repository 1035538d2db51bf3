import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqs } from '../../support/servers.ts';
import { bodies, fill, never, outgoing, takeAll } from '../../support/sqs/harness.ts';
import { RedriveBench } from '../../support/sqs/redrive-bench.ts';

const KILLS = 20;
/** What core keeps in the air at once: the most that one kill can send twice. */
const WINDOW = 500;

describe('a redrive by hand on the emulator fauxqs', () => {
  let bench: RedriveBench;
  beforeAll(async () => {
    bench = await RedriveBench.open((await sqs()).fauxqs);
  });
  afterAll(() => bench.close());

  it(`killed ${KILLS} times at random instants loses nothing and doubles no more than its window`, {
    timeout: 240_000,
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
