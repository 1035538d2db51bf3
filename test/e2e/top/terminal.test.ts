import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MQ } from '../../support/mq.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { filled, folder, top, url } from '../../support/top/lab.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';

const ESCAPE = '\u001b';
/** Any sequence that empties a screen or a part of it, save to the end of one line. */
const CLEARS = new RegExp(`${ESCAPE}\\[[0-3]?J|${ESCAPE}c`);
const COLORS = new RegExp(`${ESCAPE}\\[[\\d;]*m`);

describe('the terminal', () => {
  test('is taken and given back, and q ends with 0', async () => {
    await using _load = await filled();
    await using terminal = top();
    await terminal.until(/orders .* running/);
    expect(terminal.buffer).toBe('alternate');
    terminal.write('q');
    expect(await terminal.exited).toEqual({ exitCode: 0, signal: 0 });
    expect(terminal.buffer).toBe('normal');
    expect(terminal.text()).toBe('\n'.repeat(15));
    const shownAt = terminal.output.lastIndexOf('\u001b[?25h');
    expect(shownAt).toBeGreaterThan(terminal.output.lastIndexOf('\u001b[?25l'));
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s gives it back and ends with %i', async (signal, exitCode) => {
    await using _load = await filled();
    await using terminal = top();
    await terminal.until(/orders/);
    terminal.kill(signal);
    expect(await terminal.exited).toEqual({ exitCode, signal: 0 });
    expect(terminal.buffer).toBe('normal');
  });

  test('an exception outside the view gives it back, and is told on the screen that the operator sees', async () => {
    await using load = await filled();
    for (let n = 0; n < 60; n++) await load.create(`another-${n}`);
    // A recording fails while the view is up: there is no more room for its file. Ink lets the signal that says so end
    // the program, which a full disk does not send.
    const file = join(folder, 'session.ndjson');
    const ignore = join(folder, 'ignore.mjs');
    await writeFile(ignore, `process.on('SIGXFSZ', () => {});`);
    const view = `'${process.execPath}' --import '${ignore}' '${MQ}' top --interval 100ms --record '${file}'`;
    await using terminal = new PseudoTerminal('/bin/sh', ['-c', `ulimit -f 300; exec ${view}`], {
      columns: 110,
      rows: 16,
      env: { MQ_URL: url },
    });
    await terminal.until(/^>.orders/m);
    expect(terminal.buffer).toBe('alternate');
    await terminal.exited;
    expect(terminal.buffer).toBe('normal');
    expect(terminal.lines().join('')).toContain(`mq: error: ${file} cannot be written: the file would be too large`);
  });

  test('a steady screen sends no clear-screen, and a wide one keeps its lines', async () => {
    await using _load = await filled();
    await using terminal = top();
    await terminal.until(/orders/);
    const from = terminal.output.length;
    const ticks = () => terminal.output.slice(from).split('\u001b[?2026h').length;
    await terminal.until(() => ticks() > 6);
    expect(terminal.output.slice(from)).not.toMatch(CLEARS);
  });

  test.each([
    [30, 8],
    [300, 100],
    [60, 12],
  ])('works in %i × %i, after a resize too', async (columns, rows) => {
    await using _load = await filled();
    await using terminal = top([], { columns, rows });
    const first = await terminal.until(/orders/);
    expect(first).toMatch(/READY/);
    terminal.resize(80, 24);
    await terminal.until(
      (text) => /ERR\/S/.test(text) && text.split('\n').length === 24 && /q quit/.test(text.split('\n')[23] ?? ''),
    );
    terminal.resize(columns, rows);
    // Below the list there is nothing left of the larger frame.
    const again = await terminal.until(
      (text) => text.split('\n').length === rows && /^>/.test(text.split('\n')[3] ?? ''),
    );
    expect(again.match(/QUEUE/g)).toHaveLength(1);
    terminal.write('q');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  test('CI, even empty, does not make it a still', async () => {
    await using _load = await filled();
    await using terminal = top([], undefined, { CI: '' });
    await terminal.until(/orders/);
    expect(terminal.buffer).toBe('alternate');
  });

  test('a screen reader is told words for rows and for each chart, and no bars', async () => {
    await using _load = await filled();
    await using terminal = top([], { columns: 110, rows: 60 }, { INK_SCREEN_READER: 'true' });
    await terminal.until(/selected, queue orders, .*ready 3, .*dead 5/);
    terminal.write('\r');
    await terminal.until((text) =>
      ['depth', 'in/s', 'out/s', 'err/s', 'dead'].every((chart) =>
        new RegExp(
          `^ *${chart}: (unknown|(rising|falling|level), now [\\d.]+, between [\\d.]+ and [\\d.]+ over \\d+ samples)`,
          'm',
        ).test(text),
      ),
    );
    expect(terminal.text()).toMatch(/^ *depth: level, now 3, between 3 and 3 over \d+ samples/m);
    expect(terminal.output).not.toMatch(/[▁▂▃▄▅▆▇█]/);
  });

  test('of a list in words there is as much as fits, and the queue that is selected among it', async () => {
    await using load = await SqliteLoad.open(url);
    for (let index = 10; index < 40; index++) await load.create(`q${index}`);
    await using terminal = top([], { columns: 80, rows: 14 }, { INK_SCREEN_READER: 'true' });
    const wholeWith = (queue: string) => (text: string) =>
      /^mq top {2}30 queues/.test(text) && text.includes(`selected, queue ${queue},`) && /q quit/.test(text);
    await terminal.until(wholeWith('q10'));
    terminal.write('G');
    await terminal.until(wholeWith('q39'));
    terminal.write('a');
    await terminal.until((text) => /q39 on sqlite:/.test(text) && /Escape leaves/.test(text));
  });

  test('NO_COLOR and --color never leave no colour', async () => {
    await using _load = await filled();
    for (const [args, env] of [
      [[], { NO_COLOR: '1' }],
      [['--color', 'never'], {}],
    ] as const) {
      await using terminal = top(args, undefined, env);
      await terminal.until(/^>.orders/m);
      terminal.write('q');
      await terminal.exited;
      expect(terminal.output).not.toMatch(COLORS);
    }
  });

  test('a dumb terminal gets one plain frame of ASCII', async () => {
    await using _load = await filled();
    await using terminal = top([], undefined, { TERM: 'dumb' });
    expect((await terminal.exited).exitCode).toBe(0);
    expect(terminal.output).toMatch(/orders/);
    expect(terminal.output).toMatch(/^[\x20-\x7e\r\n]*$/);
  });

  test('a queue name can neither move the cursor, set the title nor change colours', async () => {
    await using load = await filled();
    const hostile = '\u001b]0;owned\u0007\u001b[2J\u001b[31m\u009b5;5Hx\u202e';
    const queue = await load.create(hostile);
    await load.send(queue, [`\u001b]0;owned\u0007\u001b[2J${'\u001b[1;1Hevil'}`]);
    await using terminal = top();
    await terminal.until(/\\e\]0;owned\\x07\\e\[2J/);
    terminal.write('/owned\r');
    await terminal.until((text) => /1-1 of 1/.test(text));
    terminal.write('\r3');
    await terminal.until(/all 1 ready messages/);
    terminal.write('\r');
    await terminal.until(/\\e\[1;1Hevil/);
    terminal.write('q');
    await terminal.exited;
    expect(terminal.title).toBeNull();
    expect(terminal.output).not.toContain('\u001b]0;');
    expect(terminal.output).not.toContain('\u009b');
    expect(terminal.output).not.toContain('\u202e');
    expect(terminal.output).not.toContain('\u001b[31m\\');
  });
});
