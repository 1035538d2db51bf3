import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Line } from '../../../src/top/text/line.ts';
import { wrapped } from '../../../src/top/text/padding.ts';
import { spokenLines } from '../../../src/top/text/spoken.ts';

const row = (name: string, cells = 50): Line => ({
  text: name,
  words: `${name}${' w'.repeat(cells)}`.slice(0, cells),
});
const names = (lines: readonly Line[]): string => lines.map(({ text }) => text).join(' ');
const size = { columns: 31, rows: 6 };

describe('the lines that a screen reader is given', () => {
  test('all of them where they fit; a drawing takes no line', () => {
    const lines = [row('title', 20), row('a'), { text: '▁▂▃', words: '' }, row('foot', 20)];
    expect(spokenLines(lines, 1, { columns: 31, rows: 4 })).toBe(lines);
  });

  test('the first, the last and what is around the anchor where they do not', () => {
    const lines = [row('title', 20), row('a'), row('b'), row('c'), row('d'), row('foot', 20)];
    expect(names(spokenLines(lines, 1, size))).toBe('title a b foot');
    expect(names(spokenLines(lines, 4, size))).toBe('title c d foot');
    expect(names(spokenLines(lines, 5, size))).toBe('title c d foot');
  });

  test('blank lines give way to what says something', () => {
    const lines = [row('title', 20), { text: '' }, row('a'), { text: '' }, row('b'), row('foot', 20)];
    expect(names(spokenLines(lines, 2, size))).toBe('title a b foot');
  });

  test('never more than the screen has', () => {
    const lines = fc.array(
      fc.integer({ min: 1, max: 100 }).map((cells) => row('x', cells)),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(lines, fc.nat(), fc.integer({ min: 1, max: 12 }), (all, at, rows) => {
        const shown = spokenLines(all, at % all.length, { columns: 31, rows });
        expect(shown.flatMap(({ words = '' }) => wrapped(words, 30)).length).toBeLessThanOrEqual(rows);
      }),
    );
  });
});
