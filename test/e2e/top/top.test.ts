import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BuiltProgram } from '../../support/built-program.ts';
import { PseudoTerminal } from '../../support/pseudo-terminal.ts';
import { SqliteLoad } from '../../support/top/sqlite-load.ts';

const BIN = new URL('../../../bin/mq.js', import.meta.url).pathname;
const ESCAPE = '\u001b';
/** Any sequence that empties a screen or a part of it, save to the end of one line. */
const CLEARS = new RegExp(`${ESCAPE}\\[[0-3]?J|${ESCAPE}c`);
const COLORS = new RegExp(`${ESCAPE}\\[[\\d;]*m`);
const CLIPBOARD = new RegExp(`${ESCAPE}\\]52;c;([A-Za-z0-9+/=]+)\\x07`);

let folder: string;
let url: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-top-'));
  url = `sqlite:${join(folder, 'queues.db')}`;
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const top = (
  args: readonly string[] = [],
  size = { columns: 110, rows: 16 },
  env: Readonly<Record<string, string>> = {},
) =>
  new PseudoTerminal(process.execPath, [BIN, 'top', '--interval', '200ms', ...args], {
    ...size,
    env: { MQ_URL: url, ...env },
  });

/** orders: 3 ready, 5 dead of two reasons; idle: empty. */
async function filled(): Promise<SqliteLoad> {
  const load = await SqliteLoad.open(url);
  const orders = await load.create('orders');
  await load.create('idle');
  await load.send(orders, ['1', '2', '3', '4', 'bad'], 1);
  await load.work(orders, 5, (body) => (body === 'bad' ? 'card refused' : `timeout after ${body}000 ms`));
  await load.send(orders, ['a', 'b', 'c']);
  return load;
}

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
    const view = `'${process.execPath}' --import '${ignore}' '${BIN}' top --interval 100ms --record '${file}'`;
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

describe('keys', () => {
  test('fast keys all count', async () => {
    await using load = await filled();
    for (const name of ['q1', 'q2', 'q3', 'q4']) await load.create(name);
    await using terminal = top();
    await terminal.until(/1-6 of 6/);
    terminal.write('sjjk');
    await terminal.until(/^>.orders/m);
    terminal.write('jjjjjjjjjj');
    await terminal.until(/^>.q4/m);
    terminal.write('g');
    await terminal.until(/^>.idle/m);
    // Ctrl-U and Ctrl-W among them too.
    terminal.write('/nothing\u0015q two\u0017\u0008\u00084\u007f');
    terminal.write('\u0015ord\r');
    await terminal.until((text) => /filter: ord {2}/.test(text) && /1-1 of 1/.test(text));
    // Enter right after Escape does not confirm what was left, here the choice in a menu.
    terminal.write('a');
    await terminal.until(/^> p {2}pause/m);
    terminal.write(`${ESCAPE}\r`);
    await terminal.until(/\[1 overview\]/);
    expect(terminal.text()).not.toMatch(/Pause orders/);
  });

  test('arrows, paging, the first and the last', async () => {
    await using load = await SqliteLoad.open(url);
    for (let index = 10; index < 50; index++) await load.create(`q${index}`);
    await using terminal = top();
    await terminal.until(/1-12 of 40/);
    const steps: readonly (readonly [string, string, RegExp])[] = [
      ['s', 'q10', /1-12 of 40/],
      [`${ESCAPE}[B`, 'q11', /1-12 of 40/],
      [`${ESCAPE}[6~`, 'q23', /3-14 of 40/],
      [`${ESCAPE}[6~`, 'q35', /15-26 of 40/],
      [`${ESCAPE}[5~`, 'q23', /14-25 of 40/],
      [`${ESCAPE}[A`, 'q22', /13-24 of 40/],
      ['j', 'q23', /13-24 of 40/],
      [`${ESCAPE}[F`, 'q49', /29-40 of 40/],
      ['k', 'q48', /29-40 of 40/],
      [`${ESCAPE}[H`, 'q10', /1-12 of 40/],
      ['G', 'q49', /29-40 of 40/],
      ['g', 'q10', /1-12 of 40/],
    ];
    for (const [key, queue, place] of steps) {
      terminal.write(key);
      await terminal.until((text) => new RegExp(`^>.${queue} `, 'm').test(text) && place.test(text));
    }
    terminal.write('ss');
    await terminal.until(/READY[▲▼]/);
    terminal.write('S');
    await terminal.until(/by context/);
    terminal.write('--');
    await terminal.until(/every 0\.5s/);
    terminal.write('+');
    await terminal.until(/every 0\.25s/);
  });

  test('Tab and arrows in the detail; Ctrl-C leaves', async () => {
    await using _load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write(`${ESCAPE}[C`);
    await terminal.until(/\[1 overview\]/);
    terminal.write('\t');
    await terminal.until((text) => /\[2 dead letters\]/.test(text) && /^> +4 /m.test(text));
    terminal.write(`${ESCAPE}[B`);
    await terminal.until(/^> +1 .*card refused/m);
    terminal.write('\t');
    await terminal.until((text) => /\[3 messages\]/.test(text) && /all 3 ready messages/.test(text));
    terminal.write('l');
    await terminal.until(/all 3 ready messages/);
    terminal.write('\t');
    await terminal.until(/\[1 overview\]/);
    terminal.write(`${ESCAPE}[D`);
    await terminal.until(/^>.orders/m);
    terminal.write('\u0003');
    expect(await terminal.exited).toEqual({ exitCode: 0, signal: 0 });
  });

  test('filter, dead letters only, only what is wrong, sort, freeze, interval, help', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/1-2 of 2/);
    terminal.write('/IDL');
    await terminal.until((text) => /filter: IDL_/.test(text) && /idle/.test(text) && !/orders/.test(text));
    terminal.write('\r');
    await terminal.until(/filter: IDL .*1-1 of 1/);
    terminal.write(ESCAPE);
    await terminal.until(/1-2 of 2/);
    terminal.write('d');
    await terminal.until(/only dead .*1-1 of 1/);
    // Nobody works on it: that is a fault only as long as its rates say that something happens there.
    await load.pause('orders');
    terminal.write('d!');
    await terminal.until(/only wrong .*1-1 of 1/);
    terminal.write('!ss');
    await terminal.until(/by context/);
    terminal.write('r');
    await terminal.until(/by context reversed/);
    terminal.write('ss');
    await terminal.until(/IN-FLT[▲▼]/);
    terminal.write('-');
    await terminal.until(/every 0\.25s/);
    terminal.write(' ');
    await terminal.until(/FROZEN/);
    await load.create('later');
    terminal.write('?');
    await terminal.until(/mq top: keys/);
    terminal.write('?');
    await terminal.until((text) => /FROZEN/.test(text) && !/later/.test(text));
    terminal.write(' ');
    await terminal.until(/later/);
  });

  test('the detail: charts, links, groups with the newest of each, messages', async () => {
    await using _load = await filled();
    await using terminal = top([], { columns: 110, rows: 40 });
    await terminal.until(/^>.orders/m);
    terminal.write('\r');
    const overview = await terminal.until(/kept in the queue itself/);
    expect(overview).toMatch(/ready 3 {3}in-flight 0 {3}delayed 0 {3}dead 5/);
    expect(overview).toMatch(/depth .*█.* now 3, most 3/);
    terminal.write('2');
    const groups = await terminal.until(/all 5 dead letters by reason/);
    expect(groups).toMatch(/^> +4 {2}newest +\S+ {2}timeout after <n> ms$/m);
    expect(groups).toMatch(/^ +1 {2}newest +\S+ {2}card refused$/m);
    terminal.write('j\r');
    await terminal.until((text) => /died of +card refused/.test(text) && /^bad$/m.test(text));
    terminal.write(ESCAPE);
    await terminal.until(/by reason/);
    terminal.write('3');
    await terminal.until(/all 3 ready messages/);
  });
});

describe('actions', () => {
  test('pause and resume', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write('p');
    await terminal.until(/Pause orders on sqlite/);
    terminal.write('y');
    await terminal.until(/paused orders/);
    expect(await load.figures('orders')).toMatchObject({ state: 'paused' });
    terminal.write('x');
    await terminal.until(/orders +paused/);
    terminal.write('a');
    await terminal.until(/Enter does it/);
    terminal.write('j\r');
    await terminal.until(/Resume orders/);
    terminal.write('y');
    await terminal.until(/resumed orders/);
    expect(await load.figures('orders')).toMatchObject({ state: 'running' });
  });

  test('by their keys: pause, resume, redrive of all, purge of what is ready; c in the menu', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    const steps: readonly (readonly [string, RegExp, string, RegExp, object])[] = [
      ['p', /Pause orders/, 'y', /paused orders/, { state: 'paused' }],
      ['u', /Resume orders/, 'y', /resumed orders/, { state: 'running' }],
      ['R\r', /Redrive 5 messages .*Go on\?/s, 'y', /redrove 5 messages/, { ready: 8, dead: 0 }],
      ['P', /Type the queue's name/, 'orders\r', /purged 8 messages in orders/, { ready: 0, dead: 0 }],
    ];
    for (const [key, question, answer, report, figures] of steps) {
      terminal.write(key);
      await terminal.until(question);
      terminal.write(answer);
      await terminal.until(report);
      expect(await load.figures('orders')).toMatchObject(figures);
      terminal.write('x');
      // What was done is still said at the foot.
      await terminal.until((text) => !/any key: back/.test(text) && report.test(text.split('\n').at(-1) ?? ''));
    }
    // Nothing is wrong with it any more, so that the first row is another; the cursor stays on its queue.
    await terminal.until(/^ .idle.*\n>.orders/m);
    terminal.write('a');
    await terminal.until(/Enter does it/);
    terminal.write('c');
    await terminal.until(() => CLIPBOARD.test(terminal.output));
    expect(Buffer.from(CLIPBOARD.exec(terminal.output)?.[1] ?? '', 'base64').toString()).toBe('mq pause orders');
  });

  test('redrive up to N, with the command line that would do it', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write('R');
    await terminal.until(/At most/);
    terminal.write('2\r');
    const question = await terminal.until(/Go on\?/);
    expect(question).toMatch(/Redrive up to 2 of 5 messages from orders to orders on sqlite/);
    expect(question).toMatch(/Same as: mq redrive --max 2 orders/);
    expect(await load.figures('orders')).toMatchObject({ ready: 3, dead: 5 });
    terminal.write('c');
    await terminal.until(() => terminal.output.includes('\u001b]52;c;'));
    const copied = CLIPBOARD.exec(terminal.output)?.[1] ?? '';
    expect(Buffer.from(copied, 'base64').toString()).toBe('mq redrive --max 2 orders');
    terminal.write('y');
    await terminal.until(/redrove 2 messages from orders to orders/);
    expect(await load.figures('orders')).toMatchObject({ ready: 5, dead: 3 });
  });

  test('redrive of one reason, and nothing on Escape or n', async () => {
    await using load = await filled();
    await using terminal = top([], { columns: 110, rows: 24 });
    await terminal.until(/^>.orders/m);
    terminal.write('\r2');
    await terminal.until(/all 5 dead letters/);
    for (const no of ['n', ESCAPE]) {
      terminal.write('R\r');
      await terminal.until(/Go on\?/);
      terminal.write(no);
      await terminal.until((text) => !/Go on\?/.test(text));
    }
    expect(await load.figures('orders')).toMatchObject({ ready: 3, dead: 5 });
    terminal.write('jR');
    await terminal.until(/that died of: card refused/);
    terminal.write('\r');
    await terminal.until(/only those that died of: card refused/);
    terminal.write('y');
    await terminal.until(/redrove 1 message from orders to orders \(4 left\)/);
    expect(await load.figures('orders')).toMatchObject({ ready: 4, dead: 4 });
    terminal.write('x');
    // What was looked at is looked at again.
    await terminal.until((text) => /all 4 dead letters/.test(text) && !/card refused/.test(text));
  });

  test('purge asks for the name', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write('P');
    await terminal.until(/Type the queue's name/);
    terminal.write('y\r');
    await terminal.until(/nothing was changed/);
    expect(await load.figures('orders')).toMatchObject({ ready: 3, dead: 5 });
    terminal.write('D');
    await terminal.until(/Type the queue's name/);
    terminal.write('orders\r');
    await terminal.until(/purged 5 messages in orders/);
    expect(await load.figures('orders')).toMatchObject({ ready: 3, dead: 0 });
  });

  test('move, and a target that is not there', async () => {
    await using load = await filled();
    await using terminal = top();
    await terminal.until(/^>.orders/m);
    terminal.write('m');
    await terminal.until(/To: _/);
    terminal.write('nowhere\r');
    await terminal.until(/error: /);
    terminal.write('xm');
    await terminal.until(/To: _/);
    terminal.write('idle\r');
    await terminal.until(/Move 3 messages from orders to idle/);
    terminal.write('y');
    await terminal.until(/moved 3 messages from orders to idle/);
    expect(await load.figures('idle')).toMatchObject({ ready: 3 });
    expect(await load.figures('orders')).toMatchObject({ ready: 0 });
  });
});

describe('several brokers', () => {
  /** Two contexts of one configuration; `rules` are further settings of the second. */
  async function contexts(rules = ''): Promise<Readonly<Record<string, string>>> {
    const config = join(folder, 'config', 'mq');
    await mkdir(config, { recursive: true });
    const other = `sqlite:${join(folder, 'other.db')}`;
    await writeFile(
      join(config, 'config.yaml'),
      `contexts:\n  prod:\n    url: '${url}'\n  dev:\n    url: '${other}'\n${rules}`,
      { mode: 0o600 },
    );
    return { XDG_CONFIG_HOME: join(folder, 'config'), XDG_STATE_HOME: folder, XDG_CACHE_HOME: folder, MQ_URL: '' };
  }

  async function fillOther(): Promise<void> {
    await using load = await SqliteLoad.open(`sqlite:${join(folder, 'other.db')}`);
    await load.send(await load.create('remote'), ['x', 'y']);
  }

  test('are one list with totals, and messages move between them', async () => {
    await using load = await filled();
    const env = await contexts();
    await fillOther();
    await using terminal = top(['-c', 'prod', '-c', 'dev'], { columns: 130, rows: 16 }, env);
    const text = await terminal.until(/3 queues {2}ready 5/);
    expect(text).toMatch(/prod \(sqlite\) ok .* dev \(sqlite\) ok/);
    expect(text).toMatch(/remote +dev /);
    await terminal.until(/^>.orders/m);
    terminal.write('m');
    await terminal.until(/To: _/);
    terminal.write('remote@dev\r');
    await terminal.until(/Move 3 messages from orders to remote/);
    terminal.write('y');
    await terminal.until(/moved 3 messages/);
    expect(await load.figures('orders')).toMatchObject({ ready: 0 });
    terminal.write('x');
    await terminal.until(/remote +dev +running +5 /);
    const history = await new BuiltProgram(['history', '-o', 'ndjson'], env).finished;
    expect(JSON.parse(history.stdout)).toMatchObject({
      ...{ verb: 'move', context: 'prod', queues: ['orders'], to: ['remote@dev'], exitCode: 0 },
      counts: { matched: 3, moved: 3, failed: 0 },
    });
  });

  test('a readonly context refuses, a protected one asks for the name', async () => {
    await fillOther();
    for (const [rule, expected] of [
      ['readonly: true', /dev is readonly/],
      ['protected: true', /Type the queue's name/],
    ] as const) {
      const env = await contexts(`    ${rule}\n`);
      await using terminal = top(['-c', 'dev'], { columns: 110, rows: 16 }, env);
      await terminal.until(/^>.remote/m);
      terminal.write('p');
      await terminal.until(expected);
    }
  });

  test('what a context hides of bodies is not shown, in a line nor whole', async () => {
    {
      await using load = await SqliteLoad.open(`sqlite:${join(folder, 'other.db')}`);
      const cards = await load.create('cards');
      await load.send(cards, ['{"card":{"number":"4111-dead"},"order":7}'], 1);
      await load.work(cards, 1, () => 'refused');
      await load.send(cards, ['{"card":{"number":"4111-ready"},"order":8}']);
    }
    const env = await contexts('    redact: [card.number]\n');
    await using terminal = top(['-c', 'dev'], { columns: 110, rows: 20 }, env);
    await terminal.until(/^>.cards/m);
    terminal.write('\r');
    await terminal.until(/\[1 overview\]/);
    terminal.write('3');
    await terminal.until(/\{"card":\{"number":"\*\*\*"\},"order":8\}/);
    terminal.write('\r');
    await terminal.until(/^\{"card":\{"number":"\*\*\*"\},"order":8\}$/m);
    terminal.write('\u001b2');
    await terminal.until(/all 1 dead letters/);
    terminal.write('\r');
    await terminal.until(/^\{"card":\{"number":"\*\*\*"\},"order":7\}$/m);
    expect(terminal.output).not.toContain('4111');
  });

  test('one that is gone is marked with age and reason, the other goes on, and it comes back', async () => {
    await using load = await filled();
    const env = await contexts();
    await fillOther();
    await using terminal = top(['-c', 'prod', '-c', 'dev'], { columns: 130, rows: 16 }, env);
    await terminal.until(/remote +dev /);
    const other = join(folder, 'other.db');
    const kept = await readFile(other);
    await truncate(other, 0);
    await writeFile(other, 'this is no database, and long enough to be read as one'.repeat(200));
    await terminal.until(/dev \(sqlite\) STALE .*; next try in/);
    const orders = await load.broker.queue('orders', new AbortController().signal);
    await load.send(orders, ['d']);
    const stale = await terminal.until(/orders +prod +running +4 /);
    expect(stale).toMatch(/^.\?remote +dev/m);
    await rm(`${other}-wal`, { force: true });
    await rm(`${other}-shm`, { force: true });
    await writeFile(other, kept);
    await terminal.until((text) => /dev \(sqlite\) ok/.test(text), 20_000);
  });
});

describe('without a terminal', () => {
  const mq = (...args: readonly string[]) =>
    new BuiltProgram(['top', '--interval', '200ms', ...args], { MQ_URL: url, TZ: 'UTC' }).finished;

  test('one frame, with or without --once', async () => {
    await using _load = await filled();
    for (const args of [[], ['--once'], ['orders'], ['ord*', '--once']]) {
      const { code, stdout, stderr } = await mq(...args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^mq top .*\n.*\n.*QUEUE.*READY.*\n {2}orders/);
      expect(stdout).not.toContain(ESCAPE);
      expect(stdout.includes('idle')).toBe(args.every((arg) => !arg.startsWith('ord')));
    }
  });

  test('-o ndjson --once: the stats of each queue, with rates from two readings', async () => {
    await using _load = await filled();
    const { stdout } = await mq('-o', 'ndjson', '--once');
    const stats = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(stats.map(({ queue, ready, dead }) => [queue, ready, dead])).toEqual([
      ['idle', 0, 0],
      ['orders', 3, 5],
    ]);
    expect(stats[1].rates).toMatchObject({ inPerSec: 0, outPerSec: 0, errorPerSec: 0, windowMs: expect.any(Number) });
    expect(Math.abs(Date.now() - Date.parse(stats[1].sampledAt))).toBeLessThan(60_000);
    expect(stats[1].sampledAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  test('a name that no broker knows: exit 4 after the frame; a glob may match nothing', async () => {
    await using _load = await filled();
    const named = await mq('orders', 'nosuch', '--once');
    expect(named).toMatchObject({ code: 4, stderr: expect.stringContaining('no queue nosuch') });
    expect(named.stdout).toMatch(/^ {2}orders/m);
    const lines = await mq('nosuch', '--once', '-o', 'ndjson');
    expect(lines).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining('"code":"QUEUE_NOT_FOUND"') });
    const glob = await mq('nosuch*', '--once');
    expect(glob).toMatchObject({ code: 0, stdout: expect.stringMatching(/^ {2}no queue matches nosuch\*$/m) });
    await using terminal = top(['nosuch']);
    await terminal.until(/no queue matches nosuch/);
  });

  test('a recording for which there is no more room ends with 1, and is not called a bug', async () => {
    await using load = await filled();
    for (let n = 0; n < 60; n++) await load.create(`another-${n}`);
    const file = join(folder, 'session.ndjson');
    const view = `'${process.execPath}' '${BIN}' top --interval 50ms -o ndjson --record '${file}'`;
    const env = { MQ_URL: url, PATH: process.env.PATH };
    const ran = spawnSync('/bin/sh', ['-c', `ulimit -f 300; exec ${view} > /dev/null`], { env, encoding: 'utf8' });
    expect(JSON.parse(ran.stderr)).toMatchObject({
      error: { code: 'PRECONDITION_FAILED', message: `${file} cannot be written: the file would be too large` },
    });
    expect(ran.status).toBe(1);
  });

  test('-o ndjson goes on until it is stopped', async () => {
    await using _load = await filled();
    const program = new BuiltProgram(['top', 'orders', '--interval', '100ms', '-o', 'ndjson'], { MQ_URL: url });
    let lines = 0;
    // Once: a second signal could meet a program that has ended its work and listens no more.
    const fiveCame = new Promise<void>((resolve) => {
      program.child.stdout?.on('data', (chunk: Buffer) => {
        lines += chunk.toString().split('\n').length - 1;
        if (lines > 4) resolve();
      });
    });
    await Promise.race([fiveCame, program.finished]);
    program.kill('SIGTERM');
    expect((await program.finished).code).toBe(143);
  });

  test('a broker that is not there: a frame that says so, and exit 5', async () => {
    const { code, stdout } = await new BuiltProgram(['top', '--once'], { MQ_URL: 'amqp://guest:secret@127.0.0.1:1/' })
      .finished;
    expect(code).toBe(5);
    expect(stdout).toMatch(/STALE never answered: /);
    expect(stdout).not.toMatch(/secret/);
  });

  test('what is recorded is replayed, and a recording cannot be changed', async () => {
    const file = join(folder, 'session.ndjson');
    await using load = await filled();
    expect((await mq('--once', '--record', file)).code).toBe(0);
    expect((await mq('--once', '--record', file)).code).toBe(1);
    await load.create('later');
    const { code, stdout } = await new BuiltProgram(['top', '--replay', file], {
      MQ_URL: 'sqlite:/nowhere/at/all',
      TZ: 'UTC',
    }).finished;
    expect(code).toBe(0);
    expect(stdout).toMatch(/orders/);
    expect(stdout).not.toMatch(/later/);
    const { stdout: some } = await mq('ord*', '--replay', file);
    expect(some).toMatch(/orders/);
    expect(some).not.toMatch(/idle/);
    await using terminal = top(['--replay', file]);
    await terminal.until(/^>.orders/m);
    terminal.write('P');
    await terminal.until(/this is a recording/);
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, -40));
    expect((await mq('--replay', file)).code).toBe(0);
    await writeFile(file, 'nothing\n');
    expect((await mq('--replay', file)).code).toBe(2);
  });
});
