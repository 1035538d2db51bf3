import { afterAll, beforeAll, expect, it } from 'vitest';
import { layOut } from '../../src/cli/help/layout.ts';
import { TOPICS } from '../../src/cli/help/topics.ts';
import { HELP_OF_ALL, knownAnswer } from '../../src/cli/start/at-once.ts';
import { renderHelp } from '../../src/cli/start/render-help.ts';
import { VERBS } from '../../src/cli/verbs.ts';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
let rendered: Readonly<Record<string, string>>;
beforeAll(async () => {
  mq = await CommandLine.open();
  rendered = await renderHelp();
});
afterAll(() => mq.close());

/** From one where nothing fits to one beyond the widest. */
const WIDTHS = [20, ...Array.from({ length: 83 }, (_, n) => 40 + n), 200];

it('there is a text of every verb and topic, and of the program', () => {
  expect(new Set(Object.keys(rendered))).toEqual(new Set([HELP_OF_ALL, ...VERBS.map(({ name }) => name), ...TOPICS]));
});

it.each([HELP_OF_ALL, ...VERBS.map(({ name }) => name)])(
  'the help of %s that the build makes is what commander prints, whatever the width of the terminal',
  async (name) => {
    for (const columns of WIDTHS) {
      const args = name === HELP_OF_ALL ? ['--help'] : [name, '--help'];
      const { stdout } = await mq.ok(args, { columns, terminals: { stdout: true } });
      expect(layOut(rendered[name] ?? '', Math.min(columns, 120)), `${columns} columns`).toBe(stdout);
    }
  },
);

it.each(TOPICS)('the topic %s is its text, at any width', async (topic) => {
  const { stdout } = await mq.ok(['help', topic]);
  for (const columns of [20, 80, 120]) expect(layOut(rendered[topic] ?? '', columns)).toBe(stdout);
});

it('without a build, nothing is known but the version', async () => {
  const answers = async (...args: string[]) => knownAnswer(args, { HOME: mq.folder }, () => 80);
  expect(await answers('--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
  for (const args of [[], ['--help'], ['help', 'ls'], ['ls', '-h']]) expect(await answers(...args)).toBeNull();
});
