import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const execute = promisify(execFile);
const ROOT = new URL('../../..', import.meta.url).pathname;
const SHELF = join(ROOT, 'test/fixtures/mq-backend-shelf');

let archives: string;
let shelf: string;
/** The home of a person. */
let home: string;

beforeAll(async () => {
  archives = await realpath(await mkdtemp(join(tmpdir(), 'mq-archives-')));
  shelf = await pack(SHELF);
});
afterAll(() => rm(archives, { recursive: true, force: true }));
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'mq-home-')));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function pack(from: string): Promise<string> {
  const options = ['pack', '--ignore-scripts', '--silent', '--pack-destination', archives];
  return join(archives, (await execute('npm', options, { cwd: from })).stdout.trim());
}

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function mq(args: readonly string[], more: NodeJS.ProcessEnv = {}, cwd = home): Promise<Ran> {
  const env = { PATH: process.env.PATH, HOME: home, npm_config_offline: 'true', ...more };
  try {
    const { stdout, stderr } = await execute(process.execPath, [join(ROOT, 'bin/mq.js'), ...args], { cwd, env });
    return { code: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as Ran;
    return { code, stdout, stderr };
  }
}

/** A backend like the shelf, with something else about it. */
async function variant(name: string, package_: object, manifest: string, more = ''): Promise<string> {
  const folder = join(archives, name);
  await mkdir(folder);
  const declared = { name, version: '1.0.0', type: 'module', exports: './index.js', ...package_ };
  await writeFile(join(folder, 'package.json'), JSON.stringify(declared));
  for (const file of ['manifest.js', 'shelf.js', 'consumer.js']) await cp(join(SHELF, file), join(folder, file));
  const index = await readFile(join(SHELF, 'index.js'), 'utf8');
  const changed = index.replace('contract: 1, manifest,', `contract: 1, manifest: ${manifest},`);
  expect(changed).not.toBe(index);
  await writeFile(join(folder, 'index.js'), `${changed}\n${more}`);
  return await pack(folder);
}

describe('a backend of somebody else', () => {
  it('is added, used like any other, shown in every help, and removed', async () => {
    expect(await mq(['backend', 'add', shelf, '--yes'])).toMatchObject({
      code: 0,
      stderr: 'mq: added mq-backend-shelf 1.0.0\n',
    });
    const place = `shelf:${home}/queues`;
    await mkdir(join(home, 'queues'));
    const at = ['--url', place];
    expect(await mq([...at, 'create', 'jobs'])).toMatchObject({ code: 0 });
    expect(await mq([...at, 'create', 'more'])).toMatchObject({ code: 0 });
    expect(await mq([...at, 'enqueue', 'jobs', 'one', 'two'])).toMatchObject({ code: 0 });
    expect(await mq([...at, 'move', 'jobs', 'more', '--max', '1', '--yes'])).toMatchObject({ code: 0 });
    expect(JSON.parse((await mq([...at, 'stats', 'more', '-o', 'json'])).stdout)).toMatchObject([{ ready: 1 }]);
    expect((await mq([...at, 'drain', 'jobs', '-o', 'body'])).stdout).toBe('two');
    expect(await mq([...at, 'peek', 'more'])).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('a shelf is read by taking from it'),
    });
    expect(await mq([...at, 'stats', 'mora'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('did you mean more'),
    });
    expect(await mq(['--url', `${place}?dlq=x`, 'ls'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the Shelf URL has a parameter that it cannot have'),
    });
    expect(await mq(['enqueue', place, 'x'])).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('that is a URL'),
    });
    expect((await mq(['backends'])).stdout.split('\n')[0]).toMatch(/\tshelf$/);
    expect((await mq(['help', 'urls'])).stdout).toMatch(/shelf:FOLDER +a folder with one file for each queue/);
    expect((await mq(['create', '--help'])).stdout).toMatch(/shelf/);
    expect((await mq(['__complete', 'zsh', '--', ...at, 'stats', ''])).stdout).toMatch(/^jobs\b/m);
    expect(JSON.parse((await mq(['backend', 'ls', '-o', 'json'])).stdout)).toEqual([
      { package: 'mq-backend-shelf', version: '1.0.0', schemes: ['shelf:'], kinds: ['shelf'], isNamed: true },
    ]);

    expect(await mq(['backend', 'rm', 'mq-backend-shelf'])).toMatchObject({ code: 0 });
    expect(await mq([...at, 'ls'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('a scheme that mq knows'),
    });
    expect(existsSync(join(home, '.local/share/mq/backends/node_modules/mq-backend-shelf'))).toBe(false);
  });

  it('keeps what else stands in the configuration, comments too', async () => {
    const file = join(home, '.config/mq/config.yaml');
    await mkdir(join(home, '.config/mq'), { recursive: true });
    await writeFile(file, '# mine\ncontexts:\n  a: { url: "sqlite:" } # here\n', { mode: 0o600 });
    await mq(['backend', 'add', shelf, '--yes']);
    const text = await readFile(file, 'utf8');
    expect(text).toMatch(/^# mine$/m);
    expect(text).toMatch(/# here$/m);
    expect(text).toMatch(/^backends:\n {2}- mq-backend-shelf$/m);
    await mq(['backend', 'rm', 'mq-backend-shelf']);
    expect(await readFile(file, 'utf8')).not.toContain('backends');
  });

  it('is not used when the configuration does not name it', async () => {
    await mq(['backend', 'add', shelf, '--yes']);
    await writeFile(join(home, '.config/mq/config.yaml'), '{}\n');
    expect(await mq(['--url', `shelf:${home}`, 'ls'])).toMatchObject({ code: 2 });
    expect((await mq(['backends'])).stdout).not.toContain('shelf');
  });

  it('is asked about first, and --yes alone does not choose a version', async () => {
    expect(await mq(['backend', 'add', shelf])).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    expect(await mq(['backend', 'add', 'mq-backend-shelf', '--yes'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes needs the exact version'),
    });
    expect(existsSync(join(home, '.local/share/mq/backends'))).toBe(false);
  });

  it.each([
    'git+https://host/x.git',
    'https://host/x.tgz',
    'user/repository',
    '--global',
    'x@latest',
    '../folder',
    'X',
  ])('is a package by its name, or an archive: %s is neither', async (name) => {
    expect(await mq(['backend', 'add', '--yes', '--', name])).toMatchObject({ code: 2 });
    expect(existsSync(join(home, '.local/share/mq/backends'))).toBe(false);
  });

  it('runs no script when it is installed', async () => {
    const mark = join(archives, 'ran');
    const scripts = { preinstall: `touch ${mark}`, install: `touch ${mark}`, postinstall: `touch ${mark}` };
    const archive = await variant('mq-backend-scripts', { scripts }, 'manifest');
    expect(await mq(['backend', 'add', archive, '--yes'])).toMatchObject({ code: 0 });
    expect(existsSync(mark)).toBe(false);
  });

  it.each([
    [
      'a scheme',
      'redis',
      "{ ...manifest, schemes: [{ name: 'redis', port: null, encryption: 'none' }] }",
      /scheme redis:, which is taken/,
    ],
    ['a kind', 'kind', "{ ...manifest, kinds: ['quorum'] }", /kind quorum, which is taken/],
    ['a name', 'name', "{ ...manifest, name: 'sqs' }", /name sqs, which is taken/],
    ['a flag of every verb', 'flag', "{ ...manifest, flags: [{ name: 'yes' }] }", /flags of its own/],
    ['the terminal', 'terminal', "{ ...manifest, title: 'a\\u001b[2J' }", /control characters/],
    ['more than it may say', 'none', 'undefined', /is not plain data/],
  ])('cannot take %s', async (_, name, manifest, why) => {
    const archive = await variant(`mq-backend-takes-${name}`, {}, manifest);
    expect(await mq(['backend', 'add', archive, '--yes'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(why),
    });
    expect(JSON.parse((await mq(['backend', 'ls', '-o', 'json'])).stdout)).toEqual([]);
    expect(existsSync(join(home, `.local/share/mq/backends/node_modules/mq-backend-takes-${name}`))).toBe(false);
  });

  it('is called by its name when it is what fails', async () => {
    const archive = await variant(
      'mq-backend-broken',
      {},
      'manifest',
      "Shelf.nameOf = () => { throw new TypeError('oh'); };\n",
    );
    await mq(['backend', 'add', archive, '--yes']);
    await writeFile(join(home, 'x'), '');
    expect(await mq(['--url', `shelf:${home}`, 'ls'])).toMatchObject({
      code: 70,
      stderr: expect.stringMatching(
        /^mq: error: a bug in the backend mq-backend-broken: oh\n {4}hint: please report it to its author/,
      ),
    });
  });
});

describe('nothing is loaded', () => {
  it('from the current folder, from NODE_PATH, or because a project says so', async () => {
    const project = join(home, 'project');
    const planted = join(project, 'node_modules/mq-backend-planted');
    await mkdir(planted, { recursive: true });
    const mark = join(home, 'ran');
    await writeFile(join(planted, 'package.json'), '{"name":"mq-backend-planted","version":"1.0.0","main":"index.js"}');
    await writeFile(join(planted, 'index.js'), `require('node:fs').writeFileSync(${JSON.stringify(mark)}, '')`);
    await mq(['backend', 'add', shelf, '--yes']);
    const file = join(home, '.config/mq/config.yaml');
    await writeFile(file, 'backends: [mq-backend-shelf, mq-backend-planted]\n');
    const env = { NODE_PATH: join(project, 'node_modules') };
    expect(await mq(['--url', 'planted:x', 'ls'], env, project)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('names the backend mq-backend-planted, which is not installed'),
    });
    await mq(['backends'], env, project);

    await writeFile(file, '{}\n');
    await writeFile(join(project, '.mq.yaml'), 'backends: [mq-backend-planted]\n');
    expect(await mq(['ls'], env, project)).toMatchObject({ code: 2, stderr: expect.stringContaining('backends') });
    expect(existsSync(mark)).toBe(false);
  });

  it('from a list that others may write', async () => {
    await mq(['backend', 'add', shelf, '--yes']);
    await execute('chmod', ['666', join(home, '.local/share/mq/backends/manifests.json')]);
    expect(await mq(['--url', `shelf:${home}`, 'ls'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('can be written by others'),
    });
  });
});
