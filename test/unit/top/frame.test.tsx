import { readFile } from 'node:fs/promises';
import { renderToString } from 'ink';
import { render as renderForTest } from 'ink-testing-library';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { frameText } from '../../../src/top/still.ts';
import { Store } from '../../../src/top/store.ts';
import { screenLines } from '../../../src/top/text/screen.ts';
import { App } from '../../../src/top/view/app.tsx';
import { Screen } from '../../../src/top/view/screen.tsx';
import { keys, played, reading, stateWith } from '../../support/top/readings.ts';
import { afterStory } from '../../support/top/story.ts';

const PLAIN = { color: false, unicode: true };

beforeEach(() => {
  vi.stubEnv('TZ', 'UTC');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

test('the frame, and the README shows it as it is', async () => {
  const frame = frameText(afterStory(), PLAIN, 120);
  await expect(frame).toMatchFileSnapshot('../../fixtures/top-frame.txt');
  const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8');
  const shown = readme.replace(/(<!-- top-frame: [^\n]* -->\n).*(<!-- \/top-frame -->)/s, (_all, start, end) => {
    return `${start}\n\`\`\`text\n${frame.trimEnd()}\n\`\`\`\n\n${end}`;
  });
  expect(shown).toContain(frame.trimEnd());
  await expect(shown).toMatchFileSnapshot('../../../README.md');
});

test.each([
  ['list', []],
  ['detail', keys('enter')],
  ['help', keys('?')],
  ['menu', keys('a')],
  ['question', keys('R')],
] as const)('Ink draws the lines of the %s as they are', (_name, events) => {
  const state = played(afterStory(), events);
  const drawn = renderToString(<Screen state={state} theme={PLAIN} />, { columns: state.size.columns });
  const lines = screenLines(state, PLAIN).map(({ text }) => text.trimEnd());
  expect(drawn.split('\n').map((line) => line.trimEnd())).toEqual(lines);
  expect(lines).toHaveLength(state.size.rows);
});

test('keys reach the state through Ink, and only what is on the screen is drawn', async () => {
  const store = new Store(stateWith(Array.from({ length: 500 }, (_, index) => reading(`q${1000 + index}`))));
  const app = renderForTest(<App store={store} theme={PLAIN} jobControl={null} />);
  // Ink listens from its first effects on.
  await expect.poll(() => app.lastFrame()).toContain('q1000');
  expect(app.lastFrame()).not.toContain('q1400');
  await expect
    .poll(() => {
      if (store.state().selected?.queue === 'q1000') app.stdin.write('jjj');
      return store.state().selected?.queue;
    })
    .toBe('q1003');
  app.stdin.write('\u001b[B');
  await expect.poll(() => store.state().selected?.queue).toBe('q1004');
  app.stdin.write('\u001b?');
  await expect.poll(() => app.lastFrame()).toContain('mq top: keys');
  // Escape leads out of one thing; twice at once, out of two.
  const opened = (step: string): (() => unknown) => {
    return () => [store.state().help, store.state().detail?.tab, store.state().action?.step].join(' ') === step;
  };
  app.stdin.write('x');
  await expect.poll(opened('  ')).toBe(true);
  app.stdin.write('\ra');
  await expect.poll(opened(' overview choose')).toBe(true);
  app.stdin.write('\u001b');
  await expect.poll(opened(' overview ')).toBe(true);
  app.stdin.write('a');
  await expect.poll(opened(' overview choose')).toBe(true);
  app.stdin.write('\u001b\u001b');
  await expect.poll(opened('  ')).toBe(true);
  app.unmount();
});
