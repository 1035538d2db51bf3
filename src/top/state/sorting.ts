import type { Row } from './rows.ts';

/** The columns to sort rows by, in the order of the keys `s` and `S`. */
export const SORT_KEYS = [
  'trouble',
  'queue',
  'context',
  'ready',
  'in-flight',
  'delayed',
  'dead',
  'in/s',
  'out/s',
  'err/s',
  'age',
  'consumers',
  'net',
] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface Sorting {
  readonly key: SortKey;
  readonly reversed: boolean;
}

/** The value that ranks a queue. Null and undefined come last in both directions. */
const FIGURES: Readonly<Record<Exclude<SortKey, 'queue' | 'context'>, (row: Row) => number | null | undefined>> = {
  trouble: (row) => row.judgement.faults.length * 1e15 + (row.stats.depth ?? 0),
  ready: (row) => row.stats.ready,
  'in-flight': (row) => row.stats.inFlight,
  delayed: (row) => row.stats.delayed,
  dead: (row) => row.stats.dead,
  'in/s': (row) => row.stats.rates?.inPerSec,
  'out/s': (row) => row.stats.rates?.outPerSec,
  'err/s': (row) => row.stats.rates?.errorPerSec,
  age: (row) => row.stats.oldestAgeMs,
  consumers: (row) => row.stats.consumers,
  net: (row) => row.judgement.netPerSec,
};

/**
 * Figures run from the largest down, names from A up. `reversed` turns that round. Equal rows are ordered by their
 * names.
 */
export function sorted(rows: readonly Row[], { key, reversed }: Sorting): readonly Row[] {
  const direction = reversed ? -1 : 1;
  if (key === 'queue' || key === 'context') {
    const first = key === 'queue' ? byName : (a: Row, b: Row) => compare(a.context, b.context);
    return rows.toSorted((a, b) => direction * first(a, b) || byName(a, b));
  }
  const figure = FIGURES[key];
  return rows.toSorted((a, b) => {
    const [one, other] = [figure(a) ?? null, figure(b) ?? null];
    if (one === null || other === null) return Number(one === null) - Number(other === null) || byName(a, b);
    return direction * (other - one) || byName(a, b);
  });
}

function byName(a: Row, b: Row): number {
  return compare(a.queue, b.queue) || compare(a.context, b.context);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
