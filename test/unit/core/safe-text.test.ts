import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { safe, safeJson, safeLines } from '../../../src/core/safe-text.ts';
import { anyCodePoint } from '../../support/any-text.ts';

/** Code points that a terminal acts on or that reorder text, each once. */
function dangerousIn(text: string): readonly number[] {
  const codes = [...text].map((character) => character.codePointAt(0) ?? 0);
  const isDangerous = (code: number): boolean =>
    code < 0x20 ||
    (code >= 0x7f && code < 0xa0) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069) ||
    [
      0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x180e, 0x200b, 0x200e, 0x200f, 0x2060, 0x2800, 0x3164, 0xfeff, 0xffa0,
    ].includes(code) ||
    (code >= 0xfe00 && code <= 0xfe0e) ||
    (code >= 0xe0000 && code <= 0xe0fff);
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
    // Two queues, one look: zero-width space, joiner and non-joiner, soft hyphen, tags, fillers, a blank of braille,
    // selectors of variations.
    ['orders\u200b', 'orders\\u200b'],
    ['or\u200dders\u200c', 'or\\u200dders\\u200c'],
    ['or\u00adders', 'or\\xadders'],
    ['orders\u{e0061}\u{e007f}', 'orders\\u{e0061}\\u{e007f}'],
    ['\u3164\u115f\uffa0\u2800', '\\u3164\\u115f\\uffa0\\u2800'],
    ['a\ufe0fb\u{e0100}', 'a\\ufe0fb\\u{e0100}'],
    ['heart \u2764\ufe0f', 'heart \u2764\\ufe0f'],
    ['\u061c\u2060\u180e\u034f', '\\u061c\\u2060\\u180e\\u034f'],
    ['grüße 漢字 👩‍👩‍👧 $(rm -rf /)', 'grüße 漢字 👩‍👩‍👧 $(rm -rf /)'],
  ])('%j becomes %j', (text, shown) => {
    expect(safe(text)).toBe(shown);
  });

  it('leaves nothing that a terminal would act on, whatever comes', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCodePoint }), (text) => {
        expect(dangerousIn(safe(text))).toEqual([]);
      }),
    );
  });
});

it('safeJson writes what no BMP holds as the pair that JSON knows', () => {
  expect(JSON.parse(safeJson('"x\u{e0041}"'))).toBe('x\u{e0041}');
  expect(safeJson('"x\u{e0041}"')).toBe('"x\\udb40\\udc41"');
});

it('safeLines keeps line feeds and tabs only', () => {
  expect(safeLines('a\n\tb\r\u001b[2J')).toBe('a\n\tb\\r\\e[2J');
});

it('safeJson still parses to the same value', () => {
  fc.assert(
    fc.property(fc.string({ unit: anyCodePoint }), (text) => {
      const shown = safeJson(JSON.stringify({ text }, null, 2));
      expect(dangerousIn(shown)).toEqual([0x0a].filter((code) => shown.includes(String.fromCodePoint(code))));
      expect(JSON.parse(shown)).toEqual({ text });
    }),
  );
});
