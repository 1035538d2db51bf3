import { describe, expect, test } from 'vitest';
import { message } from '../../../src/conformance/messages.ts';
import { groupDeadLetters } from '../../../src/core/dead-letter-groups.ts';
import { reduce } from '../../../src/top/reducer/reducer.ts';
import type { TopEvent } from '../../../src/top/state/event.ts';
import type { TopState } from '../../../src/top/state/state.ts';
import { contexts, keys, NOON, played, reading, snapshot, stateWith } from '../../support/top/readings.ts';

const five = ['a', 'b', 'c', 'd', 'e'].map((name, index) => reading(name, { ready: 50 - index * 10 }));
const list = stateWith(five);
/** Of 100 queues in a list of 8 lines. */
const long = stateWith(Array.from({ length: 100 }, (_, index) => reading(`q${String(index).padStart(2, '0')}`)));

const shown = (state: TopState): string => state.rows.map(({ queue }) => queue).join(' ');
const selected = (state: TopState): string | undefined => state.selected?.queue;

describe('moving through the list', () => {
  test.each<[string, TopState, readonly TopEvent[], string, number]>([
    ['begins at the first', list, [], 'a', 0],
    ['down', list, keys('down'), 'b', 0],
    ['j, several at once', list, keys('jjk'), 'b', 0],
    ['not above the first', list, keys('up', 'k'), 'a', 0],
    ['not below the last', list, keys('jjjjjjjjj'), 'e', 0],
    ['a page', long, keys('pagedown'), 'q08', 1],
    ['two pages', long, keys('pagedown', 'pagedown'), 'q16', 9],
    ['a page back', long, keys('pagedown', 'pagedown', 'pageup'), 'q08', 8],
    ['the last', long, keys('G'), 'q99', 92],
    ['End and Home', long, keys('end', 'home'), 'q00', 0],
    [
      'a smaller screen keeps the selection in sight',
      long,
      [...keys('pagedown'), { type: 'resize', size: { columns: 30, rows: 8 } }],
      'q08',
      5,
    ],
    [
      'a larger screen has no empty end',
      long,
      [...keys('G'), { type: 'resize', size: { columns: 30, rows: 54 } }],
      'q99',
      50,
    ],
  ])('%s', (_name, state, events, queue, offset) => {
    const next = played(state, events);
    expect([selected(next), next.offset]).toEqual([queue, offset]);
  });

  test('the selection follows its queue when the order changes', () => {
    const next = reduce(played(list, keys('j')), {
      type: 'snapshot',
      snapshot: snapshot(five.map((one) => reading(one.queue, { ready: one.queue === 'b' ? 1 : one.ready }))),
    });
    expect([shown(next), selected(next)]).toEqual(['a c d e b', 'b']);
  });

  test('the selection stays on its queue when rows are sorted anew, also before it was moved and after Home', () => {
    const other = { type: 'snapshot', snapshot: snapshot([reading('z', { ready: 99 }), ...five]) } as const;
    expect(shown(reduce(list, other))).toBe('z a b c d e');
    for (const moves of [[], ['jj', 'home'], ['j', 'g']]) {
      const before = played(list, keys(...moves));
      expect(selected(before)).toBe('a');
      expect(selected(reduce(before, other))).toBe('a');
    }
    expect(selected(reduce(played(list, keys('j')), other))).toBe('b');
  });

  test('while brokers are still being asked, the first row is selected whichever it is', () => {
    const two = stateWith(five, { contexts: contexts('prod', 'dev') });
    const answer = (context: string, queue: string) =>
      ({ type: 'snapshot', snapshot: snapshot([reading(queue, { ready: 99 })], { context }) }) as const;
    expect(selected(two)).toBe('a');
    const complete = reduce(two, answer('dev', 'y'));
    expect(selected(complete)).toBe('y');
    expect(selected(reduce(complete, answer('prod', 'z')))).toBe('y');
  });

  test('the selection stays at its place when its queue is gone', () => {
    const next = reduce(played(list, keys('jj')), {
      type: 'snapshot',
      snapshot: snapshot(five.filter(({ queue }) => queue !== 'c')),
    });
    expect([shown(next), selected(next)]).toEqual(['a b d e', 'd']);
  });

  test('no queue, no selection', () => {
    expect(reduce(list, { type: 'snapshot', snapshot: snapshot([]) }).selected).toBeNull();
    expect(played(stateWith([]), keys('j', 'enter', 'a', 'R', 'G'))).toMatchObject({
      selected: null,
      detail: null,
      action: null,
    });
  });
});

describe('filters and order', () => {
  const mixed = stateWith([
    reading('fine', { ready: 5 }),
    reading('stuck', {
      ready: 3,
      consumers: 0,
      rates: { inPerSec: 0.1, outPerSec: 0, errorPerSec: 0, windowMs: 10_000 },
    }),
    reading('dead', { dead: 2 }),
    reading('paused', { state: 'paused' }),
    reading('unknown', { ready: null, dead: null, depth: null, consumers: null }),
  ]);

  test.each<[string, readonly TopEvent[], string]>([
    ['what is wrong comes first, then the deepest', [], 'stuck paused fine dead unknown'],
    ['s: by name', keys('s'), 'dead fine paused stuck unknown'],
    ['r: the other way round', keys('sr'), 'unknown stuck paused fine dead'],
    ['by ready; unknown is last', keys('sss'), 'fine stuck dead paused unknown'],
    ['unknown is last the other way round, too', keys('sssr'), 'dead paused stuck fine unknown'],
    ['S goes back', keys('ssS'), 'dead fine paused stuck unknown'],
    ['d: only with dead letters, unknown is not with', keys('d'), 'dead'],
    ['d again: all', keys('dd'), 'stuck paused fine dead unknown'],
    ['!: only what is wrong', keys('!'), 'stuck paused'],
    ['/ filters as you type', keys('/', 'U', 'N'), 'unknown'],
    ['q and other letters are text in the filter', keys('/', 'qd!'), ''],
    ['Backspace takes one back', keys('/', 'deadx', 'backspace'), 'dead'],
    ['Enter keeps the filter', keys('/', 'ea', 'enter'), 'dead'],
    ['Escape clears it', keys('/', 'dead', 'escape'), 'stuck paused fine dead unknown'],
    ['the context is part of what is filtered', keys('/', 'prod'), 'stuck paused fine dead unknown'],
    ['a paste into the filter is text', [...keys('/'), { type: 'paste', text: 'dead\n' }], 'dead'],
    ['a paste elsewhere is not keys', [{ type: 'paste', text: 'd!q' }], 'stuck paused fine dead unknown'],
  ])('%s', (_name, events, queues) => {
    const next = played(mixed, events);
    expect(shown(next)).toBe(queues);
    expect(next.quitting).toBe(false);
  });
});

test('a file that is pasted into the filter by mistake is a filter that nothing passes, and no wait', () => {
  const queues = Array.from({ length: 2_000 }, (_, index) => reading(`q${index}`));
  const pasted = `${'line of a log\n'.repeat(100_000)}`;
  const next = played(stateWith(queues), [...keys('/'), { type: 'paste', text: pasted }]);
  expect(next.filter.text).toBe(pasted.slice(0, 4_096));
  expect(next.rows).toEqual([]);
  expect(next.quitting).toBe(false);
});

describe('time', () => {
  test('a frozen screen stays as it is, and goes on with the newest', () => {
    const frozen = played(list, keys(' '));
    const meanwhile = reduce(frozen, { type: 'snapshot', snapshot: snapshot([reading('new')], { at: NOON + 5_000 }) });
    expect(shown(meanwhile)).toBe('a b c d e');
    expect(meanwhile.frozen?.at).toBe(NOON);
    expect(shown(played(meanwhile, keys(' ')))).toBe('new');
  });

  test.each([
    ['+', 1_000],
    ['=', 1_000],
    ['-', 5_000],
    ['++++++++', 250],
    ['--------', 60_000],
  ])('%s', (typed, intervalMs) => {
    expect(played(list, keys(typed)).intervalMs).toBe(intervalMs);
  });

  test('after the last sample of a recording nothing grows older', () => {
    const running = reduce({ ...list, replay: 'running' }, { type: 'clock', now: NOON + 5_000 });
    expect(running.now).toBe(NOON + 5_000);
    const ended = played(running, [
      { type: 'replayed', at: NOON + 4_000 },
      { type: 'clock', now: NOON + 60_000 },
    ]);
    expect(ended).toMatchObject({ replay: 'ended', now: NOON + 4_000 });
  });

  test('a stale broker keeps its rows, and the others go on', () => {
    const two = reduce(list, { type: 'snapshot', snapshot: snapshot([reading('x')], { context: 'dev' }) });
    const stale = { state: 'stale', reason: 'refused', since: NOON, retryAt: NOON + 9_000 } as const;
    const next = reduce(two, { type: 'snapshot', snapshot: snapshot(null, { condition: stale, at: NOON + 1_000 }) });
    expect(next.rows).toHaveLength(6);
    expect(next.brokers.get('prod')).toMatchObject({ condition: stale, sampledAt: NOON });
    expect(next.brokers.get('dev')?.condition).toEqual({ state: 'fresh' });
    expect(next.now).toBe(NOON + 1_000);
  });
});

describe('leaving', () => {
  test.each<[string, readonly TopEvent[], boolean]>([
    ['q', keys('q'), true],
    ['Ctrl-C', keys('ctrl-c'), true],
    ['Ctrl-C in the filter', keys('/', 'ctrl-c'), true],
    ['q in the filter is a letter', keys('/', 'q'), false],
    ['q in the help closes it', keys('?', 'q'), false],
    ['?q? in one piece', keys('?q?'), false],
    ['q in the detail', keys('enter', 'q'), true],
    ['q in an action is no way out', keys('a', 'q'), false],
  ])('%s', (_name, events, quitting) => {
    expect(played(list, events).quitting).toBe(quitting);
  });
});

describe('detail', () => {
  const detail = played(list, keys('j', 'enter'));
  const groups = [
    { reason: 'timeout after <n>ms', count: 3, newest: message({ id: '9' }), oldestAt: NOON, newestAt: NOON },
    { reason: 'refused', count: 1, newest: message({ id: '4' }), oldestAt: null, newestAt: null },
  ];
  const withGroups = played(detail, [
    ...keys('2'),
    { type: 'dead', request: 2, answer: { status: 'ready', data: { groups, seen: 4, partial: false } } },
  ]);

  test('Enter asks for the selected queue', () => {
    expect(detail.detail).toMatchObject({
      key: { context: 'prod', queue: 'b' },
      tab: 'overview',
      overview: { status: 'asked', request: 1 },
    });
  });

  test('an answer to an older question is dropped', () => {
    const answer = { status: 'failed', reason: 'x' } as const;
    expect(reduce(detail, { type: 'overview', request: 7, answer })).toBe(detail);
    expect(reduce(detail, { type: 'overview', request: 1, answer }).detail?.overview).toEqual(answer);
    expect(reduce(list, { type: 'overview', request: 1, answer })).toBe(list);
  });

  test('the price is consented to with o, and only after it was said', () => {
    const asked = played(detail, keys('3'));
    expect(asked.detail?.messages).toEqual({ status: 'asked', request: 2, consented: false });
    expect(played(asked, keys('o'))).toEqual({ ...asked, flash: null });
    const priced = reduce(asked, {
      type: 'messages',
      request: 2,
      answer: { status: 'priced', price: 'counts a receive' },
    });
    expect(played(priced, keys('o')).detail?.messages).toEqual({ status: 'asked', request: 3, consented: true });
  });

  test('a group is opened with Enter and left with Escape, which leads back one step each', () => {
    const open = played(withGroups, keys('j', 'enter'));
    expect(open.detail?.open).toEqual({ index: 1, offset: 0 });
    expect(played(open, keys('escape')).detail?.open).toBeNull();
    expect(played(open, keys('escape', 'escape')).detail).toBeNull();
  });

  test('R redrives the group under the cursor; in the overview all', () => {
    expect(played(withGroups, keys('j', 'R')).action).toMatchObject({ step: 'amount', request: { group: 'refused' } });
    expect(played(detail, keys('R')).action).toMatchObject({ step: 'amount', request: { group: null } });
  });

  test('Tab goes through the tabs', () => {
    const tabs = [
      detail,
      played(detail, keys('tab')),
      played(detail, keys('tab', 'tab')),
      played(detail, keys('tab', 'tab', 'tab')),
    ];
    expect(tabs.map((state) => state.detail?.tab)).toEqual(['overview', 'dead', 'messages', 'overview']);
  });
});

describe('actions', () => {
  const question = (typed: string | null): TopEvent => ({ type: 'planned', id: 1, question: { lines: ['?'], typed } });
  const purging = played(list, keys('P'));
  const redriving = played(list, keys('R', '25', 'enter'));

  test.each<[string, readonly TopEvent[], object | null]>([
    ['a opens the menu', keys('a'), { step: 'choose', key: { context: 'prod', queue: 'a' }, cursor: 0 }],
    ['the menu moves', keys('a', 'jjk'), { step: 'choose', cursor: 1 }],
    ['Enter chooses', keys('a', 'j', 'enter'), { step: 'planning', request: { verb: 'resume' } }],
    ['a letter chooses, in the menu', keys('a', 'm'), { step: 'target' }],
    ['and in the list', keys('D'), { step: 'planning', request: { verb: 'purge', state: 'dead' } }],
    ['Escape leaves', keys('a', 'escape'), null],
    ['a redrive asks how many', keys('R'), { step: 'amount', text: '' }],
    ['nothing is all', keys('R', 'enter'), { step: 'planning', request: { verb: 'redrive', max: null } }],
    ['a number', keys('R', '25', 'enter'), { step: 'planning', request: { max: 25 } }],
    ['not 0', keys('R', '0', 'enter'), { step: 'amount', problem: expect.stringContaining('at least 1') }],
    ['not 1.5', keys('R', '1.5', 'enter'), { step: 'amount', problem: expect.any(String) }],
    ['not ten', keys('R', 'ten', 'enter'), { step: 'amount', problem: expect.any(String) }],
    ['a move needs a target', keys('m', 'enter'), { step: 'target', problem: expect.any(String) }],
    ['a move', keys('m', 'b@dev', 'enter'), { step: 'planning', request: { verb: 'move', to: 'b@dev' } }],
  ])('%s', (_name, events, action) => {
    const found = played(list, events).action;
    if (action === null) expect(found).toBeNull();
    else expect(found).toMatchObject(action);
  });

  test.each<[string, TopState, readonly TopEvent[], object | null]>([
    ['y goes on', redriving, [question(null), ...keys('y')], { step: 'running' }],
    ['n does not', redriving, [question(null), ...keys('n')], null],
    ['Enter alone does not', redriving, [question(null), ...keys('enter')], null],
    ['an arrow is no answer', redriving, [question(null), ...keys('up')], { step: 'confirm' }],
    ['y typed before the question is no answer', redriving, [...keys('y'), question(null)], { step: 'confirm' }],
    ['the name goes on', purging, [question('a'), ...keys('a', 'enter')], { step: 'running' }],
    ['y is not the name', purging, [question('a'), ...keys('y', 'enter')], null],
    ['nothing is not the name', purging, [question('a'), ...keys('enter')], null],
    ['a name and a blank is not the name', purging, [question('a'), ...keys('a ', 'enter')], null],
    [
      'the question of another plan is not asked',
      purging,
      [{ type: 'planned', id: 9, question: { lines: [], typed: null } }],
      { step: 'planning' },
    ],
    ['Escape while it is planned', purging, keys('escape'), null],
    [
      'Escape stops the work, and waits',
      purging,
      [question('a'), ...keys('a', 'enter', 'escape')],
      { step: 'stopping' },
    ],
    ['Ctrl-C too', purging, [question('a'), ...keys('a', 'enter', 'ctrl-c')], { step: 'stopping' }],
    [
      'a key while it stops changes nothing',
      purging,
      [question('a'), ...keys('a', 'enter', 'escape', 'y', 'escape')],
      { step: 'stopping' },
    ],
    [
      'progress',
      purging,
      [
        question('a'),
        ...keys('a', 'enter'),
        { type: 'progress', id: 1, progress: { done: 3, total: 9, elapsedMs: 5 } },
      ],
      { step: 'running', progress: { done: 3 } },
    ],
    [
      'the end',
      purging,
      [question('a'), ...keys('a', 'enter'), { type: 'finished', id: 1, lines: ['purged 9'], failed: false }],
      { step: 'done', lines: ['purged 9'] },
    ],
    [
      'a plan that is refused',
      purging,
      [{ type: 'finished', id: 1, lines: ['no'], failed: true }],
      { step: 'done', failed: true },
    ],
    [
      'any key closes the report',
      purging,
      [{ type: 'finished', id: 1, lines: ['no'], failed: true }, ...keys('x')],
      null,
    ],
  ])('%s', (_name, state, events, action) => {
    const found = played(state, events).action;
    if (action === null) expect(found).toBeNull();
    else expect(found).toMatchObject(action);
  });

  test('a second Ctrl-C leaves while the work stops', () => {
    const stopping = played(purging, [question('a'), ...keys('a', 'enter', 'ctrl-c')]);
    expect(stopping.quitting).toBe(false);
    expect(played(stopping, keys('ctrl-c')).quitting).toBe(true);
  });

  test('nothing is moved to where it is', () => {
    for (const target of ['a', 'a@prod']) {
      expect(played(list, keys('m', target, 'enter')).action).toMatchObject({
        step: 'target',
        problem: expect.stringContaining('another queue'),
      });
    }
    expect(played(list, keys('m', 'a@dev', 'enter')).action).toMatchObject({
      step: 'planning',
      request: { to: 'a@dev' },
    });
  });

  test('a readonly context refuses before anything is asked', () => {
    const policy = { name: 'prod', file: 'config.yaml', isReadonly: true, isProtected: false, rules: [] };
    const readonly = { ...list, contexts: new Map([['prod', { selector: [], policy }]]) };
    for (const key of ['p', 'u', 'R', 'm', 'P', 'D']) {
      expect(played(readonly, keys(key))).toMatchObject({
        action: null,
        flash: expect.stringContaining('the context prod is readonly: it refuses to '),
      });
    }
    expect(played(readonly, keys('a', 'enter')).action).toBeNull();
  });

  test('c copies the command line of what is asked', () => {
    const asked = played(redriving, [question(null), ...keys('c')]);
    expect(asked.copied).toMatchObject({ text: 'mq -c prod redrive --max 25 a' });
    expect(asked.action?.step).toBe('confirm');
    expect(played(list, keys('a', 'jjjjj', 'c')).copied?.text).toBe('mq -c prod purge --state dead a');
  });

  test('what was looked at before an action is looked at again after it', () => {
    const looked = played(list, [
      ...keys('enter', '2'),
      { type: 'dead', request: 2, answer: { status: 'ready', data: { groups: [], seen: 0, partial: false } } },
      ...keys('D'),
    ]);
    const done = reduce(looked, { type: 'finished', id: 3, lines: ['purged'], failed: false });
    expect(done.detail?.dead).toEqual({ status: 'asked', request: 4, consented: false });
  });

  test('the selection goes back to its reason when the dead letters are looked at again', () => {
    const of = (...reasons: readonly string[]) =>
      ({
        status: 'ready',
        data: {
          groups: groupDeadLetters(
            reasons.map((reason) =>
              message({ dead: { from: 'a', reason, error: null, at: NOON, count: 1, replays: 0 } }),
            ),
          ),
          seen: reasons.length,
          partial: false,
        },
      }) as const;
    const refused = played(list, [
      ...keys('enter', '2'),
      { type: 'dead', request: 2, answer: of('timeout', 'timeout', 'refused') },
      ...keys('j'),
    ]);
    const groupOfR = (reasons: readonly string[]) => {
      const again = reduce(played(refused, keys('l')), { type: 'dead', request: 3, answer: of(...reasons) });
      return played(again, keys('R')).action;
    };
    expect(groupOfR(['refused', 'refused', 'timeout'])).toMatchObject({ request: { group: 'refused' } });
    expect(groupOfR(['timeout', 'timeout', 'refused', 'new', 'new', 'new'])).toMatchObject({
      request: { group: 'refused' },
    });
    expect(groupOfR(['timeout', 'new'])).toMatchObject({ request: { group: 'new' } });
  });

  test('actions on two contexts are told apart', () => {
    const two = reduce(
      { ...list, contexts: contexts('prod', 'dev') },
      { type: 'snapshot', snapshot: snapshot([reading('a', { ready: 99 })], { context: 'dev' }) },
    );
    expect(played(two, keys('g', 'P')).action).toMatchObject({ request: { key: { context: 'dev', queue: 'a' } } });
  });
});
