import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { MQ } from '../../support/mq.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-private-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The built program under an umask that forbids nothing, as some images of containers have it. */
async function mq(command: string): Promise<string> {
  const env = { PATH: process.env.PATH, NODE: process.execPath, MQ, HOME: folder };
  const script = `umask 000; mq() { "$NODE" "$MQ" "$@"; }; ${command}`;
  return (await promisify(execFile)('bash', ['--norc', '-c', script], { cwd: folder, env })).stdout;
}

async function modesBelow(path: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(path, { recursive: true })).toSorted();
  const modes = await Promise.all(names.map(async (name) => ((await stat(join(path, name))).mode & 0o777).toString(8)));
  return new Map(names.map((name, at) => [name, modes[at] ?? '']));
}

it('whatever mq makes is its owner’s alone, whatever the umask: bodies, databases, histories, names, compiled code', async () => {
  await mq(`mq enqueue q a b c d -q >/dev/null
    mq drain q -n 1 --to taken -q; mq purge q --backup backup --yes -q
    mq context add prod sqlite:other/q.db -q; mq context use prod -q; mq enqueue x y -q >/dev/null
    mq __complete zsh -- peek ''`);
  const modes = await modesBelow(folder);
  for (const name of ['taken', 'backup', '.config/mq/config.yaml', '.local/state/mq/history.ndjson']) {
    expect([name, modes.get(name)]).toEqual([name, '600']);
  }
  const open = [...modes].filter(([, mode]) => (Number.parseInt(mode, 8) & 0o077) !== 0);
  expect(open).toEqual([]);
  expect([...modes.keys()].some((name) => name.startsWith('.cache/mq/compiled/'))).toBe(true);
});

it('a file that is there keeps its mode', async () => {
  await writeFile(join(folder, 'shared'), '', { mode: 0o640 });
  await mq(`mq enqueue q a -q >/dev/null; mq drain q --to shared -q`);
  expect(((await stat(join(folder, 'shared'))).mode & 0o777).toString(8)).toBe('640');
});

it('compiled code that others could have put there is not run: the folder is made anew', async () => {
  const compiled = join(folder, '.cache/mq/compiled');
  await mkdir(compiled, { recursive: true });
  await writeFile(join(compiled, 'planted'), 'code');
  await chmod(compiled, 0o777);
  await mq('mq ls -q');
  expect(await readdir(compiled)).not.toContain('planted');
  expect(((await stat(compiled)).mode & 0o777).toString(8)).toBe('700');
});

it('a command of drain --exec has the umask of the caller', async () => {
  await mq(`mq enqueue q a -q >/dev/null; mq drain q -q --exec 'umask >said'`);
  expect((await readFile(join(folder, 'said'), 'utf8')).trim()).toBe('0000');
});
