import { describe, expect, it } from 'vitest';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { ReadingPairs, ratesBetween, withRates } from '../../../src/feed/rates.ts';

const reading = (sampledAt: number, counters?: QueueStats['counters']): QueueStats => ({
  queue: 'q',
  broker: 'sqlite',
  kind: 'sqlite',
  state: 'running',
  ready: 0,
  depth: 0,
  approximate: [],
  notes: {},
  sampledAt,
  ...(counters === undefined ? {} : { counters }),
});

describe('rates from two readings', () => {
  it('are per second over the time between them', () => {
    const rates = ratesBetween(
      reading(1000, { enqueued: 10, acked: 5, failed: 0 }),
      reading(3000, { enqueued: 30, acked: 10, failed: 1 }),
    );
    expect(rates).toEqual({ inPerSec: 10, outPerSec: 2.5, errorPerSec: 0.5, windowMs: 2000 });
  });

  it('are unknown, not negative, after a counter was reset', () => {
    const rates = ratesBetween(
      reading(0, { enqueued: 500, acked: 400, failed: 3 }),
      reading(1000, { enqueued: 20, acked: 410, failed: 3 }),
    );
    expect(rates).toMatchObject({ inPerSec: null, outPerSec: null, errorPerSec: null });
  });

  it('are unknown where one counter is unknown, or all are', () => {
    const rates = ratesBetween(
      reading(0, { enqueued: null, acked: 0, failed: 0 }),
      reading(1000, { enqueued: null, acked: 1, failed: 0 }),
    );
    expect(rates).toEqual({ inPerSec: null, outPerSec: 1, errorPerSec: 0, windowMs: 1000 });
    expect(ratesBetween(reading(0), reading(1000))).toEqual({
      inPerSec: null,
      outPerSec: null,
      errorPerSec: null,
      windowMs: null,
    });
  });

  it("are the broker's own where it has them", () => {
    const own = { inPerSec: 1, outPerSec: 2, errorPerSec: null, windowMs: 5000 };
    expect(withRates({ ...reading(1000), rates: own }, reading(0)).rates).toEqual(own);
  });

  it('are those of two readings in a row, and unknown for a queue that was not in the one before', () => {
    const pairs = new ReadingPairs();
    const at = (sampledAt: number, enqueued: number) => reading(sampledAt, { enqueued, acked: 0, failed: 0 });
    const rateOf = (readings: readonly QueueStats[]) => pairs.rated(readings).map(({ rates }) => rates?.inPerSec);
    expect(rateOf([at(0, 0)])).toEqual([null]);
    expect(rateOf([at(1000, 5)])).toEqual([5]);
    expect(rateOf([])).toEqual([]);
    expect(rateOf([at(2000, 9)])).toEqual([null]);
    expect(rateOf([at(3000, 10)])).toEqual([1]);
  });
});
