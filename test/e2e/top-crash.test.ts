import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PseudoTerminal } from '../support/pseudo-terminal.ts';
import { SqliteLoad } from '../support/top/sqlite-load.ts';

const BIN = new URL('../../bin/mq.js', import.meta.url).pathname;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-crash-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

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
