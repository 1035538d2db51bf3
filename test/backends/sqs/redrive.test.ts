import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileFilter } from '../../../src/core/filter.ts';
import { sqs } from '../../support/servers.ts';
import { failUntilDead } from '../../support/sqs/failing-worker.ts';
import { bodies, never, outgoing, sendAll, takeAll } from '../../support/sqs/harness.ts';
import { RedriveBench } from '../../support/sqs/redrive-bench.ts';

describe('a redrive by hand on the emulator fauxqs', () => {
  let endpoint: string;
  let bench: RedriveBench;
  beforeAll(async () => {
    endpoint = (await sqs()).fauxqs;
    bench = await RedriveBench.open(endpoint);
  });
  afterAll(() => bench.close());

  it('of 10,000 messages that sqs-consumer has killed, with filter, max and rate', { timeout: 240_000 }, async () => {
    const { queue, dead } = await bench.linked(false);
    const count = 10_000;
    const texts = Array.from({ length: count }, (_, i) => JSON.stringify({ order: i, kind: i % 5 === 0 ? 'a' : 'b' }));
    const sent = await sendAll(
      queue,
      texts.map((text) => outgoing(text)),
    );
    expect(sent.every(({ status }) => status === 'sent')).toBe(true);
    await failUntilDead(endpoint, queue, dead, count);

    const started = Date.now();
    const paced = await bench.redrive(queue, {
      max: 60,
      ratePerSec: 40,
      filter: await compileFilter('body.kind == "a"'),
    });
    expect(paced).toMatchObject({ moved: 60, failed: 0, unknown: 0, complete: true });
    expect(Date.now() - started).toBeGreaterThan(1200);

    const filtered = await bench.redrive(queue, { filter: await compileFilter('body.kind == "a"') });
    expect(filtered).toMatchObject({ matched: 1940, moved: 1940, left: 8000, failed: 0, unknown: 0, complete: true });
    const rest = await bench.redrive(queue, {});
    expect(rest).toMatchObject({ matched: 8000, moved: 8000, failed: 0, unknown: 0, complete: true });
    expect(await dead.stats(never)).toMatchObject({ depth: 0 });
    expect(bodies(await takeAll(queue)).sort()).toEqual([...texts].sort());
  });
});
