import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { type Column, columns, cut } from '../../../src/cli/output/columns.ts';
import { textWidth } from '../../../src/cli/output/text-width.ts';

const SPEC: readonly Pick<Column<never>, 'heading' | 'align' | 'shrinks'>[] = [
  { heading: 'QUEUE', align: 'left', shrinks: true },
  { heading: 'READY', align: 'right' },
];
const ROWS = [
  ['orders', '7'],
  ['漢字', '12345'],
];
const OPTIONS = { width: null, paintHeading: (text: string): string => text, widthOf: stringWidth };

describe('columns', () => {
  it('aligns by what the eye sees', () => {
    expect(columns(ROWS, SPEC, { ...OPTIONS, headings: true })).toEqual([
      'QUEUE   READY',
      'orders      7',
      '漢字    12345',
    ]);
  });

  it('leaves out headings', () => {
    expect(columns(ROWS, SPEC, { ...OPTIONS, headings: false })).toHaveLength(2);
  });

  it('never cuts without a width', () => {
    const [line] = columns([['x'.repeat(500), '1']], SPEC, { ...OPTIONS, headings: false });
    expect(line).toContain('x'.repeat(500));
  });

  it('cuts the name, so that the figures stay in sight', () => {
    const lines = columns([['x'.repeat(500), '42']], SPEC, { ...OPTIONS, headings: true, width: 30 });
    expect(lines[1]).toMatch(/^x+… +42$/);
    for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(30);
  });
});

describe('cut', () => {
  it.each([
    ['short', 10, 'short'],
    ['exactly10!', 10, 'exactly10!'],
    ['too long for it', 8, 'too lon…'],
    ['漢字漢字', 5, '漢字…'],
    ['👩‍👩‍👧👩‍👩‍👧', 3, '👩‍👩‍👧…'],
  ])('%s in %d cells', (text, width, expected) => {
    expect(cut(text, width, stringWidth)).toBe(expected);
  });
});

it('textWidth counts plain letters without its library, and wide ones with it', async () => {
  expect((await textWidth(['abc']))('abc')).toBe(3);
  expect((await textWidth(['abc', '漢字']))('漢字')).toBe(4);
});
