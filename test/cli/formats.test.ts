import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { VERBS } from '../../src/cli/verbs.ts';
import { CommandLine } from '../support/command-line.ts';

let mq: CommandLine;
beforeEach(async () => {
  mq = await CommandLine.open();
  await mq.ok(['create', 'orders', '--max-receives', '1']);
  await mq.ok(['create', 'other']);
  await mq.ok(['enqueue', 'orders', '1', '2', '3', '4', '5']);
  await mq.run(['drain', 'orders', '-n', '1', '--exec', 'exit 1']);
  await mq.ok(['context', 'add', 'here', '--url', mq.url]);
  await appendFile(join(mq.folder, '.config/mq/config.yaml'), 'backends: [mq-backend-elsewhere]\n');
});
afterEach(() => mq.close());

const MESSAGES = ['text', 'body'];
const REPORTS = ['markdown'];

/**
 * A line of each verb that prints results, and its formats beyond table, json, ndjson and yaml. `one`: of one thing, so
 * no array.
 */
const LINES: Readonly<
  Record<string, { readonly args: readonly string[]; readonly more?: readonly string[]; readonly one?: true }>
> = {
  ls: { args: [] },
  stats: { args: ['orders'] },
  inspect: { args: ['orders'], one: true },
  peek: { args: ['orders'], more: MESSAGES },
  enqueue: { args: ['orders', 'x'], more: ['text'] },
  drain: { args: ['orders', '-n', '1'], more: MESSAGES },
  redrive: { args: ['orders', '--yes'], more: REPORTS, one: true },
  move: { args: ['orders', 'other', '--yes'], more: REPORTS, one: true },
  copy: { args: ['orders', 'other'], more: REPORTS, one: true },
  purge: { args: ['orders', '--yes'], more: REPORTS, one: true },
  pause: { args: ['orders'] },
  resume: { args: ['orders'] },
  create: { args: ['new'], one: true },
  delete: { args: ['orders', '--yes'], one: true },
  backend: { args: ['ls'] },
  context: { args: ['ls'] },
  doctor: { args: [] },
  history: { args: [] },
  backends: { args: [] },
};
/** They print something of their own: a script, a tour, a screen. */
const OWN = ['top', 'completion', 'demo'];

it('knows every verb', () => {
  expect([...Object.keys(LINES), ...OWN].sort()).toEqual(VERBS.map(({ name }) => name).sort());
});

describe.each(Object.entries(LINES))('%s', (verb, { args, more = [], one = false }) => {
  const run = (format: string) => mq.run([verb, ...args, '-o', format]);

  it('-o json, ndjson and yaml give the same document', async () => {
    const read: Readonly<Record<string, (text: string) => unknown>> = {
      json: JSON.parse,
      ndjson: (text) => {
        const lines = text
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line));
        return one ? lines[0] : lines;
      },
      yaml: (text) => parse(text),
    };
    const shapes = [];
    for (const [format, document] of Object.entries(read)) {
      const { code, stdout, stderr } = await run(format);
      expect({ format, code }, stderr).toEqual({ format, code: 0 });
      const value = document(stdout);
      expect(Array.isArray(value), format).toBe(!one);
      const first: unknown = Array.isArray(value) ? value[0] : value;
      expect(first).toBeTypeOf('object');
      shapes.push(Object.keys(first ?? {}));
      if (verb === 'create') await mq.ok(['delete', 'new', '--yes']);
      if (verb === 'delete') await mq.ok(['create', 'orders']);
    }
    expect(shapes[1]).toEqual(shapes[0]);
    expect(shapes[2]).toEqual(shapes[0]);
  });

  it('refuses a format that does not fit, and columns of what is no table, before it does anything, and prints the others', async () => {
    const before = await mq.json(['stats']);
    for (const format of ['json', 'ndjson', 'yaml']) {
      const { code, stdout, stderr } = await mq.run([verb, ...args, '-o', format, '--columns', 'queue']);
      expect({ format, code, stdout }).toEqual({ format, code: 2, stdout: '' });
      expect(stderr).toContain(`--columns is for tables, and ${format} is not a table`);
    }
    for (const format of ['text', 'body', 'markdown'].filter((each) => !more.includes(each))) {
      const { code, stdout, stderr } = await run(format);
      expect({ format, code, stdout }).toEqual({ format, code: 2, stdout: '' });
      expect(stderr).toContain(`-o ${format} does not fit this command\n    hint: it has `);
    }
    const still = (all: unknown) =>
      (all as readonly Record<string, unknown>[]).map(({ queue, ready, dead, state }) => ({
        queue,
        ready,
        dead,
        state,
      }));
    expect(still(await mq.json(['stats']))).toEqual(still(before));
    for (const format of more) {
      const { code, stdout } = await run(format);
      expect({ format, code }).toEqual({ format, code: 0 });
      expect(stdout).not.toBe('');
    }
  });
});
