import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aged } from '../../../src/feed/aged.ts';
import { reduce } from '../../../src/top/reducer/reducer.ts';
import type { TopState } from '../../../src/top/state/state.ts';
import { Store } from '../../../src/top/store.ts';
import { screenLines } from '../../../src/top/text/screen.ts';
import { Drawn } from '../../../src/top/view/drawn.ts';
import { keys, NOON, played, reading, snapshot, stateWith } from '../../support/top/readings.ts';

const PLAIN = { color: false, unicode: true };
const screen = (state: TopState): readonly string[] => screenLines(state, PLAIN).map(({ text }) => text);
const NAMES = ['a', 'b', 'c'];

const figures = fc.record({
  ready: fc.integer({ min: 0, max: 30 }),
  dead: fc.integer({ min: 0, max: 2 }),
  consumers: fc.integer({ min: 0, max: 1 }),
  inPerSec: fc.constantFrom(0, 0, 3, null),
});
const views = [keys(), keys('ssssssssss'), keys('enter'), keys('d'), keys('!')];

test('a sample that says that nothing has changed shows what a reading with the same figures shows', () => {
  const step = fc.record({
    queues: fc.array(figures, { minLength: 3, maxLength: 3 }),
    still: fc.integer({ min: 0, max: 70 }),
    everyMs: fc.constantFrom(200, 1_000, 5_000, 40_000),
  });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), fc.constantFrom(...views), (steps, typed) => {
      let [told, brief] = [played(stateWith([]), typed), played(stateWith([]), typed)];
      let at = NOON;
      for (const { queues, still, everyMs } of steps) {
        at += everyMs;
        const readings = queues.map(({ inPerSec, ...one }, index) =>
          reading(NAMES[index] ?? '', {
            ...one,
            oldestAgeMs: one.ready === 0 ? null : 7_000 * (index + 1),
            rates: { inPerSec, outPerSec: inPerSec, errorPerSec: 0, windowMs: 10_000 },
            sampledAt: at,
          }),
        );
        const whole = { type: 'snapshot', snapshot: snapshot(readings, { at }) } as const;
        [told, brief] = [reduce(told, whole), reduce(brief, whole)];
        for (let count = 0; count < still; count++) {
          at += everyMs;
          const now = readings.map((one) => aged(one, at));
          told = reduce(told, { type: 'snapshot', snapshot: snapshot(now, { at }) });
          brief = reduce(brief, { type: 'snapshot', snapshot: snapshot(null, { at, unchanged: true }) });
          expect(screen(brief)).toEqual(screen(told));
        }
      }
    }),
    { numRuns: 25 },
  );
});

test('rows with nothing new to show are not made again, and their ages grow on the screen all the same', () => {
  let state = stateWith([reading('full', { ready: 5, oldestAgeMs: 60_000 }), reading('empty')], {
    size: { columns: 120, rows: 12 },
  });
  const tick = (seconds: number): void => {
    const at = NOON + seconds * 1_000;
    state = reduce(state, { type: 'snapshot', snapshot: snapshot(null, { at, unchanged: true }) });
  };
  for (let second = 1; second <= 30; second++) tick(second);
  const { rows } = state;
  tick(90);
  expect(state.rows).toBe(rows);
  expect(screen(state).join('\n')).toMatch(/> +full .* 2m30s /);
  expect(screen(played(state, keys('enter'))).join('\n')).toMatch(/oldest 2m30s/);
});

test('what looks the same is not drawn again', () => {
  const store = new Store(stateWith([reading('q', { ready: 1 })]));
  const drawn = new Drawn(store, PLAIN);
  const first = drawn.state();
  store.dispatch({ type: 'clock', now: NOON + 1_000 });
  expect(drawn.state()).toBe(first);
  store.dispatch({ type: 'key', key: { char: '?' } });
  const help = drawn.state();
  expect(help).not.toBe(first);
  store.dispatch({ type: 'resize', size: { columns: 90, rows: 12 } });
  expect(drawn.state()).not.toBe(help);
});
