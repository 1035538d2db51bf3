/** One sample of the figures that are drawn over time. Null: the figure was unknown then. */
export interface Sample {
  readonly depth: number | null;
  readonly dead: number | null;
  readonly inPerSec: number | null;
  readonly outPerSec: number | null;
  readonly errorPerSec: number | null;
}
export type Lane = keyof Sample;
export const LANES = ['depth', 'dead', 'inPerSec', 'outPerSec', 'errorPerSec'] as const satisfies readonly Lane[];

/** As many samples as a chart can show. */
export const CAPACITY = 60;

const [DEPTH, DEAD] = [LANES.indexOf('depth'), LANES.indexOf('dead')];
const ELAPSED = LANES.length;
const WIDTH = LANES.length + 1;

/**
 * The last samples of one queue, oldest first. A series never changes once it is made, so that a frozen view stays the
 * same. It is one array of numbers, because 2,000 queues get a new one every second. A sample that is equal to the last
 * one is only counted, because most queues are idle. NaN stands for unknown. float32 is exact for counts up to 16
 * million; above that, only the drawing is rounded.
 */
export interface Series {
  /** Five figures, and the milliseconds since the previous sample. */
  readonly cells: Float32Array;
  /** How often the last sample of `cells` was repeated since, and over how many milliseconds. */
  readonly repeats: number;
  readonly repeatedMs: number;
}

const EMPTY: Series = { cells: new Float32Array(0), repeats: 0, repeatedMs: 0 };

export function emptySeries(): Series {
  return EMPTY;
}

/** `elapsedMs`: since the previous sample; 0 for the first. */
export function appended(series: Series, sample: Sample, elapsedMs: number): Series {
  if (saysTheSame(series, sample)) {
    return repeated(series, 1, elapsedMs);
  }
  const repeats = Math.min(series.repeats, CAPACITY - 1);
  const kept = Math.min(series.cells.length / WIDTH, CAPACITY - 1 - repeats);
  const cells = new Float32Array((kept + repeats + 1) * WIDTH);
  cells.set(series.cells.subarray(series.cells.length - kept * WIDTH));
  const last = series.cells.subarray(series.cells.length - WIDTH);
  for (let index = kept; index < kept + repeats; index++) {
    cells.set(last, index * WIDTH);
    cells[index * WIDTH + ELAPSED] = series.repeatedMs / series.repeats;
  }
  const at = (kept + repeats) * WIDTH;
  for (const [lane, name] of LANES.entries()) cells[at + lane] = sample[name] ?? Number.NaN;
  cells[at + ELAPSED] = elapsedMs;
  return { cells, repeats: 0, repeatedMs: 0 };
}

/** The same with its last sample repeated `count` times more, over `elapsedMs`. */
export function repeated(series: Series, count: number, elapsedMs: number): Series {
  return { cells: series.cells, repeats: series.repeats + count, repeatedMs: series.repeatedMs + elapsedMs };
}

/** Whether depth and dead letters were the same over the last `windowMs`, and in the last `samples`; two at least. */
export function hasStayed({ cells, repeats, repeatedMs }: Series, windowMs: number, samples: number): boolean {
  let [count, elapsedMs] = [repeats + 1, repeatedMs];
  for (let at = cells.length - WIDTH; at > 0 && (elapsedMs <= windowMs || count < samples); at -= WIDTH) {
    if (!Object.is(cells[at + DEPTH], cells[at - WIDTH + DEPTH])) return false;
    if (!Object.is(cells[at + DEAD], cells[at - WIDTH + DEAD])) return false;
    elapsedMs += cells[at + ELAPSED] ?? 0;
    count += 1;
  }
  return count >= Math.max(2, samples);
}

function saysTheSame({ cells }: Series, sample: Sample): boolean {
  const at = cells.length - WIDTH;
  return at >= 0 && LANES.every((name, lane) => Object.is(cells[at + lane], Math.fround(sample[name] ?? Number.NaN)));
}

export function laneOf(series: Series, name: Lane): readonly (number | null)[] {
  const lane = LANES.indexOf(name);
  const rows = series.cells.length / WIDTH;
  const values = Array.from({ length: rows }, (_, index) => known(series.cells[index * WIDTH + lane]));
  const last = values.at(-1) ?? null;
  const repeats = Math.min(series.repeats, CAPACITY);
  return [...values, ...Array.from({ length: repeats }, () => last)].slice(-CAPACITY);
}

export interface Slope {
  readonly perSec: number;
  /** All samples, repeated ones included. */
  readonly change: number;
  /**
   * How far the last sample is above all, or below all, of the older half. It is 0 for a figure that goes up and down
   * and is where it was, like the depth of a queue that is filled and emptied in batches.
   */
  readonly beyond: number;
}

/**
 * The change of a figure over the last `windowMs`; null with fewer than two known samples. If samples are further apart
 * than the window, it is the change between the last two.
 */
export function slope(series: Series, name: Lane, windowMs: number): Slope | null {
  const { cells, repeats, repeatedMs } = series;
  const lane = LANES.indexOf(name);
  const rows = cells.length / WIDTH;
  const last = known(cells[(rows - 1) * WIDTH + lane]);
  if (last === null) return null;
  let elapsedMs = repeatedMs;
  let first: number | null = repeats > 0 ? last : null;
  let firstElapsedMs = repeatedMs;
  for (let index = rows - 1; index > 0; index--) {
    elapsedMs += cells[index * WIDTH + ELAPSED] ?? 0;
    if (elapsedMs > windowMs && first !== null) break;
    const value = known(cells[(index - 1) * WIDTH + lane]);
    if (value === null) break;
    first = value;
    firstElapsedMs = elapsedMs;
  }
  if (first === null || firstElapsedMs <= 0) return null;
  const [least, most] = olderHalf(series, lane, firstElapsedMs);
  const beyond = last > most ? last - most : last < least ? last - least : 0;
  return { perSec: ((last - first) * 1000) / firstElapsedMs, change: last - first, beyond };
}

/** The smallest and largest of the samples in the older half of the last `elapsedMs`. All of them are known. */
function olderHalf({ cells, repeats, repeatedMs }: Series, lane: number, elapsedMs: number): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  let age = 0;
  for (let index = cells.length / WIDTH - 1; index >= 0 && age <= elapsedMs; index--) {
    // The last sample also stands for the equal ones before it.
    const oldest = index === cells.length / WIDTH - 1 && repeats > 0 ? repeatedMs : age;
    if (oldest * 2 >= elapsedMs) {
      const value = cells[index * WIDTH + lane] ?? Number.NaN;
      [least, most] = [Math.min(least, value), Math.max(most, value)];
    }
    age = oldest + (cells[index * WIDTH + ELAPSED] ?? 0);
  }
  return [least, most];
}

/** A trend is read from this many groups with this many samples each. */
const TREND_GROUPS = 4;
const TREND_GROUP = 5;
export const TREND_SAMPLES = TREND_GROUPS * TREND_GROUP;

/** Whether there are enough samples to see a slow trend. */
export function coversTrend({ cells, repeats }: Series): boolean {
  return cells.length / WIDTH + repeats >= TREND_SAMPLES;
}

/**
 * How a figure has risen or fallen over its last twenty samples, if it did so steadily, however little it was. Of four
 * groups of five, no group may overlap the one before. The depth of a queue whose consumers keep up wanders. A random
 * walk looks like a trend in one case of 160, but in one of five if only two halves are compared (simulated). A broker
 * may renew its figures only every few samples, so groups may touch. Null if there is no such trend.
 */
export function trend(series: Series, name: Lane): { perSec: number; change: number } | null {
  const { cells, repeats, repeatedMs } = series;
  const rows = cells.length / WIDTH;
  // The last samples are all the same, as with most queues.
  if (repeats > TREND_GROUP || !coversTrend(series)) return null;
  const lane = LANES.indexOf(name);
  const rowOf = (back: number): number => (rows - 1 - Math.max(0, back - repeats)) * WIDTH;
  let [rises, falls, elapsedMs] = [true, true, 0];
  let [laterLeast, laterMost] = [Infinity, -Infinity];
  for (let group = 0; group < TREND_GROUPS; group++) {
    let [least, most] = [Infinity, -Infinity];
    for (let back = group * TREND_GROUP; back < (group + 1) * TREND_GROUP; back++) {
      const value = cells[rowOf(back) + lane] ?? Number.NaN;
      if (Number.isNaN(value)) return null;
      [least, most] = [Math.min(least, value), Math.max(most, value)];
      if (back < TREND_SAMPLES - 1)
        elapsedMs += back < repeats ? repeatedMs / repeats : (cells[rowOf(back) + ELAPSED] ?? 0);
    }
    if (group > 0) [rises, falls] = [rises && most <= laterLeast, falls && least >= laterMost];
    if (!rises && !falls) return null;
    [laterLeast, laterMost] = [least, most];
  }
  const change = (cells[rowOf(0) + lane] ?? 0) - (cells[rowOf(TREND_SAMPLES - 1) + lane] ?? 0);
  if (elapsedMs <= 0 || change === 0) return null;
  return { perSec: (change * 1000) / elapsedMs, change };
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
