import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { message } from '../../../src/conformance/messages.ts';
import type { QueueStats } from '../../../src/contract/stats.ts';
import { groupDeadLetters } from '../../../src/core/dead-letter-groups.ts';
import { reduce } from '../../../src/top/reducer/reducer.ts';
import type { TopState } from '../../../src/top/state/state.ts';
import { screenLines } from '../../../src/top/text/screen.ts';
import { anyCodePoint } from '../../support/any-text.ts';
import { contexts, keys, NOON, played, reading, snapshot, stateWith } from '../../support/top/readings.ts';

const PLAIN = { color: false, unicode: true };
const ASCII = { color: false, unicode: false };
const HOSTILE = '\u001b[2J\u001b]0;owned\u0007\u009b31m\u202eevil\r\n\u001b[1;1H界👨‍👩‍👧e\u0301\u0000\ud800';

const text = (state: TopState, theme = PLAIN): string[] => screenLines(state, theme).map((line) => line.text.trimEnd());
const rowOf = (stats: QueueStats, columns = 150): string =>
  text(stateWith([stats], { size: { columns, rows: 8 } }))[3] ?? '';

describe('a row', () => {
  test('unknown is ?, approximate ~, what does not apply is empty', () => {
    const { inFlight: _, ...withoutInFlight } = reading('q', {
      ready: 12,
      delayed: null,
      dead: 3,
      depth: null,
      consumers: null,
      rates: { inPerSec: 1.5, outPerSec: null, errorPerSec: null, windowMs: 5_000 },
      approximate: ['ready', 'rates'],
    });
    expect(rowOf(withoutInFlight)).toMatchInlineSnapshot(
      `"> q                               memory    running      ~12               ?       3    ~1.5       ?       ?     ?       ?     ?        ?"`,
    );
  });

  test('a rate that is not zero never looks like zero, nor does a share', () => {
    const row = rowOf(reading('q', { rates: { inPerSec: 0.01, outPerSec: 10_000, errorPerSec: 0.02, windowMs: 1 } }));
    expect(row).toContain(' <0.1 ');
    expect(row).toContain(' <1% ');
  });

  test.each([
    [99_999, '99999'],
    [100_000, '100.0k'],
    [999_949, '999.9k'],
    [999_999, '1.00M'],
    [12_345_678, '12.35M'],
    [123_456_789, '123.5M'],
    [999_999_999, '1.00G'],
    [250_000_000_000, '250.0G'],
    [3_000_000_000_000, '3.00T'],
    [Number.MAX_SAFE_INTEGER, '9.01P'],
  ])('%i is %s, and whole in its column also when it is approximate', (ready, expected) => {
    expect(screenLines(stateWith([reading('q', { ready, approximate: ['ready'] })]), PLAIN)[3]?.text).toContain(
      ` ~${expected} `,
    );
  });

  test('no oldest message is no age, and not an unknown one', () => {
    expect(rowOf(reading('q', { ready: 0, oldestAgeMs: null }))).not.toContain('?');
    expect(rowOf(reading('q', { ready: 1, oldestAgeMs: null }))).toContain('?');
  });
});

describe('time to drain', () => {
  const over = (depths: readonly number[]): string => {
    const states = depths.reduce<TopState>(
      (state, ready, index) =>
        reduce(state, {
          type: 'snapshot',
          snapshot: snapshot([reading('q', { ready, sampledAt: NOON + index * 1_000 })], { at: NOON + index * 1_000 }),
        }),
      stateWith([], { size: { columns: 120, rows: 8 } }),
    );
    const outlook = states.rows[0]?.judgement.outlook;
    return outlook?.kind === 'draining' ? `${Math.round(outlook.inMs / 1000)}s` : (outlook?.kind ?? 'none');
  };
  test.each([
    [[100, 90, 80, 70], '7s'],
    [[100, 110, 120], 'growing'],
    [[100, 101, 99, 100], 'steady'],
    [[100, 50, 0], 'empty'],
    // Filled and emptied in batches, whichever half of a batch is seen last.
    [[0, 5, 0, 5, 0, 5], 'steady'],
    [[40, 10, 40, 10, 40, 10], 'steady'],
    [[10, 40, 20, 50, 30, 60, 40, 70], 'growing'],
    // Consumers keep up: now there is one more, now one less.
    [[2, 1, 2, 2, 1], 'steady'],
    [[3, 2], 'steady'],
    // The last messages, one every eight seconds.
    [Array.from({ length: 20 }, (_, index) => 3 - Math.floor(index / 8)), '10s'],
    // A deep queue, in which a minute is less than the share that is notable at once.
    [Array.from({ length: 20 }, (_, index) => 60_000 + index * 10), 'growing'],
    [Array.from({ length: 20 }, (_, index) => 60_000 - index * 10), '5981s'],
    [Array.from({ length: 40 }, (_, index) => 60_000 + (index % 2) * 50), 'steady'],
    // Two more in twenty samples is nothing to speak of.
    [Array.from({ length: 20 }, (_, index) => 60_000 + Math.floor(index / 7)), 'steady'],
    // Only the last fifteen seconds count.
    [
      [
        ...Array.from({ length: 30 }, (_, index) => index * 100),
        ...Array.from({ length: 20 }, (_, index) => 2_900 - index * 10),
      ],
      '271s',
    ],
  ])('%j', (depths, outlook) => {
    expect(over(depths)).toBe(outlook);
  });

  test('steady is approximate until slow growth would have been seen', () => {
    const drain = (samples: number): string => {
      const state = Array.from({ length: samples }, (_, index) => NOON + index * 1_000).reduce<TopState>(
        (before, at) =>
          reduce(before, {
            type: 'snapshot',
            snapshot: snapshot([reading('q', { ready: 50_000, sampledAt: at })], { at }),
          }),
        stateWith([], { size: { columns: 120, rows: 8 } }),
      );
      return /~?steady/.exec(screenLines(state, PLAIN)[3]?.text ?? '')?.[0] ?? '';
    };
    expect(drain(2)).toBe('~steady');
    expect(drain(19)).toBe('~steady');
    expect(drain(20)).toBe('steady');
  });

  test('longer than what has a place in the column is only said to be longer', () => {
    const years = 1e11;
    const state = [50, 46].reduce<TopState>(
      (before, ready, index) =>
        reduce(before, {
          type: 'snapshot',
          snapshot: snapshot([reading('q', { ready, sampledAt: NOON + index * years })], { at: NOON + index * years }),
        }),
      stateWith([], { size: { columns: 120, rows: 8 } }),
    );
    expect(screenLines(state, PLAIN)[3]?.text).toContain(' >99w ');
  });

  test('one reading without rates is no outlook; with rates it is', () => {
    const unknown = { inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null };
    expect(stateWith([reading('q', { ready: 9, rates: unknown })]).rows[0]?.judgement.outlook).toEqual({
      kind: 'unknown',
    });
    const rates = { inPerSec: 0, outPerSec: 10, errorPerSec: 0, windowMs: 5_000 };
    expect(stateWith([reading('q', { ready: 50, rates })]).rows[0]?.judgement.outlook).toEqual({
      kind: 'draining',
      inMs: 5_000,
    });
  });
});

describe('the head', () => {
  test('a total says when a part of it is unknown or approximate', () => {
    const state = stateWith([
      reading('a', { ready: 5, dead: null, approximate: ['ready'] }),
      reading('b', {
        ready: 7,
        dead: 2,
        rates: { inPerSec: null, outPerSec: null, errorPerSec: null, windowMs: null },
      }),
    ]);
    expect(text(state)[0]).toMatch(/^mq top {2}2 queues {2}ready ~12 {2}dead 2\+\? {2}in\/s \? /);
  });

  test('nothing beside what is unknown is unknown: a stale broker adds no 0.0', () => {
    const state = reduce(stateWith([reading('q', { ready: 1 })], { contexts: contexts('dev', 'prod') }), {
      type: 'snapshot',
      snapshot: snapshot([reading('x', { ready: 2 })], { context: 'dev' }),
    });
    const stale = { state: 'stale', reason: 'connection refused', since: NOON, retryAt: null } as const;
    const later = reduce(state, { type: 'snapshot', snapshot: snapshot(null, { context: 'dev', condition: stale }) });
    expect(text(state)[0]).toContain('ready 3  dead 0  in/s 0.0  out/s 0.0');
    expect(text(later)[0]).toContain('ready ~3  dead ~0  in/s ?  out/s ?');
  });

  test('the totals are those of the queues that pass the filter, and how many there are is said', () => {
    const state = played(
      stateWith([
        reading('orders', { ready: 5, dead: 1 }),
        reading('mail', { ready: 7 }),
        reading('orders-eu', { ready: 2 }),
      ]),
      keys('/', 'orders', 'enter'),
    );
    expect(text(state)[0]).toContain('2 of 3 queues  ready 7  dead 1');
    expect(text(played(state, keys('escape')))[0]).toContain('3 queues  ready 14  dead 1');
  });

  test('a queue without consumers is wrong when something comes or has come while it was watched, not for being idle', () => {
    const rates = (inPerSec: number | null, outPerSec: number | null) =>
      ({ inPerSec, outPerSec, errorPerSec: 0, windowMs: 5_000 }) as const;
    const marks = (...readings: readonly Partial<QueueStats>[]) =>
      readings
        .reduce<TopState | null>((before, one, index) => {
          const sampledAt = NOON + index * 2_000;
          const stats = reading('q', { ready: 5, consumers: 0, sampledAt, ...one });
          const next = { type: 'snapshot', snapshot: snapshot([stats], { at: sampledAt }) } as const;
          return before === null ? stateWith([stats]) : reduce(before, next);
        }, null)
        ?.rows[0]?.judgement.faults.includes('no consumers');
    expect(marks({})).toBe(false);
    expect(marks({ rates: rates(0.1, 0) })).toBe(true);
    expect(marks({ rates: rates(null, null) })).toBe(true);
    expect(marks({ rates: rates(null, null) }, { rates: rates(null, null) })).toBe(false);
    expect(marks({ rates: rates(null, null) }, { rates: rates(null, null), ready: 6, depth: 6 })).toBe(true);
    expect(marks({ consumers: 2 }, {}, {})).toBe(true);
    expect(marks({ consumers: 2 }, {}, { consumers: 1 }, { consumers: 1 })).toBe(false);
  });

  test('the colour of a context is that of its name: in its column, or in the line of its broker where it is alone', () => {
    const coloured = new Map([
      ['prod', { selector: [], policy: null, color: 'red' as const }],
      ['dev', { selector: [], policy: null, color: 'cyan' as const }],
    ]);
    const lines = (state: TopState) => screenLines(state, { color: true, unicode: true }).map((one) => one.text);
    const one = stateWith([reading('q')], { contexts: new Map([...coloured].slice(0, 1)) });
    expect(lines(one)[1]).toContain('\u001b[31mprod (memory) ok');
    const other = { type: 'snapshot', snapshot: snapshot([reading('x')], { context: 'dev' }) } as const;
    const two = reduce(stateWith([reading('q')], { contexts: coloured }), other);
    expect(lines(two).join('\n')).toContain('\u001b[36mdev ');
    expect(text(two).join('\n')).not.toContain('\u001b');
  });

  test('a depth that hardly changes is no full bar, one that doubles is', () => {
    const bars = (...depths: readonly number[]) =>
      depths.reduce<TopState | null>((before, ready, index) => {
        const sampledAt = NOON + index * 2_000;
        const stats = reading('q', { ready, sampledAt });
        return before === null
          ? stateWith([stats], { size: { columns: 150, rows: 8 } })
          : reduce(before, { type: 'snapshot', snapshot: snapshot([stats], { at: sampledAt }) });
      }, null) ?? stateWith([]);
    expect(text(bars(500, 500, 500))[3]).not.toContain('█');
    expect(text(bars(500, 501, 500))[3]).not.toContain('█');
    expect(text(bars(250, 400, 500))[3]).toContain('█');
    expect(text(bars(0, 0, 0))[3]).toContain('▁▁▁');
  });

  test('rates that differ are no steady depth: what they say is said with ~ until the depth shows it', () => {
    const outlook = (inPerSec: number, outPerSec: number, ready = 20_000) =>
      text(
        stateWith([reading('q', { ready, rates: { inPerSec, outPerSec, errorPerSec: 0, windowMs: 5_000 } })]),
      ).join();
    expect(outlook(19.6, 12.9)).toContain('~growing');
    expect(outlook(12.9, 19.6)).toMatch(/~4\dm|~5\dm/);
    expect(outlook(10, 9.5)).toContain('~steady');
    expect(outlook(0, 0)).toContain('~steady');
    const growing = stateWith([
      reading('q', { ready: 20_000, rates: { inPerSec: 20, outPerSec: 12, errorPerSec: 0, windowMs: 5_000 } }),
    ]);
    expect(growing.rows[0]?.judgement.faults).toEqual([]);
  });

  test('a stale broker is named first, with age and reason', () => {
    const state = [
      snapshot([reading('x')], { context: 'dev' }),
      snapshot(null, {
        at: NOON + 12_000,
        condition: { state: 'stale', reason: 'connection refused', since: NOON, retryAt: NOON + 16_000 },
      }),
    ].reduce<TopState>(
      (before, one) => reduce(before, { type: 'snapshot', snapshot: one }),
      stateWith([reading('q')], { contexts: contexts('dev', 'prod') }),
    );
    const [, brokers, , ...rows] = text(state);
    expect(brokers).toBe('prod (memory) STALE 12s: connection refused; next try in 4s · dev (memory) ok 3ms');
    expect(rows.find((row) => row.includes(' q ') || row.startsWith('>?q'))).toMatch(/^[> ]\?q/);
  });
});

describe('where there is little room', () => {
  test('every broker that does not answer is named, and the reasons share what is left', () => {
    const stale = (context: string, reason: string, since: number | null) =>
      snapshot(null, { context, condition: { state: 'stale', reason, since, retryAt: NOON + 9_000 } });
    const brokers = (columns: number): string | undefined =>
      text(
        [
          stale('jobs', 'cannot connect to redis://10.0.0.1:6379/0: nothing listens there', NOON - 4_000),
          stale('rab', 'amqp://10.0.0.2 refused the connection', null),
        ].reduce<TopState>(
          (before, one) => reduce(before, { type: 'snapshot', snapshot: one }),
          stateWith([reading('q')], { size: { columns, rows: 8 } }),
        ),
      )[1];
    expect(brokers(230)).toBe(
      'jobs (memory) STALE 4s: cannot connect to redis://10.0.0.1:6379/0: nothing listens there; next try in 9s · rab (memory) STALE never answered: amqp://10.0.0.2 refused the connection; next try in 9s · prod (memory) ok 3ms',
    );
    expect(brokers(212)).toMatch(/next try in 9s · prod ok$/);
    expect(brokers(80)).toBe('jobs STALE 4s: cannot conn… · rab STALE never answered: amqp://10.0… · prod ok');
    expect(brokers(54)).toBe('jobs STALE 4s · rab STALE never answered · prod ok');
    expect(brokers(49)).toBe('jobs STALE 4s · rab STALE never answered · 1 ok');
    expect(brokers(30)).toBe('jobs STALE 4s · rab STALE ne…');
  });

  test('a reason that is too long for its line stands whole in the place that the rows leave', () => {
    const reason = 'listing queues needs the management API, which refused the connection: nothing listens there';
    const down = (queues: number, columns = 60): readonly string[] =>
      text(
        [
          snapshot(Array.from({ length: queues }, (_, index) => reading(`q${index}`))),
          snapshot(null, { at: NOON, condition: { state: 'stale', reason, since: NOON, retryAt: null } }),
        ].reduce<TopState>(
          (state, one) => reduce(state, { type: 'snapshot', snapshot: one }),
          stateWith([], { size: { columns, rows: 12 } }),
        ),
      );
    expect(down(1)[1]).toMatch(/…$/);
    expect(
      down(1)
        .slice(4, -1)
        .map((line) => line.trim())
        .join(' '),
    ).toContain(reason);
    // Rows come first, and where the line has room for it, it is there only.
    expect(down(8).slice(3, -1).join(' ')).not.toContain('management');
    expect(down(1, 140)[1]).toContain(reason);
    expect(down(1, 140).slice(4, -1).join('').trim()).toBe('');
  });

  test('the keys for help and leaving stay, whatever is wrong', () => {
    const row = reading('q', {
      ready: 5,
      consumers: 0,
      state: 'paused',
      rates: { inPerSec: 1, outPerSec: 1, errorPerSec: 1, windowMs: 1 },
    });
    const state = played(stateWith([row], { size: { columns: 70, rows: 8 } }), keys('/', 'q', 'enter', 'S'));
    expect(text(state).at(-1)).toMatch(/^! no consumers, failing, .*… {2}q quit {2}\? help .*1-1 of 1$/);
  });

  test('the interval is the true one, where a broker that takes long is read less often', () => {
    const foot = (...everyMs: readonly number[]): string | undefined =>
      text(
        everyMs.reduce<TopState>(
          (state, one, index) =>
            reduce(state, {
              type: 'snapshot',
              snapshot: snapshot([reading('q')], { everyMs: one, ...(index > 0 && { context: 'dev' }) }),
            }),
          stateWith([]),
        ),
      ).at(-1);
    expect(foot()).toMatch(/^every 2s {2}q quit/);
    expect(foot(2_000)).toMatch(/^every 2s {2}q quit/);
    expect(foot(10_000)).toMatch(/^every 10s {2}q quit/);
    expect(foot(10_000, 2_000)).toMatch(/^every 2-10s {2}q quit/);
  });

  test('no key is named by half', () => {
    const whole =
      /^(?:every 2s {2})?(?:(?:Esc|q|\?|Enter|a|\/|s|d|!|Tab|j k|R|space) (?:back|quit|help|detail|act|filter|sort|dead|wrong|freeze|next|move|open|redrive)(?: +|$))+(?: *\d+-\d+ of \d+)?$/;
    for (let columns = 46; columns < 140; columns++) {
      const state = stateWith([reading('q')], { size: { columns, rows: 8 } });
      expect(screenLines(state, PLAIN).at(-1)?.text.trimEnd()).toMatch(whole);
      expect(
        screenLines(played(state, keys('enter')), PLAIN)
          .at(-1)
          ?.text.trimEnd(),
      ).toMatch(whole);
    }
  });

  test('the end of what is typed is seen', () => {
    const typing = played(
      stateWith([reading('q')], { size: { columns: 30, rows: 8 } }),
      keys('/', 'a long name of a queue in 日本'),
    );
    expect(text(typing).at(-1)).toBe('filter: … of a queue in 日本_');
    expect(text(played(typing, keys('ctrl-w', 'ctrl-w', 'ctrl-w'))).at(-1)).toBe('filter: a long name of a _');
  });
});

describe('any size, any text', () => {
  const group = groupDeadLetters([
    message({
      body: Buffer.from(HOSTILE),
      headers: { [HOSTILE]: HOSTILE },
      dead: { from: HOSTILE, reason: HOSTILE, error: HOSTILE, at: NOON, count: 1, replays: 0 },
    }),
  ]);
  const events = [
    keys(),
    keys('?'),
    keys('a'),
    keys('R'),
    keys('P'),
    keys('/', 'x'),
    keys('enter'),
    [
      ...keys('enter', '2'),
      {
        type: 'dead' as const,
        request: 2,
        answer: { status: 'ready' as const, data: { groups: group, seen: 1, partial: true } },
      },
    ],
    [
      ...keys('enter', '2'),
      {
        type: 'dead' as const,
        request: 2,
        answer: { status: 'ready' as const, data: { groups: group, seen: 1, partial: true } },
      },
      ...keys('enter'),
    ],
    [
      ...keys('enter', '3'),
      { type: 'messages' as const, request: 2, answer: { status: 'priced' as const, price: HOSTILE } },
    ],
    [
      ...keys('enter'),
      { type: 'overview' as const, request: 1, answer: { status: 'failed' as const, reason: HOSTILE } },
    ],
    [...keys('P'), { type: 'planned' as const, id: 1, question: { lines: [HOSTILE], typed: HOSTILE } }],
    [...keys('P'), { type: 'finished' as const, id: 1, lines: [HOSTILE], failed: true }],
  ];
  // Everything that a terminal could act on, and what reorders text.
  const acts = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/u;

  test.each([
    [30, 8],
    [40, 10],
    [80, 24],
    [120, 40],
    [300, 100],
    [10, 3],
    [1, 1],
  ] as const)('%i × %i', (columns, rows) => {
    for (const theme of [PLAIN, ASCII]) {
      for (const played_ of events) {
        const queues = [
          reading(HOSTILE, { ready: 3, state: HOSTILE, kind: HOSTILE, notes: { ready: HOSTILE } }),
          reading('plain'),
        ];
        const state = played(
          reduce(stateWith(queues, { size: { columns, rows }, contexts: contexts('prod', 'dev') }), {
            type: 'snapshot',
            snapshot: snapshot(null, {
              context: 'dev',
              condition: { state: 'stale', reason: HOSTILE, since: null, retryAt: null },
            }),
          }),
          played_,
        );
        const lines = screenLines(state, theme);
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const { text: shown } of lines) {
          expect(stringWidth(shown)).toBeLessThanOrEqual(Math.max(1, columns - 1));
          expect(shown).not.toMatch(acts);
        }
      }
    }
  });

  test('names of any characters', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: anyCodePoint, maxLength: 60 }),
        fc.integer({ min: 20, max: 200 }),
        (name, columns) => {
          for (const line of screenLines(stateWith([reading(name)], { size: { columns, rows: 8 } }), PLAIN)) {
            expect(line.text).not.toMatch(acts);
            expect(stringWidth(line.text)).toBeLessThan(columns);
          }
        },
      ),
    );
  });

  test('a dumb terminal gets nothing but ASCII from us', () => {
    const state = stateWith([reading('q', { ready: 5 })]);
    for (const events_ of [keys(), keys('?'), keys('a'), keys('enter')]) {
      for (const { text: shown } of screenLines(played(state, events_), ASCII))
        expect(shown).toMatch(/^[\x20-\x7e…]*$/);
    }
  });

  test('colour only repeats what characters say', () => {
    const state = stateWith([
      reading('q', { ready: 5, consumers: 0, dead: 1 }),
      reading('paused', { state: 'paused' }),
    ]);
    const bare = screenLines(state, { color: true, unicode: true }).map((line) => stripVTControlCharacters(line.text));
    expect(bare).toEqual(screenLines(state, PLAIN).map((line) => line.text));
  });
});

test('a screen reader hears a sentence for a chart, and words for a row', () => {
  const second = {
    type: 'snapshot',
    snapshot: snapshot([reading('q', { ready: 8, sampledAt: NOON + 1_000 })], { at: NOON + 1_000 }),
  } as const;
  const state = reduce(stateWith([reading('q', { ready: 5 })], { size: { columns: 100, rows: 30 } }), second);
  expect(screenLines(state, PLAIN)[3]?.words).toBe(
    'selected, queue q, state running, ready 8, dead 0, in/s 0.0, out/s 0.0, err/s 0.0, cons 1, drain growing, growing',
  );
  const words = screenLines(played(state, keys('enter')), PLAIN).map((line) => line.words);
  expect(words).toContain('depth: rising, now 8, between 5 and 8 over 2 samples');
});

describe('a dialog where there is little room', () => {
  const small = { size: { columns: 30, rows: 8 } };

  test('the menu shows every choice, and the one under the cursor on any screen', () => {
    const lines = screenLines(played(stateWith([reading('orders')], small), keys('a')), PLAIN).map(({ text }) => text);
    for (const key of ['p', 'u', 'R', 'm', 'P', 'D']) {
      expect(lines.some((text) => new RegExp(`^[> ] ${key} {2}`).test(text))).toBe(true);
    }
    const smallest = stateWith([reading('orders')], { size: { columns: 30, rows: 4 } });
    for (let steps = 0; steps < 6; steps++) {
      const shown = screenLines(played(smallest, keys('a', 'j'.repeat(steps))), PLAIN).map(({ text }) => text);
      expect(shown.filter((text) => /^> [puRmPD] {2}/.test(text))).toHaveLength(1);
    }
  });

  test('a question keeps what will be done and what is asked, and says that something is left away', () => {
    const lines = [
      'Redrive 580 messages from emails to orders on redis?',
      '  each message goes back to where it came from, and leaves only when it is safely there',
      '  at most 580 of them',
    ];
    const asked = played(stateWith([reading('emails')], small), [
      ...keys('R', 'enter'),
      { type: 'planned', id: 1, question: { lines, typed: null } },
    ]);
    const shown = screenLines(asked, PLAIN).map(({ text }) => text.trimEnd());
    expect(shown).toHaveLength(8);
    expect(shown.slice(1, 3).join(' ')).toBe('Redrive 580 messages from emails to orders on redis?');
    expect(shown).toContain('…');
    expect(shown.slice(-2).join(' ')).toBe('Go on? y / N   (c copies the command line)');
  });

  test('that a command line was copied is seen, in the menu and beside the question', () => {
    for (const [columns, rows] of [
      [30, 8],
      [30, 4],
      [80, 24],
    ] as const) {
      const copied = played(stateWith([reading('emails')], { size: { columns, rows } }), keys('a', 'j', 'c'));
      const shown = screenLines(copied, PLAIN).map(({ text }) => text.trimEnd());
      expect(shown.at(-1)).toMatch(/^copied: mq -c prod resu/);
      expect(shown.filter((text) => text.startsWith('> u  resume'))).toHaveLength(1);
      expect(screenLines(played(copied, keys('k')), PLAIN).some(({ text }) => text.includes('copied'))).toBe(false);
    }
    const asked = played(stateWith([reading('emails')], { size: { columns: 80, rows: 24 } }), [
      ...keys('R', 'enter'),
      { type: 'planned', id: 1, question: { lines: ['Redrive?'], typed: null } },
      ...keys('c'),
    ]);
    expect(text(asked).at(-1)).toBe('Go on? y / N   (copied: the command line)');
  });

  test('the command line is what is left away first', () => {
    const done = (rows: number): string[] =>
      screenLines(
        played(stateWith([reading('emails')], { size: { columns: 30, rows } }), [
          ...keys('P'),
          { type: 'finished', id: 1, lines: ['purged 580 messages from emails (20 left)'], failed: false },
        ]),
        PLAIN,
      ).map(({ text }) => text.trimEnd());
    expect(done(5).slice(-3)).toEqual(['purged 580 messages from', 'emails (20 left)', 'any key: back']);
    expect(done(6).slice(-3)).toEqual(['Same as: mq -c prod purge', 'emails', 'any key: back']);
  });
});

test('of a part of the dead letters it is not said how new the newest of all is', () => {
  const dead = { from: 'q', reason: 'late', error: null, at: NOON - 60_000, count: 1, replays: 0 };
  const line = (partial: boolean): string | undefined => {
    const data = { groups: groupDeadLetters([message({ dead })]), seen: 1, partial };
    const state = played(stateWith([reading('q')]), [
      ...keys('enter', '2'),
      { type: 'dead', request: 2, answer: { status: 'ready', data } },
    ]);
    return text(state)[3];
  };
  expect([line(false), line(true)]).toEqual(['>       1  newest     1m  late', '>       1  newest seen     1m  late']);
});

test('figures of the detail stay beside their names, however narrow', () => {
  const state = stateWith([reading('q', { ready: 60_471, inFlight: 12, delayed: 7, dead: 25 })], {
    size: { columns: 34, rows: 30 },
  });
  const text = screenLines(played(state, keys('enter')), PLAIN)
    .map((line) => line.text.trimEnd())
    .join('\n');
  for (const figure of ['ready 60471', 'in-flight 12', 'delayed 7', 'dead 25', 'consumers 1', 'net 0.0/s'])
    expect(text).toContain(figure);
});

test('totals take of a broker that does not answer its counts as approximate, and its rates as unknown', () => {
  const rates = { inPerSec: 5, outPerSec: 4, errorPerSec: 1, windowMs: 10_000 };
  const both = reduce(stateWith([reading('here', { ready: 10, rates })], { contexts: contexts('prod', 'dev') }), {
    type: 'snapshot',
    snapshot: snapshot([reading('there', { ready: 3, dead: 2, rates })], { context: 'dev' }),
  });
  const title = (state: TopState): string => screenLines(state, PLAIN)[0]?.text ?? '';
  expect(title(both)).toMatch(/2 queues {2}ready 13 {2}dead 2 {2}in\/s 10\.0 {2}out\/s 8\.0 {2}err\/s 2\.0/);
  const lost = reduce(both, {
    type: 'snapshot',
    snapshot: snapshot(null, {
      context: 'dev',
      condition: { state: 'stale', reason: 'gone', since: NOON, retryAt: null },
    }),
  });
  expect(title(lost)).toMatch(
    /2 queues {2}ready ~13 {2}dead ~2 {2}in\/s 5\.0\+\? {2}out\/s 4\.0\+\? {2}err\/s 1\.0\+\?/,
  );
});
