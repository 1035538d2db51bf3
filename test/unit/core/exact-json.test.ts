import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExactValue, InexactNumber, parseExactJson } from '../../../src/core/exact-json.ts';

/** As `JSON.parse` would have read it, for what it reads right. */
function plain(value: ExactValue): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof InexactNumber) return Number(value.text);
  if (value instanceof Map) {
    const record: Record<string, unknown> = {};
    for (const [key, item] of value)
      Object.defineProperty(record, key, { value: plain(item), enumerable: true, configurable: true, writable: true });
    return record;
  }
  return Array.isArray(value) ? value.map(plain) : value;
}

/** Keys of one character that are escaped are left out: some versions of Node read them wrongly, which is why this is not `JSON.parse`. */
const texts = fc
  .tuple(fc.json(), fc.constantFrom(undefined, 1, '\t'))
  .map(([json, indent]) => JSON.stringify(JSON.parse(json), null, indent));

describe('exact JSON', () => {
  it('reads what JSON.parse reads, and as the same but for whole numbers', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(plain(parseExactJson(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses what JSON.parse refuses', () => {
    const near = fc.tuple(texts, fc.nat(), fc.string({ maxLength: 2 })).map(([text, at, other]) => {
      const place = at % (text.length + 1);
      return text.slice(0, place) + other + text.slice(place + 1);
    });
    fc.assert(
      fc.property(fc.oneof(near, fc.string()), (text) => {
        let expected: unknown;
        try {
          expected = JSON.parse(text);
        } catch {
          expect(() => parseExactJson(text)).toThrow(SyntaxError);
          return;
        }
        expect(plain(parseExactJson(text))).toEqual(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['9007199254740993', 9_007_199_254_740_993n],
    ['-9223372036854775808', -(2n ** 63n)],
    ['18446744073709551615', 2n ** 64n - 1n],
    ['9007199254740993.0', 9_007_199_254_740_993n],
    ['9.007199254740993e15', 9_007_199_254_740_993n],
    ['90071992547409930e-1', 9_007_199_254_740_993n],
    ['0', 0n],
    ['-0', 0n],
    ['2.0', 2],
    ['1.5', 1.5],
    ['1e300', 1e300],
  ])('%s is exact', (text, value) => {
    expect(parseExactJson(text)).toBe(value);
  });

  it.each(['18446744073709551616', '-9223372036854775809', '9'.repeat(400), '9007199254740993.5', '1e-400000'])(
    'what nothing can hold is not rounded: %s',
    (text) => {
      const value = parseExactJson(text);
      if (text === '1e-400000') expect(value).toBe(0);
      else expect(value).toMatchObject({ text });
    },
  );

  it('escaped keys of one letter are told apart, in whatever order they come', () => {
    for (const [text, key] of [
      ['{"a":1,"\\\\":1}', '\\'],
      ['{"a":1,"\\n":1}', '\n'],
      ['{"a":1,"\\u0061":2}', 'a'],
    ] as const)
      expect([...(parseExactJson(text) as Map<string, unknown>).keys()]).toContain(key);
    expect(parseExactJson('{"a":1,"\\u0061":2}')).toEqual(new Map([['a', 2n]]));
  });

  it('no key means anything to JavaScript', () => {
    const value = parseExactJson('{"__proto__":{"polluted":1},"constructor":2}') as Map<string, ExactValue>;
    expect([...value.keys()]).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('what is nested beyond all use is refused, and not with an overflow', () => {
    expect(parseExactJson(`${'['.repeat(900)}${']'.repeat(900)}`)).toEqual(expect.any(Array));
    expect(() => parseExactJson('['.repeat(1_000_000))).toThrow(/nested/);
  });
});
