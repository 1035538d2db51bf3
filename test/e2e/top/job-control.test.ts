import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';

const CTRL_Z = '\u001a';

let folder: string;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-top-jobs-'));
  env = { MQ_URL: `sqlite:${join(folder, 'queues.db')}`, NODE: process.execPath, MQ };
  await using load = await SqliteLoad.open(env.MQ_URL ?? '');
  await load.create('idle');
  await load.send(await load.create('orders'), ['1', '2']);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The view as a job of a shell, as a person has it. */
async function inShell(): Promise<PseudoTerminal> {
  const shell = new PseudoTerminal('bash', ['--norc', '--noprofile', '-i'], { columns: 100, rows: 14, env });
  shell.write('PS1="ready$ "\r');
  await shell.until(/^ready\$$/m);
  shell.write('"$NODE" "$MQ" top --interval 200ms\r');
  await shell.until(/^>.orders /m);
  return shell;
}

/** The only child of a process. */
async function childOf(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  expect(children.trim()).toMatch(/^\d+$/);
  return Number(children);
}

/** The view is there again, whole, and answers. */
async function expectBack(shell: PseudoTerminal): Promise<void> {
  await shell.until((text) => /^mq top {2}2 queues/.test(text) && /^>.orders /m.test(text) && /q quit/.test(text));
  expect(shell.buffer).toBe('alternate');
  expect(shell.lines().filter((line) => /orders/.test(line))).toHaveLength(1);
  shell.write('j');
  await shell.until(/^>.idle /m);
  shell.write('k');
  await shell.until(/^>.orders /m);
}

test('Ctrl-Z gives the terminal back and stops; fg draws the view anew', async () => {
  await using shell = await inShell();
  for (let round = 0; round < 2; round++) {
    shell.write(CTRL_Z);
    await shell.until(/Stopped/);
    expect(shell.buffer).toBe('normal');
    // The shell's own terminal settings: what is typed is shown, and a line is a line.
    shell.write('echo "$((40 + 2)) is the answer"\r');
    await shell.until(/^42 is the answer$/m);
    shell.write('clear; fg\r');
    await expectBack(shell);
  }
  shell.write('q');
  await shell.until(/^ready\$$/m);
  shell.write('echo "ended with $?"\r');
  await shell.until(/^ended with 0$/m);
});

test.for(['STOP', 'TSTP'])(
  'stopped with SIG%s from elsewhere, it takes the terminal again when it goes on',
  async (signal) => {
    await using shell = await inShell();
    process.kill(await childOf(shell.pid), `SIG${signal}`);
    await shell.until(/Stopped/);
    expect(shell.buffer).toBe(signal === 'TSTP' ? 'normal' : 'alternate');
    shell.write('clear; fg\r');
    await expectBack(shell);
  },
);

test('where no shell could let it go on, Ctrl-Z does not stop it, and the view stays', async () => {
  await using terminal = new PseudoTerminal(process.execPath, [MQ, 'top', '--interval', '200ms'], {
    columns: 100,
    rows: 14,
    env,
  });
  await terminal.until(/^>.orders /m);
  terminal.write(CTRL_Z);
  await expectBack(terminal);
  terminal.write('q');
  expect(await terminal.exited).toMatchObject({ exitCode: 0 });
});
