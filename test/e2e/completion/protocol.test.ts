import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { quoteForBash } from '../../../src/cli/completion/quote-for-bash.ts';
import { splitLine } from '../../../src/cli/completion/split-line.ts';
import { anyCodePoint } from '../../support/any-text.ts';
import { BuiltProgram } from '../../support/built-program.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mq-complete-'));
});
afterEach(() => rm(home, { recursive: true }));

const complete = (line: string, env: Readonly<Record<string, string>> = {}) =>
  new BuiltProgram(['__complete', 'bash'], { HOME: home, MQ_COMPLETE_LINE: line, ...env }).finished;
const mq = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  new BuiltProgram(args, { HOME: home, ...env }).finished;

test.each(['bash', 'zsh', 'fish'])('mq completion %s prints the committed script', async (shell) => {
  const file = new URL(`../../../completions/mq.${shell}`, import.meta.url);
  expect(await mq(['completion', shell])).toMatchObject({ code: 0, stdout: readFileSync(file, 'utf8'), stderr: '' });
});

describe('names of queues', () => {
  test('come from the cache for a while, which only its owner can read', async () => {
    await mq(['enqueue', 'orders', 'x']);
    expect(await complete('mq peek o')).toMatchObject({ code: 0, stdout: 'orders\n', stderr: '' });
    await mq(['create', 'other']);
    // Node keeps compiled code beside it, see bin/mq.js.
    const [name = ''] = readdirSync(join(home, '.cache/mq')).filter((one) => one !== 'compiled');
    const file = join(home, '.cache/mq', name);
    // As old as if the machine had done all that at once.
    utimesSync(file, new Date(), new Date());
    expect((await complete('mq peek o')).stdout).toBe('orders\n');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await rm(join(home, '.cache'), { recursive: true });
    expect((await complete('mq peek o')).stdout).toBe('orders\nother\n');
    for (const flag of ['redrive orders --to', 'doctor --queue'])
      expect((await complete(`mq ${flag} o`)).stdout, flag).toBe('orders\nother\n');
  });

  test('a broker that is silent costs a second at most, and nothing is said', async () => {
    const sockets = new Set<Socket>();
    const opened: Promise<number>[] = [];
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}).resume());
      const at = performance.now();
      opened.push(once(socket, 'close').then(() => performance.now() - at));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    try {
      for (const scheme of ['redis', 'amqp']) {
        const ran = await complete('mq peek o', { MQ_URL: `${scheme}://u:p@127.0.0.1:${port}/` });
        expect(ran).toMatchObject({ code: 0, stdout: '', stderr: '' });
        // From the connection on, as a busy machine takes its time to start the process.
        const waited = await Promise.all(opened.splice(0));
        expect(waited.length, scheme).toBeGreaterThan(0);
        for (const ms of waited) expect(ms, scheme).toBeLessThan(4_000);
      }
    } finally {
      for (const socket of sockets) socket.destroy();
      server.close();
    }
  });

  test.each([['redis://127.0.0.1:1'], ['nonsense'], ['sqlite:/dev/null/x']])(
    'a broker that cannot be reached is no message: %s',
    async (url) => {
      expect(await complete('mq peek o', { MQ_URL: url })).toMatchObject({ code: 0, stdout: '', stderr: '' });
    },
  );

  test('no program is run for a password', async () => {
    await mkdir(join(home, '.config/mq'), { recursive: true });
    const context = { url: 'redis://127.0.0.1:1', password: { command: ['touch', join(home, 'ran')] } };
    writeFileSync(join(home, '.config/mq/config.yaml'), JSON.stringify({ context: 'c', contexts: { c: context } }));
    expect(await complete('mq peek o')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(readdirSync(home)).not.toContain('ran');
    expect((await complete('mq peek q@')).stdout).toBe('@c\n');
    const url = `sqlite:${join(home, 'q.db')}`;
    await mq(['--url', url, 'create', 'orders']);
    const withCommand = { url: { command: ['echo', url] } };
    writeFileSync(join(home, '.config/mq/config.yaml'), JSON.stringify({ context: 'c', contexts: { c: withCommand } }));
    expect((await complete('mq peek o')).stdout).toBe('');
    // What a command has read anyway may be offered.
    expect(await mq(['ls'])).toMatchObject({ code: 0 });
    expect((await complete('mq peek o')).stdout).toBe('orders\n');
  });
});

describe('quoting', () => {
  const names = fc
    .string({ unit: anyCodePoint, minLength: 1, maxLength: 20 })
    .map((name) => name.toWellFormed().replace(/[\p{Cc}\u2028\u2029]/gu, () => '$`"!~{'));
  const quotes = fc.constantFrom<[null, '"', "'"]>(null, '"', "'");

  test('real bash reads back every name, in and out of quotes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(names, quotes), { minLength: 50, maxLength: 100 }), (cases) => {
        // Readline closes the open quote, unless it stands there already.
        const words = cases.map(([name, quote]) => {
          const inside = quoteForBash(name, quote);
          return quote === null ? inside : `${quote}${inside}${inside.endsWith(quote) ? '' : quote}`;
        });
        const read = execFileSync('bash', ['--norc', '-c', `printf '%s\\0' ${words.join(' ')}`], {
          encoding: 'utf8',
          cwd: home,
        });
        expect(read.split('\0').slice(0, -1)).toEqual(cases.map(([name]) => name));
      }),
      { numRuns: 20 },
    );
    expect(readdirSync(home)).toEqual([]);
  });

  test('a line is split as bash splits it, and nothing of it is expanded', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(names, quotes), { minLength: 1, maxLength: 5 }), (cases) => {
        const words = cases.map(([name, quote]) => {
          const inside = quoteForBash(name, quote);
          return quote === null ? inside : `${quote}${inside}${inside.endsWith(quote) ? '' : quote}`;
        });
        const split = splitLine(`mq ${words.join(' ')} `);
        expect([split.words, split.current, split.quote]).toEqual([['mq', ...cases.map(([name]) => name)], '', null]);
      }),
      { numRuns: 500 },
    );
    expect(splitLine("mq peek 'a b")).toMatchObject({ words: ['mq', 'peek'], current: 'a b', quote: "'" });
    expect(splitLine('mq peek a:b=c')).toMatchObject({ current: 'a:b=c', keptByBash: 4 });
    expect(splitLine('mq peek a\\:b')).toMatchObject({ current: 'a:b', keptByBash: 0 });
  });
});
