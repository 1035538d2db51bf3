import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';

test('a terminal that says 0 × 0 is taken for one of the usual size, until it says another', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mq-top-'));
  try {
    const url = `sqlite:${join(folder, 'queues.db')}`;
    await using load = await SqliteLoad.open(url);
    await load.send(await load.create('orders'), ['a']);
    const script = `stty cols 0 rows 0; exec '${process.execPath}' '${MQ}' top --interval 200ms`;
    await using terminal = new PseudoTerminal('/bin/sh', ['-c', script], {
      columns: 80,
      rows: 24,
      env: { MQ_URL: url },
    });
    const isWhole = (rows: number) => (text: string) => {
      const lines = text.split('\n');
      return (
        lines.length === rows &&
        /^mq top {2}1 queue {2}.*:\d\d$/.test(lines[0] ?? '') &&
        /ok \d+m?s$/.test(lines[1] ?? '') &&
        /^ {2}QUEUE +READY /.test(lines[2] ?? '') &&
        /^>.orders +1 /.test(lines[3] ?? '') &&
        /q quit/.test(lines[rows - 1] ?? '')
      );
    };
    await terminal.until((text) => isWhole(24)(text) && / 0\.0 +0\.0 +0\.0 /.test(text));
    terminal.write('?');
    await terminal.until(/mq top: keys/);
    terminal.write('x');
    await terminal.until(isWhole(24));
    // Ink would open it anew at each frame, to ask it for its size.
    const open = await readdir(`/proc/${terminal.pid}/fd`);
    const files = await Promise.all(open.map((fd) => readlink(`/proc/${terminal.pid}/fd/${fd}`).catch(() => '')));
    expect(files.filter((file) => file === '/dev/tty')).toEqual([]);
    terminal.resize(60, 10);
    await terminal.until(isWhole(10));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
