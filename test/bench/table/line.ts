import { loadavg } from 'node:os';
import { median } from '../measure.ts';

/** One line of the table: what `mq` needs for a piece of work, against what people use today. */
export interface Line {
  readonly work: string;
  /** The peer or the floor; '' where the goal is absolute. */
  readonly against: string;
  /** Of the ratio ours ÷ theirs; of ours alone where there is no peer. */
  readonly goal: { readonly atMost: number } | { readonly atLeast: number };
  /** One figure a round, in `unit`. */
  readonly ours: readonly number[];
  /** One figure a round, of the same rounds; empty where the goal is absolute. */
  readonly theirs: readonly number[];
  readonly unit: 'ms' | '/s' | 'MiB' | '% of a core';
  /** What a reader must know to judge it: versions, what differs between the two. */
  readonly note?: string;
}

/**
 * The figure that the goal is about: the median of the ratios, round by round, for a machine that is slow for a while
 * slows both of a round.
 */
function figure({ ours, theirs }: Line): number {
  if (ours.length === 0 || (theirs.length > 0 && theirs.length !== ours.length)) return Number.NaN;
  return median(theirs.length === 0 ? ours : ours.map((value, round) => value / (theirs[round] ?? Number.NaN)));
}

/** Whether the goal is met. A figure that could not be had meets none. */
export function within(line: Line): boolean {
  return 'atMost' in line.goal ? figure(line) <= line.goal.atMost : figure(line) >= line.goal.atLeast;
}

export function print(line: Line): void {
  const { work, against, goal, ours, theirs, unit, note } = line;
  const bound = 'atMost' in goal ? `≤ ${goal.atMost}` : `≥ ${goal.atLeast}`;
  const values =
    theirs.length === 0
      ? `${rounded(median(ours))} ${unit}`
      : `${rounded(median(ours))} : ${rounded(median(theirs))} ${unit}`;
  process.stdout.write(
    `${within(line) ? 'within ' : 'OUTSIDE'} ${rounded(figure(line)).padStart(8)} (${bound})  ${work}${against === '' ? '' : ` against ${against}`}: ${values}, ${ours.length} rounds, load ${loadavg()[0]?.toFixed(1)}${note === undefined ? '' : `; ${note}`}\n`,
  );
}

function rounded(value: number): string {
  if (Number.isNaN(value)) return 'unknown';
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);
}
