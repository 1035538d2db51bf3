import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { message } from '../../../src/conformance/messages.ts';
import type { Message } from '../../../src/contract/message.ts';
import { reduce } from '../../../src/top/reducer/reducer.ts';
import type { TopState } from '../../../src/top/state/state.ts';
import { wrappedMessage } from '../../../src/top/text/message.ts';
import { wrapped } from '../../../src/top/text/padding.ts';
import { screenLines } from '../../../src/top/text/screen.ts';
import { keys, played, reading, stateWith } from '../../support/top/readings.ts';

const PLAIN = { color: false, unicode: true };
const screen = (state: TopState): string[] => screenLines(state, PLAIN).map(({ text }) => text.trimEnd());

/** The tab of messages, with these in it. */
function looking(messages: readonly Message[], size = { columns: 60, rows: 12 }): TopState {
  return played(stateWith([reading('q')], { size }), [
    ...keys('enter', '3'),
    { type: 'messages', request: 2, answer: { status: 'ready', data: { messages, partial: false } } },
  ]);
}

describe('scrolling', () => {
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`);
  const open = played(looking([message({ body: Buffer.from(lines.join('\n')) })]), keys('enter'));

  test('stops at the end, and the first key back moves', () => {
    const end = screen(played(open, keys('G')));
    expect(end.at(-2)).toBe('line 49');
    for (const beyond of [
      keys('G', 'j'),
      keys('pagedown', 'pagedown', 'pagedown', 'pagedown', 'pagedown', 'pagedown', 'pagedown', 'pagedown', 'pagedown'),
    ])
      expect(screen(played(open, beyond))).toEqual(end);
    expect(screen(played(open, keys('G', 'k'))).at(-2)).toBe('line 48');
    expect(screen(played(open, keys('G', 'g')))).toEqual(screen(open));
  });

  test('what is on the screen is said, and nothing where all of it is', () => {
    expect(screen(open)[1]).toMatch(/\[3 messages\] +1-9 of 52$/);
    expect(screen(played(open, keys('G')))[1]).toMatch(/44-52 of 52$/);
    expect(screen(played(looking([message()]), keys('enter')))[1]).toMatch(/\[3 messages\]$/);
  });

  test('a screen that grew has moved the end: the next key starts from there', () => {
    const grown = reduce(played(open, keys('G')), { type: 'resize', size: { columns: 60, rows: 30 } });
    expect(screen(grown).at(-2)).toBe('line 49');
    expect(screen(played(grown, keys('k'))).at(-2)).toBe('line 48');
  });

  test('the overview and the help stop at their ends too', () => {
    const small = stateWith([reading('q', { notes: { ready: 'w '.repeat(200) } })], { size: { columns: 40, rows: 8 } });
    const overview = played(small, keys('enter', 'G'));
    expect(screen(played(overview, keys('jjjj')))).toEqual(screen(overview));
    expect(screen(played(overview, keys('jjjj', 'k')))).not.toEqual(screen(overview));
    const help = played(small, keys('?', 'j'.repeat(60)));
    expect(screen(played(help, keys('j')))).toEqual(screen(help));
    expect(screen(played(help, keys('k')))).not.toEqual(screen(help));
  });
});

test('n and N turn to the next message and the one before it, each from its beginning', () => {
  const bodies = ['one', 'two', 'three'].map((body) => message({ body: Buffer.from(body) }));
  const open = played(looking(bodies), keys('enter'));
  const body = (...typed: readonly string[]): string | undefined => screen(played(open, keys(...typed)))[4];
  expect([body(), body('n'), body('nn'), body('nnn'), body('nnN'), body('N')]).toEqual([
    'one',
    'two',
    'three',
    'three',
    'two',
    'one',
  ]);
  expect(screen(played(open, keys('n', 'escape')))[4]).toMatch(/^> .*two$/);
});

describe('wrapping', () => {
  test('loses nothing but the blanks at a break, and no line is too wide', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'é', '界', '👨‍👩‍👧', '-', '\\', ' ') });
    fc.assert(
      fc.property(word, fc.integer({ min: 2, max: 20 }), (text, width) => {
        const lines = wrapped(text, width);
        for (const one of lines) expect(stringWidth(one)).toBeLessThanOrEqual(width);
        const squeezed = (some: string): string => some.replaceAll(' ', '');
        expect(squeezed(lines.join(''))).toBe(squeezed(text));
      }),
    );
  });

  test.each<[string, number, readonly string[]]>([
    ['one two three', 7, ['one two', 'three']],
    ['abcdefgh', 3, ['abc', 'def', 'gh']],
    ['界界界', 5, ['界界', '界']],
    ['ab cdefgh i', 4, ['ab', 'cdef', 'gh i']],
    ['', 5, ['']],
    ['a\n\nb', 5, ['a', '', 'b']],
  ])('%j in %i cells', (text, width, lines) => expect(wrapped(text, width)).toEqual(lines));

  test('a message is laid out once a width, not at each frame', () => {
    const one = message({ body: Buffer.from('界'.repeat(50)) });
    const narrow = wrappedMessage(one, 20);
    expect(wrappedMessage(one, 20)).toBe(narrow);
    expect(wrappedMessage(one, 40)).not.toEqual(narrow);
    expect(wrappedMessage(one, 20)).toEqual(narrow);
  });

  test('of a huge header or error the beginning is shown, and how long it is', () => {
    const lines = wrappedMessage(
      message({
        headers: { trace: 'h'.repeat(100_000) },
        dead: { from: 'q', reason: null, error: 'e'.repeat(50_000), at: null, count: 1, replays: 0 },
      }),
      100,
    );
    expect(lines.length).toBeLessThan(100);
    expect(lines.join(' ')).toContain('(100002 characters; the first 4096 are shown)');
    expect(lines.join(' ')).toContain('(50000 characters; the first 4096 are shown)');
  });
});
