import fc from 'fast-check';
import { expect, test } from 'vitest';
import { appended, CAPACITY, emptySeries, LANES, laneOf, type Sample, slope } from '../../../src/top/state/series.ts';

const sample = (depth: number | null): Sample => ({ depth, dead: 0, inPerSec: null, outPerSec: 1.5, errorPerSec: 0 });
const made = (depths: readonly (number | null)[], elapsedMs = 1_000) =>
  depths.reduce((series, depth, index) => appended(series, sample(depth), index === 0 ? 0 : elapsedMs), emptySeries());

test('keeps the last samples of every lane, known and unknown, however they repeat', () => {
  const depth = fc.oneof(fc.constantFrom(0, 5, null), fc.integer({ min: 0, max: 1_000_000 }));
  fc.assert(
    fc.property(fc.array(depth, { maxLength: CAPACITY * 3 }), (depths) => {
      const series = made(depths);
      expect(laneOf(series, 'depth')).toEqual(depths.slice(-CAPACITY));
      for (const lane of LANES) expect(laneOf(series, lane)).toHaveLength(Math.min(CAPACITY, depths.length));
      expect(laneOf(series, 'inPerSec').every((value) => value === null)).toBe(true);
    }),
  );
});

test('a series that is appended to stays as it was', () => {
  const before = made([1, 2, 2]);
  appended(before, sample(3), 1_000);
  appended(before, sample(2), 1_000);
  expect(laneOf(before, 'depth')).toEqual([1, 2, 2]);
});

test.each<[readonly (number | null)[], { perSec: number; change: number } | null]>([
  [[], null],
  [[5], null],
  [[5, 5], { perSec: 0, change: 0 }],
  [[10, 20], { perSec: 10, change: 10 }],
  [[100, 90, 80], { perSec: -10, change: -20 }],
  // The window is five seconds.
  [[0, 0, 0, 0, 0, 10, 10, 10, 10, 10], { perSec: 2, change: 10 }],
  [[0, 10, 10, 10, 10, 10, 10, 10], { perSec: 0, change: 0 }],
  [[null, 10, 30], { perSec: 20, change: 20 }],
  [[10, null], null],
])('slope of %j', (depths, expected) => {
  expect(slope(made(depths), 'depth', 5_000)).toEqual(expected);
});

test('samples further apart than the window: the change between the last two', () => {
  expect(slope(made([0, 60, 120], 60_000), 'depth', 5_000)).toEqual({ perSec: 1, change: 60 });
});
