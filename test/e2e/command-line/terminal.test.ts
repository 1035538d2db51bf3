import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IPty, spawn } from '@lydell/node-pty';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BuiltProgram, until } from '../../support/built-program.ts';
import { MQ } from '../../support/mq.ts';

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const ERASE_LINE = '\r\u001b[2K';

let folder: string;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-pty-'));
  env = { MQ_URL: `sqlite:${join(folder, 'queues.db')}`, PATH: process.env.PATH ?? '', TERM: 'xterm-256color' };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The program in a terminal of its own. */
class Terminal {
  readonly #pty: IPty;
  shown = '';
  code: number | null = null;

  constructor(args: readonly string[], columns = 100) {
    this.#pty = spawn(process.execPath, [MQ, ...args], { cols: columns, rows: 30, env });
    this.#pty.onData((data) => {
      this.shown += data;
    });
    this.#pty.onExit(({ exitCode }) => {
      this.code = exitCode;
    });
  }

  async type(after: string, keys: string): Promise<void> {
    await until(`the terminal shows ${after}`, () => this.shown.includes(after));
    this.#pty.write(keys);
  }

  async end(): Promise<number> {
    await until('the program has ended', () => this.code !== null);
    return this.code ?? -1;
  }
}

async function mq(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await new BuiltProgram(args, env).finished;
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

const ready = async (): Promise<number> => JSON.parse(await mq('ls', 'q', '-o', 'json'))[0].ready;

describe('a question in a real terminal', () => {
  it.each([
    ['the name', 'q\r', 0, 0],
    ['another name', 'p\r', 1, 2],
    ['an empty line', '\r', 1, 2],
    ['the end of input', CTRL_D, 1, 2],
    ['Ctrl-C', CTRL_C, 130, 2],
  ])('answered with %s', async (_name, keys, code, left) => {
    await mq('enqueue', 'q', 'a', 'b');
    const terminal = new Terminal(['purge', 'q']);
    await terminal.type('go on: ', keys);
    expect(await terminal.end()).toBe(code);
    expect(terminal.shown).toContain('Purge 2 messages in q on sqlite');
    expect(await ready()).toBe(left);
  });
});

it('headings are bold, lines end where the terminal ends, JSON is safe', async () => {
  await mq('enqueue', `q\u009b2J${'x'.repeat(200)}`, '\u009b31m');
  const list = new Terminal(['ls'], 80);
  expect(await list.end()).toBe(0);
  expect(list.shown).toContain('\u001b[1mQUEUE');
  expect(list.shown).toContain('…');
  expect(list.shown).toContain('\\x9b2J');
  const json = new Terminal(['ls', '-o', 'json']);
  expect(await json.end()).toBe(0);
  expect(json.shown).not.toContain('\u009b');
  expect(JSON.parse(json.shown)[0].queue).toContain('\u009b2J');
});

it('shows progress in one line that is gone in the end', async () => {
  const stdin = Array.from({ length: 30_000 }, (_, at) => `${at}\n`).join('');
  await new BuiltProgram(['enqueue', 'q', '--lines'], env, stdin).finished;
  const drain = new Terminal(['drain', 'q', '--to', join(folder, 'f')]);
  expect(await drain.end()).toBe(0);
  const frames = drain.shown.split(ERASE_LINE);
  expect(frames.length).toBeGreaterThan(2);
  for (const frame of frames.slice(1, -1)) expect(frame).toMatch(/^(\d+ of 30000, \d+\/s, \S+ left)?$/);
  expect(frames.at(-1)).toMatch(/^mq: drained 30000 messages[^\r\n]*\r\n$/);
});
