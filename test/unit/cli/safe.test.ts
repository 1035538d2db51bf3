import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safe, safeJson, safeLines } from '../../../src/cli/output/safe.ts';

/** Code points that a terminal acts on or that reorder text, each once. */
function dangerousIn(text: string): readonly number[] {
  const codes = [...text].map((character) => character.codePointAt(0) ?? 0);
  const isDangerous = (code: number): boolean =>
    code < 0x20 ||
    (code >= 0x7f && code < 0xa0) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069);
  return [...new Set(codes.filter(isDangerous))];
}

describe('safe', () => {
  it.each([
    ['\u001b]0;title\u0007', '\\e]0;title\\x07'],
    ['\u009b31m', '\\x9b31m'],
    ['\u202egnp.exe', '\\u202egnp.exe'],
    ['a\nb\rc\td', 'a\\nb\\rc\\td'],
    ['a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['\u007f\u0000', '\\x7f\\x00'],
    ['\ud800', '\\ud800'],
    ['grüße 漢字 👩‍👩‍👧 $(rm -rf /)', 'grüße 漢字 👩‍👩‍👧 $(rm -rf /)'],
  ])('%j becomes %j', (text, shown) => {
    expect(safe(text)).toBe(shown);
  });

  it('leaves nothing that a terminal would act on, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(dangerousIn(safe(text))).toEqual([]);
      }),
    );
  });
});

it('safeLines keeps line feeds and tabs only', () => {
  expect(safeLines('a\n\tb\r\u001b[2J')).toBe('a\n\tb\\r\\e[2J');
});

it('safeJson still parses to the same value', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = safeJson(JSON.stringify({ text }, null, 2));
      expect(dangerousIn(shown)).toEqual([0x0a].filter((code) => shown.includes(String.fromCodePoint(code))));
      expect(JSON.parse(shown)).toEqual({ text });
    }),
  );
});
