import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { type Column, columns, cut } from '../../../src/cli/output/columns.ts';

interface Row {
  readonly name: string;
  readonly ready: number;
}

const SPEC: readonly Column<Row>[] = [
  { heading: 'QUEUE', align: 'left', cell: (row) => row.name, shrinks: true },
  { heading: 'READY', align: 'right', cell: (row) => row.ready.toString() },
];
const ROWS: readonly Row[] = [
  { name: 'orders', ready: 7 },
  { name: '漢字', ready: 12345 },
];
const plain = (text: string): string => text;

describe('columns', () => {
  it('aligns by what the eye sees', () => {
    expect(columns(ROWS, SPEC, { headings: true, width: null, paintHeading: plain })).toEqual([
      'QUEUE   READY',
      'orders      7',
      '漢字    12345',
    ]);
  });

  it('leaves out headings', () => {
    expect(columns(ROWS, SPEC, { headings: false, width: null, paintHeading: plain })).toHaveLength(2);
  });

  it('never cuts without a width', () => {
    const [line] = columns([{ name: 'x'.repeat(500), ready: 1 }], SPEC, {
      headings: false,
      width: null,
      paintHeading: plain,
    });
    expect(line).toContain('x'.repeat(500));
  });

  it('cuts the name, so that the figures stay in sight', () => {
    const lines = columns([{ name: 'x'.repeat(500), ready: 42 }], SPEC, {
      headings: true,
      width: 30,
      paintHeading: plain,
    });
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
    expect(cut(text, width)).toBe(expected);
  });
});
