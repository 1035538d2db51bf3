import { execFileSync, spawnSync } from 'node:child_process';
import { constants, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { jsonOf, MQ, runMq, startMq } from '../../support/mq.ts';

/** A start of mq on a busy machine. */
const PATIENCE_MS = 30_000;

let folder: string;
let env: Readonly<Record<string, string>>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mq-pipes-'));
  env = { MQ_URL: `sqlite:${join(folder, 'queues.db')}`, XDG_CONFIG_HOME: folder, XDG_STATE_HOME: folder };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function pipe(name: string): string {
  const path = join(folder, name);
  execFileSync('mkfifo', [path]);
  return path;
}

/** Opens the pipe to write, once mq has opened the other end; so it listens for signals by then. */
async function writerOnceRead(path: string): Promise<FileHandle> {
  for (const end = Date.now() + PATIENCE_MS; ; ) {
    try {
      return await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      // ENXIO: nobody reads yet.
      if (!(error instanceof Error && 'code' in error && error.code === 'ENXIO') || Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

it('a configuration in a pipe is read once somebody writes it, and the program does not wait for ever when nobody does', async () => {
  const config = pipe('config');
  const nobody = await runMq(['ls'], { env: { ...env, MQ_CONFIG: config } });
  expect(nobody.stderr).toContain('it is a pipe that nothing writes to');
  expect(nobody.code).toBe(2);

  const running = startMq(['context', 'ls', '-o', 'json'], { env: { ...env, MQ_CONFIG: config } });
  const writer = await writerOnceRead(config);
  await writer.write(`contexts: {prod: {url: 'sqlite:${join(folder, 'prod.db')}'}}\n`);
  await writer.close();
  const read = await running.finished;
  expect(read.stdout, read.stderr).toContain('"prod"');
});

it('a history that is a pipe stops nothing: it cannot be read, and a verb does its work', async () => {
  mkdirSync(join(folder, 'mq'));
  pipe('mq/history.ndjson');
  const read = await runMq(['history'], { env });
  expect(read.stderr).toContain('it is not a regular file');
  expect(read.code).toBe(1);
  expect((await runMq(['enqueue', 'q', 'x'], { env })).code).toBe(0);
  expect(await jsonOf(['peek', 'q', '-o', 'json'], { env })).toMatchObject([{ body: 'x' }]);
});

it.each(['SIGINT', 'SIGTERM'] as const)(
  'enqueue --file of a pipe whose writer says nothing ends with %s, and makes no queue',
  async (signal) => {
    const file = pipe('bodies');
    const running = startMq(['enqueue', 'q', '--lines', '--file', file], { env });
    const writer = await writerOnceRead(file);
    try {
      running.process.kill(signal);
      expect((await running.finished).code).toBe(signal === 'SIGINT' ? 130 : 143);
      expect(existsSync(join(folder, 'queues.db'))).toBe(false);
    } finally {
      await writer.close();
    }
  },
);

it('drain into a stdout that is closed takes nothing; into the null device it does what was asked for', async () => {
  expect((await runMq(['enqueue', 'q', 'x'], { env })).code).toBe(0);
  const drain = (redirection: string) =>
    spawnSync('sh', ['-c', `exec "$0" "$@" ${redirection}`, process.execPath, MQ, 'drain', 'q'], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
  expect(drain('>&-')).toMatchObject({ status: 2, stderr: expect.stringContaining('stdout is closed') });
  expect(await jsonOf(['peek', 'q', '-o', 'json'], { env })).toMatchObject([{ body: 'x' }]);
  expect(drain('>/dev/null')).toMatchObject({ status: 0, stderr: expect.stringContaining('drained 1 message') });
});
