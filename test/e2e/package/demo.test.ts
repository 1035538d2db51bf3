import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-demo-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Node keeps its compile cache there, too. */
const leftovers = async () => (await readdir(folder)).filter((name) => name.startsWith('mq-'));

const demo = () =>
  new PseudoTerminal(process.execPath, [MQ, 'demo'], { columns: 120, rows: 20, env: { TMPDIR: folder } });

test('on a terminal it is the live view over queues that are at work, and dead letters can be redriven from it', async () => {
  await using terminal = demo();
  const text = await terminal.until(/^.!mails .* growing/m, 20_000);
  expect(text).toMatch(/night-report/);
  expect(terminal.buffer).toBe('alternate');
  expect(await leftovers()).toHaveLength(1);
  terminal.write('/orders\r');
  await terminal.until(/1-1 of 1/);
  terminal.write('\r2');
  await terminal.until(/timeout after <n> s: tax service/, 20_000);
  terminal.write('\u001b');
  await terminal.until(/1-1 of 1/);
  terminal.write('R');
  await terminal.until(/At most/);
  terminal.write('1\r');
  await terminal.until(/Go on\?/);
  terminal.write('y');
  await terminal.until(/redrove 1 message from orders to orders/);
  terminal.write('\r');
  await terminal.until(/1-1 of 1/);
  terminal.write('q');
  expect(await terminal.exited).toEqual({ exitCode: 0, signal: 0 });
  expect(terminal.buffer).toBe('normal');
  expect(terminal.text()).toMatch(/temporary queue/);
  expect(await leftovers()).toEqual([]);
});

test.each([
  ['Ctrl-C', (terminal: PseudoTerminal) => terminal.write('\u0003'), 0],
  ['SIGTERM', (terminal: PseudoTerminal) => terminal.kill('SIGTERM'), 143],
] as const)('%s ends it and leaves nothing behind', async (_name, end, exitCode) => {
  await using terminal = demo();
  await terminal.until(/night-report/);
  end(terminal);
  expect(await terminal.exited).toEqual({ exitCode, signal: 0 });
  expect(terminal.buffer).toBe('normal');
  expect(await leftovers()).toEqual([]);
});
