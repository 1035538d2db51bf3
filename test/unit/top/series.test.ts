import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  appended,
  CAPACITY,
  emptySeries,
  LANES,
  laneOf,
  type Sample,
  slope,
  trend,
} from '../../../src/top/state/series.ts';

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

const counting = (from: number, by: number, times: number) =>
  Array.from({ length: times }, (_, index) => from + index * by);

test.each<[string, readonly (number | null)[], { perSec: number; change: number } | null]>([
  ['too few samples', counting(60_000, 5, 11), null],
  ['a slow rise of a deep queue', counting(60_000, 5, 12), { perSec: 5, change: 55 }],
  ['a slow fall', counting(60_000, -2, 30), { perSec: -2, change: -22 }],
  [
    'a rise in steps, as of a broker that renews its figures every other time',
    [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5].map((step) => step * 11),
    { perSec: 5, change: 55 },
  ],
  ['it wavers', [9, 1, 8, 2, 7, 3, 9, 1, 8, 2, 7, 3], null],
  ['one wave back is none', [...counting(100, 1, 11), 103], null],
  ['it has stopped', [...counting(0, 5, 20), 95, 95, 95, 95, 95, 95], null],
  ['a sample is unknown', [...counting(0, 1, 8), null, ...counting(20, 1, 4)], null],
])('trend: %s', (_name, depths, expected) => {
  expect(trend(made(depths), 'depth')).toEqual(expected);
});

test('a trend is read alike from samples that repeat and from those that do not', () => {
  const depths = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 12, maxLength: 40 });
  fc.assert(
    fc.property(depths, (values) => {
      const [early, late] = [values.slice(-12, -6), values.slice(-6)];
      const isUp = Math.min(...late) > Math.max(...early);
      const isDown = Math.max(...late) < Math.min(...early);
      const isOver = new Set(values.slice(-7)).size === 1;
      const change = (values.at(-1) ?? 0) - (values.at(-12) ?? 0);
      expect(trend(made(values), 'depth')?.change ?? null).toBe((isUp || isDown) && !isOver ? change : null);
    }),
  );
});
