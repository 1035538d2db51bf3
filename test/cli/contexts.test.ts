import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CHANGING, VERBS } from '../../src/cli/verbs.ts';
import { CommandLine, type Ran, type RunOptions } from '../support/command-line.ts';

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
});
afterEach(() => mq.close());

const PERSON = { stdin: true, stdout: true, stderr: true };
const NO_URL = { MQ_URL: '' };

async function configure(text: string): Promise<void> {
  await mkdir(join(mq.folder, '.config/mq'), { recursive: true });
  await writeFile(mq.path('.config/mq/config.yaml'), text, { mode: 0o600 });
}

/** `open` has no guard; the others look at the same file. */
function contexts(...guarded: readonly string[]): Promise<void> {
  const lines = guarded.map((line) => line.replace('URL', JSON.stringify(mq.url)));
  return configure(['contexts:', `  open: {url: ${JSON.stringify(mq.url)}, queue: orders}`, ...lines, ''].join('\n'));
}

const run = (args: readonly string[], options: RunOptions = {}): Promise<Ran> =>
  mq.run(args, { ...options, env: { ...NO_URL, ...options.env } });

async function bodies(): Promise<number> {
  return JSON.parse((await run(['-c', 'open', 'peek', 'orders', '-n', '0', '-o', 'json'])).stdout).length;
}

it('every verb that says it changes something is guarded, and no other', async () => {
  for (const { name, load } of VERBS) {
    const { effect } = await load();
    const reads =
      /^(Only reads|Reads and changes your own configuration|Works in a temporary folder|The live view|Looks)/.test(
        effect,
      );
    expect([name, reads]).toEqual([name, !CHANGING.includes(name)]);
  }
});

describe('choosing', () => {
  it('a mistyped context behind an @ is told, and nothing is sent elsewhere; a name like that is reached with -c', async () => {
    await contexts();
    for (const args of [
      ['enqueue', 'orders@opne', 'one'],
      ['peek', 'orders@opne'],
      ['ls', 'orders@opne'],
    ]) {
      const { code, stderr } = await run(args);
      expect(code).toBe(4);
      expect(stderr).toMatch(/^mq: error: no context opne\n {4}hint: did you mean orders@open\? /);
    }
    expect((await run(['-c', 'open', 'enqueue', 'orders@opne', 'one'])).code).toBe(0);
    expect((await run(['-c', 'open', 'peek', 'orders@opne', '-o', 'body'])).stdout).toBe('one');
    // Nothing near: a name with an @ in it.
    expect((await run(['-c', 'open', 'enqueue', 'user@example.com', 'one'])).code).toBe(0);
  });

  it('queue@context, -c, MQ_CONTEXT and use lead to the same broker; - is the previous one', async () => {
    await contexts('  other: {url: "sqlite:other.db"}');
    await run(['enqueue', 'orders@open', 'one']);
    expect((await run(['peek', 'orders@open', '-o', 'body'])).stdout).toBe('one');
    expect((await run(['peek', '@open', '-o', 'body'])).stdout).toBe('one');
    expect((await run(['-c', 'open', 'peek', 'orders', '-o', 'body'])).stdout).toBe('one');
    expect((await run(['peek', 'orders', '-o', 'body'], { env: { MQ_CONTEXT: 'open' } })).stdout).toBe('one');
    expect((await run(['context', 'use', 'open'])).code).toBe(0);
    expect((await run(['context', 'use', 'other'])).code).toBe(0);
    expect((await run(['peek', 'orders'])).code).toBe(4);
    expect((await run(['context', 'use', '-'])).stderr).toContain('using open');
    expect((await run(['peek', 'orders', '-o', 'body'])).stdout).toBe('one');
    expect((await run(['ls', '-o', 'json'])).stdout).toContain('"context":"open"');
  });

  it('move goes from one context to another by their names', async () => {
    await contexts('  other: {url: "sqlite:other.db"}');
    await run(['enqueue', 'orders@open', 'one']);
    await run(['create', 'archive@other']);
    const moved = await run(['move', 'orders@open', 'archive@other', '--yes']);
    expect([moved.code, moved.stderr]).toEqual([0, expect.stringContaining('moved 1 message')]);
    expect((await run(['peek', 'archive@other', '-o', 'body'])).stdout).toBe('one');
  });

  it.each([
    [['-c', 'open', 'peek', 'orders@other']],
    [['-c', 'open', '-c', 'other', 'peek', 'orders']],
    [['--url', 'sqlite:x.db', '-c', 'open', 'peek', 'orders']],
    [['purge', 'a@open', 'b@other', '--yes']],
  ])('two brokers for one command are refused: %j', async (args) => {
    await contexts('  other: {url: "sqlite:other.db"}');
    expect((await run(args)).code).toBe(2);
  });

  it('a mistyped context is exit 4 with the nearest name; a broken file is exit 2 with its line', async () => {
    await contexts();
    expect(await run(['-c', 'opne', 'ls'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('did you mean open?'),
    });
    await configure('contexts:\n  open:\n    ulr: x\n');
    expect(await run(['ls'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('config.yaml:3: contexts.open.ulr'),
    });
  });

  it('defaults of the file give way to a flag, and to a verb that has no such format', async () => {
    await contexts();
    const before = await readFile(mq.path('.config/mq/config.yaml'), 'utf8');
    await configure(`${before}defaults: {output: json}\n`);
    await run(['enqueue', 'orders@open', 'one']);
    expect(JSON.parse((await run(['-c', 'open', 'ls'])).stdout)).toHaveLength(1);
    expect((await run(['-c', 'open', 'ls', '-o', 'table'])).stdout).toMatch(/^QUEUE/);
    expect((await run(['-c', 'open', 'ls'], { env: { MQ_OUTPUT: 'yaml' } })).stdout).toMatch(/^- queue: orders/);
    expect((await run(['ls'], { env: { MQ_OUTPUT: 'xml' } })).code).toBe(2);
  });
});

describe('guards', () => {
  const NEEDS: Readonly<Record<string, readonly string[]>> = {
    enqueue: ['orders', 'x'],
    drain: ['orders'],
    redrive: ['orders'],
    move: ['orders', 'other'],
    purge: ['orders'],
    pause: ['orders'],
    resume: ['orders'],
    create: ['new'],
    delete: ['orders'],
  };

  it.each(Object.entries(NEEDS))(
    'a readonly context refuses %s, whatever is confirmed, and touches nothing',
    async (verb, args) => {
      await contexts('  ro: {url: URL, readonly: true}');
      await run(['enqueue', 'orders@open', 'one']);
      const refused = await run(['-c', 'ro', verb, ...args, '--yes', '--confirm', 'orders']);
      expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('is readonly') });
      expect(await bodies()).toBe(1);
    },
  );

  it('a readonly context allows looking, a dry run, and a copy out of it', async () => {
    await contexts('  ro: {url: URL, readonly: true}');
    await run(['enqueue', 'orders@open', 'one']);
    await run(['create', 'copies@open']);
    expect((await run(['-c', 'ro', 'peek', 'orders'])).code).toBe(0);
    expect((await run(['-c', 'ro', 'purge', 'orders', '--dry-run'])).code).toBe(0);
    expect((await run(['copy', 'orders@ro', 'copies@open'])).code).toBe(0);
    expect((await run(['copy', 'orders@open', 'copies@ro'])).code).toBe(2);
    expect((await run(['move', 'orders@ro', 'copies@open', '--yes'])).code).toBe(2);
  });

  it.each(Object.entries(NEEDS))(
    'a protected context wants the name for %s: --yes alone is not enough',
    async (verb, args) => {
      await contexts('  prod: {url: URL, protected: true}');
      await run(['enqueue', 'orders@open', 'one']);
      await run(['create', 'other@open']);
      const name = args[0] ?? '';
      for (const flags of [[], ['--yes'], ['--yes', '--confirm', 'ordres'], ['--confirm', name]]) {
        const refused = await run(['-c', 'prod', verb, ...args, ...flags]);
        expect(refused, flags.join(' ')).toMatchObject({
          code: 2,
          stderr: expect.stringContaining(flags[0] === '--confirm' && verb !== 'move' ? '--yes' : `--confirm ${name}`),
        });
      }
      expect(await bodies()).toBe(1);
      const names = verb === 'move' ? ['orders', 'other'] : [name];
      const confirmed = await run([
        '-c',
        'prod',
        verb,
        ...args,
        '--yes',
        ...names.flatMap((one) => ['--confirm', one]),
      ]);
      expect(confirmed).toMatchObject({ code: 0 });
    },
  );

  it('a person types the name; y is not enough, and a wrong name changes nothing', async () => {
    await contexts('  prod: {url: URL, protected: true}');
    await run(['enqueue', 'orders@open', 'one']);
    for (const answer of ['y', 'order', '', null]) {
      for (const flags of [[], ['--yes']]) {
        const ran = await run(['purge', 'orders@prod', ...flags], { terminals: PERSON, answers: [answer] });
        expect(ran).toMatchObject({ code: 1, stderr: expect.stringContaining('context: prod (protected)') });
      }
    }
    expect(await bodies()).toBe(1);
    expect((await run(['purge', 'orders@prod'], { terminals: PERSON, answers: ['orders'] })).code).toBe(0);
    expect(await bodies()).toBe(0);
  });

  it('rules deny or ask by name, for queues that fit the pattern', async () => {
    await contexts('  ruled: {url: URL, rules: {"pay-*": {purge: deny, drain: confirm}, "x-*": {"*": deny}}}');
    for (const queue of ['pay-in', 'orders', 'x-1']) await run(['enqueue', `${queue}@open`, 'one']);
    expect((await run(['purge', 'pay-in@ruled', '--yes'])).stderr).toContain('pay-*: {purge: deny}');
    expect((await run(['purge', 'orders@ruled', 'pay-in@ruled', '--yes'])).code).toBe(2);
    expect((await run(['purge', 'orders@ruled', '--yes'])).code).toBe(0);
    expect((await run(['drain', 'pay-in@ruled'])).stderr).toContain('--confirm pay-in');
    expect((await run(['drain', 'pay-in@ruled', '--yes', '--confirm', 'pay-in'])).code).toBe(0);
    expect((await run(['enqueue', 'x-1@ruled', 'two'])).code).toBe(2);
    expect((await run(['move', 'orders@ruled', 'x-1@ruled', '--yes'])).code).toBe(2);
  });
});

describe('context', () => {
  it('add, ls, show, use, rm; the file is private and never shows a password', async () => {
    expect((await run(['context', 'add', 'prod', '--url', 'amqp://ops:hunter22@rabbit/v', '--protected'])).code).toBe(
      0,
    );
    expect((await run(['context', 'add', 'prod', '--url', 'amqp://x'])).code).toBe(1);
    expect((await stat(mq.path('.config/mq/config.yaml'))).mode & 0o777).toBe(0o600);
    for (const args of [['ls'], ['show', 'prod'], ['ls', '-o', 'json'], ['show', 'prod', '-o', 'yaml']]) {
      const { stdout, stderr } = await run(['-vvv', 'context', ...args]);
      expect(stdout).toContain('prod');
      expect(stdout + stderr).not.toContain('hunter22');
    }
    expect((await run(['context', 'use', 'prod'])).code).toBe(0);
    expect((await run(['context', 'ls'])).stdout).toMatch(/^\*\s+prod/m);
    expect((await run(['context', 'rm', 'prod'])).code).toBe(0);
    expect((await run(['context', 'ls', '-o', 'json'])).stdout).toBe('[]\n');
    expect((await run(['context', 'rm', 'prod'])).code).toBe(4);
  });

  it('add takes the URL behind the name, as well as with --url', async () => {
    expect((await run(['context', 'add', 'prod', 'redis://rabbit:6379/1', '--readonly'])).code).toBe(0);
    expect((await run(['context', 'add', 'test', '--url', 'redis://rabbit:6379/2'])).code).toBe(0);
    expect(JSON.parse((await run(['context', 'ls', '-o', 'json'])).stdout)).toMatchObject([
      { context: 'prod', url: 'redis://rabbit:6379/1', readonly: true },
      { context: 'test', url: 'redis://rabbit:6379/2', readonly: false },
    ]);
  });

  it.each([
    ['add'],
    ['add', 'x'],
    ['add', 'x', 'redis://h', '--url', 'redis://h'],
    ['add', 'x', 'redis://h', 'more'],
    ['add', 'x', 'nothing'],
    ['show', 'open', 'redis://h'],
    ['use'],
    ['add', 'a b', '--url', 'redis://h'],
    ['add', 'x', '--url', 'nothing'],
    ['add', 'x', '--url', 'redis://h', '--password-env', 'A', '--password-file', 'b'],
    ['ls', '--queue', 'x'],
    ['frobnicate'],
  ])('refuses context %s %s %s', async (...args) => {
    expect((await run(['context', ...args])).code).toBe(2);
  });

  it('test says whether a context answers', async () => {
    await contexts('  gone: {url: "amqp://127.0.0.1:1"}');
    expect(await run(['context', 'test', 'open'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('connected to sqlite'),
    });
    expect((await run(['context', 'test', 'gone'])).code).toBe(5);
  });
});

describe('history', () => {
  it('has a line for every change: who, where, verb, filter and counts, and never a body', async () => {
    await contexts();
    await run(['-c', 'open', 'enqueue', 'orders', 'SECRETBODY1', 'SECRETBODY2', '-H', 'k=SECRETHEADER']);
    await run(['-c', 'open', 'purge', 'orders', '--filter', 'raw.endsWith("1")', '--yes']);
    await run(['-c', 'open', 'purge', 'orders', '--dry-run']);
    await run(['-c', 'open', 'peek', 'orders']);
    await run(['-c', 'open', 'purge', 'orders'], { terminals: PERSON, answers: ['no'] });
    const text = await readFile(mq.path('.local/state/mq/history.ndjson'), 'utf8');
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { verb: 'enqueue', context: 'open', broker: 'sqlite', queues: ['orders'], counts: { sent: 2 }, exitCode: 0 },
      { verb: 'purge', selection: { filter: 'raw.endsWith("1")' }, counts: { matched: 1, moved: 1, left: 1 } },
    ]);
    expect(text).not.toMatch(/SECRET/);
    expect((await stat(mq.path('.local/state/mq/history.ndjson'))).mode & 0o777).toBe(0o600);
    expect(JSON.parse((await run(['history', '-o', 'json'])).stdout)).toEqual(lines);
    expect((await run(['history', 'ord*', '-n', '1'])).stdout.split('\n')).toHaveLength(3);
    expect((await run(['history', 'other'])).stdout).toBe('');
  });
});

describe('tables', () => {
  it('--columns chooses and orders, --no-headers leaves the heading out', async () => {
    await contexts();
    await run(['enqueue', 'orders@open', 'one']);
    expect((await run(['-c', 'open', 'ls', '--columns', 'ready,queue'])).stdout).toBe('READY  QUEUE\n    1  orders\n');
    expect((await run(['-c', 'open', 'ls', '--columns', 'queue', '--no-headers'])).stdout).toBe('orders\n');
    expect(await run(['-c', 'open', 'ls', '--columns', 'rady'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('in-flight'),
    });
    expect((await run(['-c', 'open', 'ls', '--columns', ''])).code).toBe(2);
  });
});

it('ls and stats sort by a figure, the largest first', async () => {
  for (const [queue, bodies] of [
    ['few', ['1']],
    ['many', ['1', '2', '3']],
    ['some', ['1', '2']],
  ] as const) {
    await mq.ok(['enqueue', queue, ...bodies]);
  }
  for (const verb of ['ls', 'stats']) {
    const names = async (...args: string[]) =>
      ((await mq.json([verb, ...args])) as { queue: string }[]).map(({ queue }) => queue);
    expect(await names()).toEqual(['few', 'many', 'some']);
    expect(await names('--sort', 'ready')).toEqual(['many', 'some', 'few']);
  }
});

it('a rule of a context can speak of each verb that changes something, and of no other', async () => {
  const rules = (verb: string) =>
    JSON.stringify({ contexts: { c: { url: mq.url, rules: { '*': { [verb]: 'deny' } } } } });
  await mkdir(mq.path('.config/mq'), { recursive: true });
  for (const verb of [...VERBS.map(({ name }) => name), '*', 'ruin']) {
    await writeFile(mq.path('.config/mq/config.yaml'), rules(verb));
    const { code, stderr } = await mq.run(['context', 'ls']);
    expect([verb, code], stderr).toEqual([verb, verb === '*' || CHANGING.includes(verb) ? 0 : 2]);
  }
});
