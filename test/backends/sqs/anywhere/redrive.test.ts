import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileFilter } from '../../../../src/core/filter.ts';
import { failUntilDead } from '../../../support/sqs/failing-worker.ts';
import { bodies, never, outgoing, sendAll, takeAll } from '../../../support/sqs/harness.ts';
import { placesBeside } from '../../../support/sqs/places.ts';
import { RedriveBench } from '../../../support/sqs/redrive-bench.ts';

describe.each(await placesBeside('fauxqs'))('a redrive by hand ($title)', (where) => {
  let bench: RedriveBench;
  beforeAll(async () => {
    bench = await RedriveBench.open(where);
  });
  afterAll(() => bench.close(), where.caseTimeoutMs);

  it('of 10,000 messages that sqs-consumer has killed, with filter, max and rate', {
    timeout: Math.max(240_000, where.caseTimeoutMs),
  }, async () => {
    const { queue, dead } = await bench.linked(false);
    const count = 10_000;
    const texts = Array.from({ length: count }, (_, i) => JSON.stringify({ order: i, kind: i % 5 === 0 ? 'a' : 'b' }));
    const sent = await sendAll(
      queue,
      texts.map((text) => outgoing(text)),
    );
    expect(sent.every(({ status }) => status === 'sent')).toBe(true);
    await failUntilDead(bench.place, queue, dead, count);

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
    await expect.poll(() => dead.stats(never), { timeout: where.patienceMs }).toMatchObject({ depth: 0 });
    expect(bodies(await takeAll(queue)).sort()).toEqual([...texts].sort());
  });
});
