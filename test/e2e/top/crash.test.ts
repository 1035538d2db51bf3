import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Plugin, rolldown } from 'rolldown';
import { loadConfig } from 'rolldown/config';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';

const ROOT = new URL('../../..', import.meta.url).pathname;
const BIN = join(ROOT, 'bin/mq.js');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-crash-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A component with a bug: it throws as soon as a line of the screen names this queue. */
const BROKEN_COMPONENT: Plugin = {
  name: 'broken-component',
  transform(code, id) {
    if (!id.endsWith('/src/top/view/line-view.tsx')) return null;
    const broken = code.replace(
      /(function LineView\(\{ text, words \}[^{]*\{)/,
      "$1 if (text.includes('break-the-view')) throw new Error('told-by-a-test');",
    );
    if (broken === code) throw new Error('LineView does not look as this test expects');
    return broken;
  },
};

/** The program as it is built, with that component in it. */
async function buildBroken(): Promise<string> {
  const configs = await loadConfig(join(ROOT, 'bin/rolldown.config.js'));
  const config = Array.isArray(configs) ? configs[0] : null;
  if (config === null || config === undefined) throw new Error('the program was expected to be the first of several');
  const { output, ...input } = config;
  const build = await rolldown({ ...input, cwd: ROOT, plugins: [BROKEN_COMPONENT, input.plugins] });
  await build.write({ ...output, dir: join(folder, 'dist') });
  await build.close();
  await cp(BIN, join(folder, 'bin', 'mq.js'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  return join(folder, 'bin', 'mq.js');
}

test('a component that throws gives the terminal back, and is told on the screen that the operator sees', async () => {
  const program = await buildBroken();
  const url = `sqlite:${join(folder, 'queues.db')}`;
  await using load = await SqliteLoad.open(url);
  await load.create('orders');
  // The shell stays in the terminal, and says in which state it was left.
  const script = '"$NODE" "$PROGRAM" top --interval 200ms; echo "code $?"; stty -a';
  await using terminal = new PseudoTerminal('/bin/sh', ['-c', script], {
    columns: 100,
    rows: 30,
    env: { MQ_URL: url, XDG_STATE_HOME: folder, NODE: process.execPath, PROGRAM: program },
  });
  await terminal.until(/^>.orders/m);
  await load.create('break-the-view');
  await terminal.exited;
  const text = await terminal.until(/code \d+/);
  expect(text).toMatch(/a bug in mq: told-by-a-test/);
  expect(text).toMatch(/^code 70$/m);
  expect(text).toMatch(/[^-]icanon/);
  expect(text).toMatch(/[^-]isig/);
  expect(text).toMatch(/[^-]echo /);
  expect(terminal.buffer).toBe('normal');
  expect(terminal.output.lastIndexOf('\u001b[?25h')).toBeGreaterThan(terminal.output.lastIndexOf('\u001b[?25l'));
});

/** A bug that strikes while the view is up: it is loaded before the program, and waits for a signal. */
test.each([
  ['a rejection that nobody handles', `Promise.reject(new Error('told-by-a-test'))`],
  ['an exception in a timer', `setTimeout(() => { throw new Error('told-by-a-test'); })`],
])('%s gives the terminal back, and is told on the screen that the operator sees', async (_name, bug) => {
  const bugFile = join(folder, 'bug.mjs');
  await writeFile(bugFile, `process.on('SIGUSR2', () => { ${bug} });\n`);
  const url = `sqlite:${join(folder, 'queues.db')}`;
  await using load = await SqliteLoad.open(url);
  await load.create('orders');
  await using terminal = new PseudoTerminal(
    process.execPath,
    ['--import', bugFile, BIN, 'top', '--interval', '200ms'],
    {
      columns: 100,
      rows: 16,
      env: { MQ_URL: url, XDG_STATE_HOME: folder },
    },
  );
  await terminal.until(/^>.orders/m);
  terminal.kill('SIGUSR2');
  expect(await terminal.exited).toEqual({ exitCode: 70, signal: 0 });
  expect(terminal.buffer).toBe('normal');
  expect(terminal.output.lastIndexOf('\u001b[?25h')).toBeGreaterThan(terminal.output.lastIndexOf('\u001b[?25l'));
  const text = await terminal.until(/mq: /);
  expect(text).toMatch(/a bug in mq: told-by-a-test/);
});
