import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, realpath, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };

const execute = promisify(execFile);
const ROOT = new URL('../../..', import.meta.url).pathname;
const MOST_BYTES = 15e6;
/** Before the folders that npm puts in front of PATH: where the system's own Node is, when it has one. */
const SYSTEM_PATH = (process.env.PATH ?? '').split(':').filter((folder) => !folder.includes('node_modules'));

let folder: string;
let packed: readonly string[];
/** An environment with nothing of this repository in it. */
let env: Readonly<Record<string, string>>;
let mq: string;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'mq-package-')));
  env = { PATH: SYSTEM_PATH.join(':'), HOME: folder, XDG_DATA_HOME: join(folder, 'data') };
  // `npm test` has built it; a build here would take the ground from under the tests beside this one.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const [made] = Object.values(JSON.parse((await execute('npm', pack, { cwd: ROOT })).stdout)) as [
    { filename: string; files: { path: string }[] },
  ];
  packed = made.files.map(({ path }) => path);
  const install = ['install', '--offline', '--no-audit', '--no-fund', '--global', '--prefix', join(folder, 'prefix')];
  await execute('npm', [...install, join(folder, made.filename)], { cwd: folder });
  mq = join(folder, 'prefix/bin/mq');
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function filesBelow(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** With the Node that runs the tests, since the system's own may be too old. */
function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return execute(process.execPath, [mq, ...args], { cwd: folder, env });
}

describe('the package, packed and installed into an empty prefix', () => {
  it('works without a build and without another package', async () => {
    expect((await run('--version')).stdout).toBe(`${manifest.version}\n`);
    await run('enqueue', 'jobs', 'hello', 'world');
    expect((await run('drain', 'jobs', '-o', 'body')).stdout).toBe('hello\nworld');
    expect(await readdir(join(folder, 'prefix/lib/node_modules'))).toEqual([manifest.name]);
    expect(existsSync(join(folder, 'prefix/lib/node_modules', manifest.name, 'node_modules'))).toBe(false);
  });

  it('can load every backend', async () => {
    const kinds = JSON.parse((await run('backends', '-o', 'json')).stdout) as readonly { kind: string }[];
    expect(kinds.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['sqlite', 'bullmq', 'stream', 'list', 'classic', 'quorum', 'standard', 'fifo']),
    );
  });

  it(`takes at most ${MOST_BYTES / 1e6} MB`, async () => {
    const sizes = await Promise.all((await filesBelow(join(folder, 'prefix'))).map(async (path) => stat(path)));
    const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
    expect(bytes).toBeGreaterThan(500_000);
    expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
  });

  it('holds the program and its papers, and nothing of the workshop', () => {
    expect(packed).toEqual(
      expect.arrayContaining([
        ...['LICENSE', 'README.md', 'CHANGELOG.md', 'package.json'],
        ...['bin/mq.js', 'dist/main.js', 'dist/THIRD-PARTY-LICENSES.txt'],
      ]),
    );
    const allowed = /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|bin\/mq\.js|dist\/.*|completions\/.*)$/;
    expect(packed.filter((path) => !allowed.test(path))).toEqual([]);
  });

  it('carries the licence of each library that a bundled line comes from', async () => {
    const licences = await readFile(
      join(folder, 'prefix/lib/node_modules', manifest.name, 'dist/THIRD-PARTY-LICENSES.txt'),
      'utf8',
    );
    for (const library of ['commander', 'amqplib', 'ioredis', 'bullmq', '@aws-sdk/client-sqs', 'cli-table3', 'yaml']) {
      expect(licences).toMatch(new RegExp(`^${library} \\d+\\.\\d+\\.\\d+ \\([\\w.-]+\\)$`, 'm'));
    }
    expect(licences).toContain('Permission is hereby granted, free of charge');
    expect(licences).toContain('Apache License');
  });
});

describe('an old Node', () => {
  it.each(['20.19.0', '22.11.0', '18.0.0', '4.9.1'])('%s is refused in one clear line', async (version) => {
    // The file as it is, in a Node that says that it is another.
    const lie = `Object.defineProperty(process.versions, 'node', { value: '${version}' }); require(${JSON.stringify(mq)});`;
    const refused = await failure(execute(process.execPath, ['-e', lie], { env }));
    expect(refused.code).toBe(2);
    expect(refused.stdout).toBe('');
    expect(refused.stderr).toBe(`mq: needs Node.js 22.12 or newer; this is ${version} (${process.execPath}).\n`);
  });

  it("the system's own is refused, or runs it", async () => {
    const { stdout } = await execute('node', ['-p', 'process.versions.node'], { env });
    const [major = 0, minor = 0] = stdout.trim().split('.').map(Number);
    const ran = execute('node', [mq, '--version'], { env });
    if (major > 22 || (major === 22 && minor >= 12)) {
      expect((await ran).stdout).toBe(`${manifest.version}\n`);
    } else {
      const { code, stderr } = await failure(ran);
      expect(code).toBe(2);
      expect(stderr).toMatch(/^mq: needs Node\.js 22\.12 or newer; this is \S+ \(.*\)\.\n$/);
      expect(stderr).toContain(stdout.trim());
    }
  });

  it('22.12.0 is not', async () => {
    const lie = `Object.defineProperty(process.versions, 'node', { value: '22.12.0' });
      process.argv = [process.argv[0], 'mq', '--version']; require(${JSON.stringify(mq)});`;
    expect((await execute(process.execPath, ['-e', lie], { env })).stdout).toBe(`${manifest.version}\n`);
  });
});

async function failure(run: Promise<unknown>): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    await run;
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
  throw new Error('it did not fail');
}
