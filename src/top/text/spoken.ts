import type { Line } from './line.ts';
import { wrapped } from './padding.ts';

/**
 * The lines whose words fit on a screen of `columns` × `rows`, for a screen reader. A row in words takes several lines,
 * and text beyond the screen pushes its beginning away. The first and the last line stay, and of the others those that
 * are nearest to line `anchor`.
 */
export function spokenLines(
  lines: readonly Line[],
  anchor: number,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): readonly Line[] {
  const heights = lines.map(({ text, words = text }) =>
    words === '' && text !== '' ? 0 : wrapped(words, columns - 1).length,
  );
  const all = heights.reduce((sum, height) => sum + height, 0);
  if (all <= rows) return lines;
  const isBlank = ({ text }: Line): boolean => text.trim() === '';
  const rank = (index: number): number => {
    if (index === anchor) return 0;
    if (index === 0 || index === lines.length - 1) return 1;
    const line = lines[index];
    return 1 + Math.abs(index - anchor) + (line !== undefined && isBlank(line) ? lines.length : 0);
  };
  const kept = new Set<number>();
  let left = rows;
  for (const index of [...lines.keys()].toSorted((one, other) => rank(one) - rank(other))) {
    const height = heights[index] ?? 0;
    if (height > left) break;
    kept.add(index);
    left -= height;
  }
  return lines.filter((_, index) => kept.has(index));
}
