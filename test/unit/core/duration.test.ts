import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDurationMs } from '../../../src/core/duration.ts';

describe('parseDurationMs', () => {
  it.each([
    ['0', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5h', 5_400_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1w2d3h4m5s6ms', 604_800_000 + 2 * 86_400_000 + 3 * 3_600_000 + 4 * 60_000 + 5_006],
  ])('reads %s', (text, milliseconds) => {
    expect(parseDurationMs(text)).toBe(milliseconds);
  });

  it.each([
    '30',
    '1.5',
    '',
    's',
    '-5s',
    '5 m',
    '1d-3h',
    '0x10s',
    '1.5.5s',
    '5m 3 apples',
    '30m1h',
    '1s1s',
    '5S',
    '1e3s',
    `${'9'.repeat(20)}w`,
  ])('refuses %j', (text) => {
    expect(() => parseDurationMs(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });

  it('says which unit is missing', () => {
    expect(() => parseDurationMs('30')).toThrow(expect.objectContaining({ hint: 'write 30s or 30m, for example' }));
  });
});

describe('formatDuration', () => {
  it.each([
    [0, '0ms'],
    [999, '999ms'],
    [1_500, '1.5s'],
    [10_400, '10s'],
    [59_600, '1m'],
    [192_000, '3m12s'],
    [3_600_000, '1h'],
    [187_200_000, '2d4h'],
    [1_209_600_000, '2w'],
  ])('%d ms is %s', (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });

  it('gives what can be read back, within its two units', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (milliseconds) => {
        const back = parseDurationMs(formatDuration(milliseconds));
        expect(Math.abs(back - milliseconds)).toBeLessThanOrEqual(Math.max(500, milliseconds / 6));
      }),
    );
  });
});
