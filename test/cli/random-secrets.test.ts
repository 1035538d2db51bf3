import { mkdir, writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { memoryBackend } from '../../src/conformance/memory/backend.ts';
import { MqError } from '../../src/contract/errors.ts';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
const places = { from: ['url', 'env', 'file', 'context-url', 'template'] } as const;

beforeAll(async () => {
  mq = await CommandLine.open();
  await mkdir(mq.path('.config/mq'), { recursive: true });
});
afterAll(() => mq.close());

/** Beginning and end tell a leak of a part, too; what is between is anything that a password may hold. */
const passwords = fc
  .string({ unit: 'grapheme', minLength: 4, maxLength: 30 })
  .map((middle) => `Zq7${middle.toWellFormed().replaceAll('\0', '')}9xJ`);

const commands = fc.constantFrom(
  ['ls'],
  ['stats', '--sample', '1ms'],
  ['inspect', 'q'],
  ['peek', 'q'],
  ['enqueue', 'q', 'body'],
  ['drain', 'q'],
  ['redrive', 'q', '--yes'],
  ['purge', 'q', '--yes'],
  ['pause', 'q'],
  ['create', 'n'],
  ['delete', 'q', '--yes'],
  ['doctor'],
  ['context', 'ls'],
  ['context', 'show'],
  ['context', 'test'],
  ['history'],
  ['nonsense'],
  ['peek', 'q', '--filter', 'no such'],
);

/** What becomes of the connection. */
const fates = fc.constantFrom('refused', 'works', 'quotes', 'bug');

async function withPassword(
  password: string,
  from: (typeof places.from)[number],
): Promise<{ readonly env: Readonly<Record<string, string>>; readonly args: readonly string[] }> {
  const encoded = encodeURIComponent(password);
  const url = `amqp://ops:${encoded}@127.0.0.1:1/v?management=http://127.0.0.1:1`;
  if (from === 'url') return { env: {}, args: ['--url', url] };
  await writeFile(mq.path('.config/mq/pass'), password);
  const context = {
    env: { url: 'amqp://ops@127.0.0.1:1/v', password: { env: 'PASSWORD' } },
    file: { url: 'amqp://ops@127.0.0.1:1/v', password: { file: 'pass' } },
    'context-url': { url },
    template: { url: `amqp://ops:$\{PASSWORD}@127.0.0.1:1/v` },
  }[from];
  await writeFile(mq.path('.config/mq/config.yaml'), JSON.stringify({ context: 'c', contexts: { c: context } }));
  return { env: { MQ_URL: '', PASSWORD: password }, args: [] };
}

/** A broker that fails as badly as client libraries do: with the password in its texts and its objects. */
function badBroker(fate: string, url: string): Promise<never> {
  if (fate === 'quotes') throw new MqError('UNAUTHENTICATED', `login to ${url} failed`, { hint: `is ${url} right?` });
  throw Object.assign(new Error(`cannot parse ${url}: ${inspect({ url })}`), { input: url, command: { args: [url] } });
}

it('no password in any output of any verb at -vvv, whatever becomes of the connection: 1,000 random ones', {
  timeout: 180_000,
}, async () => {
  const memory = memoryBackend();
  const signal = new AbortController().signal;
  const broker = await memory.open('memory:', { connectTimeoutMs: 1_000, notice: () => {}, signal });
  let withOutput = 0;
  await fc.assert(
    fc.asyncProperty(
      passwords,
      commands,
      fates,
      fc.constantFrom(...places.from),
      fc.constantFrom([], ['-o', 'json'], ['-o', 'ndjson'], ['-o', 'yaml']),
      async (password, command, fate, from, output) => {
        const { env, args } = await withPassword(password, from);
        const ran = await mq.run(['-vvv', ...args, ...command, ...output, '--connect-timeout', '500ms'], {
          env,
          ...(fate === 'works' ? { broker } : {}),
          ...(fate === 'quotes' || fate === 'bug' ? { open: (url) => badBroker(fate, url) } : {}),
        });
        const printed = ran.stdout + ran.stderr;
        if (printed.length > 0) withOutput++;
        const shown = [password, encodeURIComponent(password), JSON.stringify(password).slice(1, -1), 'Zq7', '9xJ'];
        for (const form of shown) expect(printed).not.toContain(form);
      },
    ),
    { numRuns: 1_000 },
  );
  // The property would hold for a program that says nothing.
  expect(withOutput).toBeGreaterThan(900);
});
