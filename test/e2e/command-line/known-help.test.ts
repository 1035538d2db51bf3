import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from '@lydell/node-pty';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TOPICS } from '../../../src/cli/help/topics.ts';
import { VERBS } from '../../../src/cli/verbs.ts';
import { CommandLine } from '../../support/command-line.ts';
import { MQ, runMq } from '../../support/mq.ts';

/** The built program has the texts of its help since the build; the sources make them when asked. */
let sources: CommandLine;
let folder: string;
beforeAll(async () => {
  sources = await CommandLine.open();
  folder = await mkdtemp(join(tmpdir(), 'mq-help-'));
});
afterAll(async () => {
  await sources.close();
  await rm(folder, { recursive: true, force: true });
});

const LINES: readonly (readonly string[])[] = [
  [],
  ['help'],
  ['-h'],
  ['--help'],
  ...TOPICS.map((topic) => ['help', topic]),
  ...VERBS.map(({ name }) => [name, '--help']),
  ['help', 'peek'],
  ['peek', '-h'],
  ['--version'],
];

it('the built program prints what its sources say, byte by byte', async () => {
  for (const args of LINES) {
    const { stdout } = await sources.ok(args);
    expect(await runMq(args), args.join(' ')).toMatchObject({ code: 0, stdout, stderr: '' });
  }
});

it.each([60, 97, 200])('the same on a terminal of %i columns', async (columns) => {
  const { stdout } = await sources.ok(['redrive', '--help'], { columns, terminals: { stdout: true } });
  const pty = spawn(process.execPath, [MQ, 'redrive', '--help'], { cols: columns, rows: 30, env: { HOME: folder } });
  let shown = '';
  pty.onData((data) => {
    shown += data;
  });
  const code = await new Promise((resolve) => {
    pty.onExit(({ exitCode }) => resolve(exitCode));
  });
  expect({ code, shown: shown.replaceAll('\r\n', '\n') }).toEqual({ code: 0, shown: stdout });
});

it.each([[['filters', '--help']], [['mq', '--help']], [['help', 'mq']]])(
  'mq %j is no help that is known since the build: it ends as from the sources',
  async (args) => {
    const { code, stdout, stderr } = await sources.run(args);
    expect(await runMq(args)).toMatchObject({ code, stdout, stderr });
  },
);

it('a file of third-party backends is looked at, because they add to the help', async () => {
  const backends = join(folder, 'mq/backends');
  await mkdir(backends, { recursive: true });
  await writeFile(join(backends, 'manifests.json'), 'damaged');
  await chmod(join(backends, 'manifests.json'), 0o600);
  const { code, stdout, stderr } = await runMq(['--help'], { env: { XDG_DATA_HOME: folder } });
  expect({ code, stdout }).toEqual({ code: 0, stdout: (await sources.ok(['--help'])).stdout });
  expect(stderr).toContain('is damaged');
});
