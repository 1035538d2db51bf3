import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dueInstant, formatInstant, instantNotes, LAST_INSTANT, readInstant } from '../../../src/contract/instant.ts';

const NOW = Date.UTC(2026, 10, 27, 9, 30);

describe('a number of a broker becomes an instant', () => {
  it.each([
    ['milliseconds', NOW, undefined],
    ['seconds', NOW / 1e3, undefined],
    ['milliseconds', NOW / 1e3, 'seconds'],
    ['milliseconds', NOW * 1e3, 'microseconds'],
    ['milliseconds', NOW * 1e6, 'nanoseconds'],
    ['seconds', NOW, 'milliseconds'],
    ['seconds', NOW * 1e3, 'microseconds'],
    ['seconds', NOW * 1e6, 'nanoseconds'],
    ['seconds', BigInt(NOW) * 1_000_000n, 'nanoseconds'],
    ['milliseconds', String(NOW * 1e6), 'nanoseconds'],
  ] as const)('said to be %s: %s', (unit, value, readAs) => {
    const { at, note } = readInstant(value, unit);
    expect(at).toBe(NOW);
    if (readAs === undefined) expect(note).toBeUndefined();
    else expect(note).toContain(`was read as ${readAs}`);
  });

  it('with what stands there where that can be: parts of a second, the beginning of time, a far year', () => {
    expect(readInstant(1_764_235_800.25, 'seconds')).toEqual({ at: 1_764_235_800_250 });
    expect(readInstant(0, 'seconds')).toEqual({ at: 0 });
    expect(readInstant(Date.UTC(3000, 0, 1), 'milliseconds')).toEqual({ at: Date.UTC(3000, 0, 1) });
    expect(readInstant('2026-11-27T09:30:00Z', 'seconds')).toEqual({ at: NOW });
    expect(readInstant(1_000, 'milliseconds')).toEqual({ at: 1_000 });
  });

  it.each([
    1e300,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -1,
    -62_135_596_800,
    18_446_744_011_573_954_816n,
    '9'.repeat(400),
  ])('beyond the calendar it is unknown, with a note: %s', (value) => {
    for (const unit of ['seconds', 'milliseconds'] as const) {
      const { at, note } = readInstant(value, unit);
      expect(at).toBeNull();
      expect(note).toContain('beyond the calendar');
      expect(note?.length).toBeLessThan(120);
    }
  });

  it('a text that is no date is unknown with a note, and what is not there without one', () => {
    expect(readInstant('yesterday', 'seconds')).toEqual({ at: null, note: '"yesterday" is no instant' });
    expect(readInstant('+058876-10-30T00:00:00.000Z', 'seconds').at).toBeNull();
    for (const nothing of [null, undefined, '', {}, [], true])
      expect(readInstant(nothing, 'seconds')).toEqual({ at: null });
  });

  it('whatever is read can be written, and is read again as the same', () => {
    const value = fc.oneof(fc.double(), fc.bigInt(), fc.integer(), fc.string(), fc.jsonValue(), fc.date());
    fc.assert(
      fc.property(value, fc.constantFrom('seconds' as const, 'milliseconds' as const), (one, unit) => {
        const { at } = readInstant(one, unit);
        const text = formatInstant(at);
        if (at === null) expect(text).toBeNull();
        else {
          expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
          expect(Date.parse(text ?? '')).toBe(at);
        }
      }),
    );
  });
});

it('what is due later than a date can say is due at the last instant, not at once', () => {
  expect(dueInstant(null)).toEqual({ at: null });
  expect(dueInstant(NOW)).toEqual({ at: NOW });
  expect(dueInstant(1e300)).toMatchObject({ at: LAST_INSTANT, note: expect.any(String) });
  expect(dueInstant(Number.POSITIVE_INFINITY)).toMatchObject({ at: LAST_INSTANT });
});

it('no number makes the formatter throw', () => {
  fc.assert(
    fc.property(fc.double(), (at) => {
      const text = formatInstant(at);
      expect(text === null || !Number.isNaN(Date.parse(text))).toBe(true);
    }),
  );
  expect(formatInstant(8.64e15)).toBeNull();
  expect(formatInstant(undefined)).toBeNull();
});

it('a message has notes only where a field has one', () => {
  expect(instantNotes({ enqueuedAt: { at: 1 }, deliverAt: { at: null } })).toEqual({});
  expect(instantNotes({ enqueuedAt: { at: null, note: 'why' } })).toEqual({ notes: { enqueuedAt: 'why' } });
});
