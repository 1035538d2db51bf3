import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { namesOnly, plainStart } from '../../../src/backends/common/globs.ts';
import { nameFilter } from '../../../src/backends/rabbitmq/listing/name-filter.ts';
import { isGlob, queuePattern } from '../../../src/core/name-pattern.ts';

describe('name pattern', () => {
  it.each([
    ['orders-*', 'orders-dlq', true],
    ['orders-*', 'orders', false],
    ['*/eu/*', 'a/eu/b/c', true],
    ['*', '.hidden', true],
    ['order?', 'orders', true],
    ['order?', 'order', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[!a-c]x', 'dx', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'axb', false],
    ['a\\b', 'a\\b', true],
    ['a\\b', 'ab', false],
    ['a\\\\b', 'a\\b', true],
    ['a\\', 'a\\', true],
    ['a\\b*', 'a\\bc', true],
    ['a.b', 'axb', false],
    ['(a|b)', 'a', false],
    ['[', '[', true],
    // A range the wrong way round has no letter in it.
    ['[z-a]', 'z', false],
    ['[z-a]', '-', false],
    ['[z-ab]', 'b', true],
    ['a[2---x]', 'a-', true],
    ['a[2---x]', 'a2', false],
    ['[!z-a]', 'x', true],
    ['[\\d]', '1', false],
    ['[\\d]', 'd', true],
    ['[^a]', '^', true],
    ['[a-]', '-', true],
    ['[\ud800-\ud7ff]', 'x', false],
    ['[😀-😂]', '😁', true],
    ['line\n*', 'line\nbreak\nmore', true],
  ])('%j on %j is %s', (glob, name, expected) => {
    expect(queuePattern([glob]).matches(name)).toBe(expected);
  });

  it('matches everything without a glob, and any of several', () => {
    expect(queuePattern([]).matches('x')).toBe(true);
    expect(queuePattern(['a*', 'b*']).matches('bee')).toBe(true);
  });

  it('reads every escaped name as itself and nothing else', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string(), (name, other) => {
        const pattern = queuePattern([name.replace(/[\\*?[\]]/g, '\\$&')]);
        expect(pattern.matches(name)).toBe(true);
        expect(pattern.matches(other)).toBe(other === name);
      }),
    );
  });
});

it('whatever is typed is a pattern', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'[]!^-\\*?az09{}()|.$+😀', '\ud800', '\udc00') }), (glob) => {
      expect(typeof queuePattern([glob]).matches('a')).toBe('boolean');
    }),
    { numRuns: 2_000 },
  );
});

/** What has a meaning in a glob, or nearly. */
const PIECES = fc.string({ unit: fc.constantFrom(...'[]!-\\*?ab{}'), maxLength: 6 });

describe('what backends read off a glob', () => {
  it('is what the pattern matches', () => {
    fc.assert(
      fc.property(PIECES, PIECES, (glob, name) => {
        const { matches } = queuePattern([glob]);
        const [only] = namesOnly([glob]) ?? [];
        if (only !== undefined) expect([isGlob(glob), matches(name)]).toEqual([false, name === only]);
        if (!matches(name)) return;
        expect(name.startsWith(plainStart(glob))).toBe(true);
        expect(nameFilter([glob])?.passes(name)).not.toBe(false);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe('isGlob', () => {
  it.each(['a*', '?', '[ab]', '[]]', 'a[0-9]', '[\n]', 'orders\\*', 'orders\\[1'])('%j is one', (text) => {
    expect(isGlob(text)).toBe(true);
  });
  it.each(['orders', 'name[', 'name]', '[]', 'a]b[c', 'a\\b', 'a{b}', ''])('%j is a name', (text) => {
    expect(isGlob(text)).toBe(false);
    expect(queuePattern([text]).matches(text)).toBe(true);
  });

  it('is false exactly where the pattern is one name', () => {
    fc.assert(
      fc.property(PIECES, PIECES, (text, other) => {
        fc.pre(!isGlob(text));
        const { matches } = queuePattern([text]);
        expect([matches(text), matches(other)]).toEqual([true, other === text]);
      }),
      { numRuns: 5_000 },
    );
  });
});

it('a pattern that is longer than any name is a mistake of the caller, not a bug', () => {
  for (const long of ['*a', '['])
    expect(() => queuePattern([long.repeat(60_000)])).toThrow(expect.objectContaining({ code: 'USAGE' }));
});
