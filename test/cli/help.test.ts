import { afterAll, beforeAll, expect, it } from 'vitest';
import { VERBS } from '../../src/cli/verbs.ts';
import { EXIT } from '../../src/core/exit-codes.ts';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeAll(async () => {
  mq = await CommandLine.open();
});
afterAll(() => mq.close());

it('lists every verb, with its summary', async () => {
  const { stdout } = await mq.ok(['--help']);
  for (const { name, summary } of VERBS) {
    expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout.replace(/\s+/g, ' ')).toContain(summary);
  }
});

it.each(VERBS.map(({ name }) => name))(
  'help of %s: what it is, examples, options in groups, exit codes',
  async (name) => {
    const { stdout, stderr } = await mq.ok([name, '--help']);
    expect(stderr).toBe('');
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(new RegExp(`^mq ${name}: .+`));
    expect(lines[1]).toMatch(/only reads|change|delet|move|creat|add|take|touch|look|write|work/i);
    expect(lines.filter((line) => line.startsWith('  $ mq ')).length).toBeGreaterThanOrEqual(2);
    expect(stdout.indexOf('Examples:')).toBeLessThan(stdout.indexOf('Usage:'));
    expect(stdout.match(/^Global options:$/gm)).toHaveLength(1);
    for (const code of Object.values(EXIT)) expect(stdout).toMatch(new RegExp(`^ +${code}  `, 'm'));
    expect((await mq.ok(['help', name])).stdout).toBe(stdout);
  },
);

it('shows the global options wherever they are written', async () => {
  const before = await mq.ok(['-o', 'json', 'backends']);
  const after = await mq.ok(['backends', '-o', 'json']);
  expect(JSON.parse(before.stdout)).toBeInstanceOf(Array);
  expect(after.stdout).toBe(before.stdout);
});

it.each([
  { args: ['lss'], says: "unknown command 'lss'", hint: 'did you mean ls?' },
  { args: ['peek'], says: "missing required argument 'queue'", hint: "see 'mq peek --help'" },
  { args: ['peek', 'q', '--limt', '3'], says: "unknown option '--limt'", hint: 'did you mean --limit?' },
  { args: ['peek', 'q', '-n', '-1'], says: 'must be a whole number', hint: 'mq peek --help' },
  { args: ['peek', 'q', 'r'], says: 'too many arguments', hint: 'mq peek --help' },
  { args: ['ls', '--timeout', '5'], says: 'A duration needs a unit: 5', hint: 'mq' },
  { args: ['ls', '-o', 'xml'], says: "'xml' is invalid", hint: 'mq' },
  { args: ['ls', '-o', 'body'], says: '-o body does not fit this command', hint: 'it has table, json, ndjson, yaml' },
  { args: ['help', 'nonsense'], says: 'there is no such verb or topic', hint: 'topics are filters, exit-codes' },
])('refuses $args with exit 2, one line and a hint', async ({ args, says, hint }) => {
  const { code, stdout, stderr } = await mq.run(args);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  const [error, second, ...rest] = stderr.split('\n');
  expect(error).toMatch(/^mq: error: /);
  expect(error).toContain(says);
  expect(second).toMatch(/^ {4}hint: /);
  expect(second).toContain(hint);
  expect(rest).toEqual(['']);
});

it('tells errors as JSON with -o json, also when the line cannot be read', async () => {
  for (const args of [
    ['peek', '-o', 'json'],
    ['-ojson', 'peek', 'nope'],
    ['peek', 'nope', '--output=ndjson'],
  ]) {
    const { code, stderr } = await mq.run(args);
    expect([2, 4]).toContain(code);
    expect(Object.keys(JSON.parse(stderr).error)).toEqual(['code', 'message', 'hint', 'queue']);
  }
});

it('points at the mistake in a filter before any broker is touched', async () => {
  const { code, stderr } = await mq.run(['--url', 'amqp://127.0.0.1:1', 'peek', 'q', '--filter', 'body.x == && 1']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/^mq: error: the filter is not valid/);
  expect(stderr).toMatch(/\n +\^/);
});

it('a topic is found wherever global options stand, and is JSON for programs', async () => {
  const text = (await mq.ok(['help', 'filters'])).stdout;
  for (const args of [
    ['-q', 'help', 'filters'],
    ['help', 'filters', '-o', 'yaml'],
    ['help', '-v', 'filters'],
  ])
    expect((await mq.ok(args)).stdout, args.join(' ')).toBe(text);
  for (const args of [
    ['help', 'filters', '-o', 'json'],
    ['-o', 'ndjson', 'help', 'filters'],
  ])
    expect(JSON.parse((await mq.ok(args)).stdout)).toEqual({ topic: 'filters', text });
  expect(JSON.parse((await mq.ok(['-o', 'json', 'help', 'peek'])).stdout)).toMatchObject({ name: 'peek' });
});

it('prints the version and topics', async () => {
  expect((await mq.ok(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  expect((await mq.ok(['help', 'filters'])).stdout).toContain('dead.reason');
  expect((await mq.ok(['help', 'exit-codes'])).stdout).toContain('partly done');
});
