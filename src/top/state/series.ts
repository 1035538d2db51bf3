/** One sample of the figures that are drawn over time. Null: unknown then. */
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

const ELAPSED = LANES.length;
const WIDTH = LANES.length + 1;

/**
 * The last samples of one queue, oldest first. Never changed once made, so that a frozen view stays as it was. It is one array of numbers,
 * because 2,000 queues get a new one every second; in it NaN stands for unknown, and float32 is exact for counts up to 16 million, beyond
 * which only the drawing is rounded.
 */
export interface Series {
  readonly samples: number;
  readonly cells: Float32Array;
}

const EMPTY: Series = { samples: 0, cells: new Float32Array(0) };

export function emptySeries(): Series {
  return EMPTY;
}

/** `elapsedMs`: since the sample before; 0 for the first. */
export function appended(series: Series, sample: Sample, elapsedMs: number): Series {
  const samples = Math.min(CAPACITY, series.samples + 1);
  const cells = new Float32Array(samples * WIDTH);
  const kept = series.cells.subarray(series.cells.length - (samples - 1) * WIDTH);
  cells.set(kept);
  const at = (samples - 1) * WIDTH;
  for (const [lane, name] of LANES.entries()) cells[at + lane] = sample[name] ?? Number.NaN;
  cells[at + ELAPSED] = elapsedMs;
  return { samples, cells };
}

export function laneOf(series: Series, name: Lane): readonly (number | null)[] {
  const lane = LANES.indexOf(name);
  return Array.from({ length: series.samples }, (_, index) => known(series.cells[index * WIDTH + lane]));
}

/**
 * Change per second of a figure over the last `windowMs`, and how much it changed in all; null with fewer than two known samples. Between
 * samples further apart than the window it is the change between the last two.
 */
export function slope(series: Series, name: Lane, windowMs: number): { perSec: number; change: number } | null {
  const lane = LANES.indexOf(name);
  const last = known(series.cells[(series.samples - 1) * WIDTH + lane]);
  if (last === null) return null;
  let elapsedMs = 0;
  let first: number | null = null;
  let firstElapsedMs = 0;
  for (let index = series.samples - 1; index > 0; index--) {
    elapsedMs += series.cells[index * WIDTH + ELAPSED] ?? 0;
    if (elapsedMs > windowMs && first !== null) break;
    const value = known(series.cells[(index - 1) * WIDTH + lane]);
    if (value === null) break;
    first = value;
    firstElapsedMs = elapsedMs;
  }
  if (first === null || firstElapsedMs <= 0) return null;
  return { perSec: ((last - first) * 1000) / firstElapsedMs, change: last - first };
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
