import { describe, expect, it } from 'vitest';
import { formatSize, parseSizeBytes } from '../../../src/core/size.ts';

describe('parseSizeBytes', () => {
  it.each([
    ['0', 0],
    ['500', 500],
    ['1k', 1000],
    ['64Ki', 65_536],
    ['1.5M', 1_500_000],
    ['2Mi', 2_097_152],
    ['1G', 1e9],
    ['1Gi', 1_073_741_824],
  ])('reads %s', (text, bytes) => {
    expect(parseSizeBytes(text)).toBe(bytes);
  });

  it.each(['', 'k', '1K', '1ki', '1KiB', '1kb', '-1', '1 k', '1.5', '0.3Ki', '1e3', `${'9'.repeat(20)}`])(
    'refuses %j',
    (text) => {
      expect(() => parseSizeBytes(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
    },
  );
});

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1536, '1.5 KiB'],
  [5 * 1024 ** 2, '5.0 MiB'],
])('formatSize(%d) is %s', (bytes, text) => {
  expect(formatSize(bytes)).toBe(text);
});
