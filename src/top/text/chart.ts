import { formatCount } from './figures.ts';

/**
 * Bars over time, the newest at the right, from zero to the largest value. `bars`: characters from nothing to full. A
 * gap is an unknown value. A value above zero never looks like zero.
 */
export function sparkline(values: readonly (number | null)[], width: number, bars: string): string {
  return chart(values, width, 1, bars)[0] ?? '';
}

/** The same, `height` lines high, the top line first. */
export function chart(
  values: readonly (number | null)[],
  width: number,
  height: number,
  bars: string,
): readonly string[] {
  if (width <= 0) return Array.from({ length: height }, () => '');
  const shown = values.slice(-width);
  const known = shown.filter((value) => value !== null);
  const largest = topOf(Math.min(...known), Math.max(0, ...known));
  const steps = bars.length * height;
  const levels = shown.map((value) => {
    if (value === null) return 0;
    // The lowest step stands for zero.
    const level = largest === 0 ? 1 : 1 + Math.round((Math.max(0, value) / largest) * (steps - 1));
    return value > 0 ? Math.max(2, level) : level;
  });
  return Array.from({ length: height }, (_, line) => {
    const below = (height - 1 - line) * bars.length;
    const cells = levels.map((level) =>
      level <= below ? ' ' : (bars[Math.min(bars.length, level - below) - 1] ?? ' '),
    );
    return ' '.repeat(width - shown.length) + cells.join('');
  });
}

/** A value that hardly changes is drawn half as high: full bars would say that something is full. */
const FLAT_SHARE = 0.05;

function topOf(least: number, largest: number): number {
  return largest - least < largest * FLAT_SHARE ? largest * 2 : largest;
}

/** A screen reader says this instead of the bars. */
export function chartInWords(name: string, values: readonly (number | null)[], format = formatCount): string {
  const known = values.filter((value) => value !== null);
  const [first, last] = [known[0], known.at(-1)];
  if (first === undefined || last === undefined) return `${name}: unknown`;
  const trend = last > first ? 'rising' : last < first ? 'falling' : 'level';
  const range = `between ${format(Math.min(...known))} and ${format(Math.max(...known))}`;
  return `${name}: ${trend}, now ${format(last)}, ${range} over ${known.length} samples`;
}
