import fc from 'fast-check';
import { expect, test } from 'vitest';
import { appended, CAPACITY, emptySeries, LANES, laneOf, type Sample, slope, trend } from '../../../src/feed/series.ts';

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
  const found = slope(made(depths), 'depth', 5_000);
  expect(found === null ? null : { perSec: found.perSec, change: found.change }).toEqual(expected);
});

test.each([
  [[0, 5, 0, 5], 0],
  [[0, 4, 2, 6], 2],
  [[6, 2, 4, 0], -2],
  [[10, 20, 30, 40], 20],
  [[10, 10, 10, 30], 20],
  // What is said again and again is one sample that lasts.
  [[10, 30, 30, 30, 30], 0],
  [[30, 30, 30, 30], 0],
])('%j is beyond its older half by %i', (depths, beyond) => {
  expect(slope(made(depths), 'depth', 5_000)?.beyond).toBe(beyond);
});

test('samples further apart than the window: the change between the last two', () => {
  expect(slope(made([0, 60, 120], 60_000), 'depth', 5_000)).toEqual({ perSec: 1, change: 60, beyond: 60 });
});

const counting = (from: number, by: number, times: number) =>
  Array.from({ length: times }, (_, index) => from + index * by);

test.each<[string, readonly (number | null)[], { perSec: number; change: number } | null]>([
  ['too few samples', counting(60_000, 5, 19), null],
  ['a slow rise of a deep queue', counting(60_000, 5, 20), { perSec: 5, change: 95 }],
  ['a slow fall', counting(60_000, -2, 30), { perSec: -2, change: -38 }],
  [
    'a rise in steps, as of a broker that renews its figures every third time',
    Array.from({ length: 20 }, (_, index) => Math.floor(index / 3) * 19),
    { perSec: 6, change: 114 },
  ],
  ['it wavers', [9, 1, 8, 2, 7, 3, 9, 1, 8, 2, 7, 3, 9, 1, 8, 2, 7, 3, 9, 1], null],
  ['it has wandered up, and back a little', [...counting(100, 1, 12), ...counting(105, 1, 8)], null],
  ['one wave back is none', [...counting(100, 1, 19), 103], null],
  ['it does not change', counting(5, 0, 20), null],
  ['it has stopped', [...counting(0, 5, 20), 95, 95, 95, 95, 95, 95], null],
  ['a sample is unknown', [...counting(0, 1, 8), null, ...counting(20, 1, 14)], null],
])('trend: %s', (_name, depths, expected) => {
  expect(trend(made(depths), 'depth')).toEqual(expected);
});

test('a trend is read alike from samples that repeat and from those that do not', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: -1, max: 3 }), fc.integer({ min: 1, max: 7 })), { minLength: 8 });
  fc.assert(
    fc.property(steps, fc.boolean(), (changes, isFalling) => {
      let depth = 1_000;
      const values = changes.flatMap(([by, times]) => {
        depth += isFalling ? -by : by;
        return new Array<number>(times).fill(depth);
      });
      const last = values.slice(-20);
      const groups = [0, 5, 10, 15].map((from) => last.slice(from, from + 5));
      const follow = (goesOn: (one: readonly number[], next: readonly number[]) => boolean): boolean =>
        groups.every((one, index) => index === 0 || goesOn(groups[index - 1] ?? [], one));
      const isUp = follow((one, next) => Math.min(...next) >= Math.max(...one));
      const isDown = follow((one, next) => Math.max(...next) <= Math.min(...one));
      const isOver = new Set(values.slice(-7)).size === 1;
      const change = (last.at(-1) ?? 0) - (last[0] ?? 0);
      const expected = values.length >= 20 && (isUp || isDown) && !isOver && change !== 0 ? change : null;
      expect(trend(made(values), 'depth')?.change ?? null).toBe(expected);
    }),
  );
});
