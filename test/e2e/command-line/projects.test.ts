import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runMq } from '../../support/mq.ts';

let folder: string;
let repository: string;
let env: Readonly<Record<string, string>>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-projects-'));
  repository = join(folder, 'clone');
  await mkdir(join(repository, '.git'), { recursive: true });
  env = Object.fromEntries(
    ['CONFIG', 'DATA', 'STATE', 'CACHE'].map((what) => [`XDG_${what}_HOME`, join(folder, what)]),
  );
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const db = (name: string): string => `sqlite:${join(folder, `${name}.db`)}`;

async function configure(text: string): Promise<void> {
  await mkdir(join(folder, 'CONFIG/mq'), { recursive: true });
  await writeFile(join(folder, 'CONFIG/mq/config.yaml'), text, { mode: 0o600 });
}

async function project(text: string, where = repository): Promise<void> {
  await writeFile(join(where, '.mq.yaml'), text);
}

const here = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  runMq(args, { env: { ...env, ...more }, cwd: repository });

async function ready(name: string, queue: string): Promise<number> {
  const { stdout } = await runMq(['--url', db(name), 'ls', '-o', 'json'], { env });
  const all = JSON.parse(stdout) as readonly { queue: string; ready: number }[];
  return all.find((stats) => stats.queue === queue)?.ready ?? 0;
}

describe('a project’s file', () => {
  it.each([
    ['context: dev\n', []],
    ['', ['context', 'use', 'dev']],
  ])('chooses no other context of the user than the user chose (%j %j)', async (line, choice) => {
    await configure(`${line}contexts:\n  dev: {url: "${db('dev')}"}\n  prod: {url: "${db('prod')}"}\n`);
    if (choice.length > 0) expect((await here(choice)).code).toBe(0);
    await here(['-c', 'prod', 'enqueue', 'jobs', 'a', 'b']);
    await here(['-c', 'dev', 'enqueue', 'jobs', 'd']);
    await project('context: prod\n');
    const { code, stderr } = await here(['purge', 'jobs', '--yes']);
    expect(code).toBe(0);
    expect(stderr).toContain('asks for the context prod, which is your own: only you choose it');
    expect([await ready('prod', 'jobs'), await ready('dev', 'jobs')]).toEqual([2, 0]);
  });

  it('chooses none of the user’s for a user who chose none', async () => {
    await configure(`contexts:\n  prod: {url: "${db('prod')}"}\n`);
    await here(['-c', 'prod', 'enqueue', 'jobs', 'a', 'b']);
    await project('context: prod\n');
    expect((await here(['purge', 'jobs', '--yes'])).code).toBe(4);
    expect(await ready('prod', 'jobs')).toBe(2);
  });

  it('does not overrule the user’s own choice with a context of its own', async () => {
    await configure(`context: dev\ncontexts:\n  dev: {url: "${db('dev')}"}\n`);
    await project(`context: theirs\ncontexts:\n  theirs: {url: "${db('theirs')}"}\n`);
    expect(await here(['enqueue', 'jobs', 'a'])).toMatchObject({ code: 0, stderr: '' });
    expect(await ready('dev', 'jobs')).toBe(1);
  });

  it('is said once by a verb that changes something, and followed by who chose nothing', async () => {
    await project(`context: w\ncontexts:\n  w: {url: "${db('w')}"}\n`);
    const { code, stderr } = await here(['enqueue', 'jobs', 'a']);
    expect(code).toBe(0);
    expect(stderr).toBe(`mq: note: ${join(repository, '.mq.yaml')} says where this goes: context w (${db('w')})\n`);
    expect((await here(['ls'])).stderr).toBe('');
    expect((await here(['enqueue', 'jobs@w', 'b'])).stderr.match(/says where this goes/g)).toHaveLength(1);
    expect(await ready('w', 'jobs')).toBe(2);
  });

  it('has no name that goes for other folders, too', async () => {
    await project(`contexts:\n  w: {url: "${db('w')}"}\n`);
    const { code, stderr } = await here(['context', 'use', 'w']);
    expect(code).toBe(4);
    expect(stderr).toContain('a context of this project');
  });
});

describe('of somebody else', () => {
  const nobody = 65534;
  const isRoot = process.getuid?.() === 0;

  it.runIf(isRoot)('a file, a repository and a link are passed over, and that is said', async () => {
    const text = `context: w\ncontexts:\n  w: {url: "${db('w')}"}\n`;
    const work = join(repository, 'mine/work');
    await mkdir(work, { recursive: true });
    const enqueue = () => runMq(['enqueue', 'orders', 'secret'], { env, cwd: work });
    await project(text);

    await chown(join(repository, '.mq.yaml'), nobody, nobody);
    expect((await enqueue()).stderr).toContain('.mq.yaml is passed over: it belongs to another user');
    await chown(join(repository, '.mq.yaml'), 0, 0);
    for (const path of [repository, join(repository, '.git')]) {
      await chown(path, nobody, nobody);
      expect((await enqueue()).stderr).toContain('.mq.yaml is passed over: its repository belongs to another user');
      await chown(path, 0, 0);
    }
    await rm(join(repository, '.mq.yaml'));
    await writeFile(join(repository, 'of-root.yaml'), text);
    await symlink(join(repository, 'of-root.yaml'), join(repository, '.mq.yaml'));
    await promisify(execFile)('chown', ['-h', `${nobody}`, join(repository, '.mq.yaml')]);
    expect((await enqueue()).stderr).toContain('.mq.yaml is passed over: it belongs to another user');
    expect(await ready('w', 'orders')).toBe(0);

    await promisify(execFile)('chown', ['-h', '0', join(repository, '.mq.yaml')]);
    expect((await enqueue()).stderr).toContain('says where this goes');
    expect(await ready('w', 'orders')).toBe(1);
  });

  it('a link out of the project and a file that others may write are passed over, and nothing of them is shown', async () => {
    const text = `context: w\ncontexts:\n  w: {url: "${db('w')}"}\n`;
    const file = join(repository, '.mq.yaml');
    const ls = () => runMq(['ls'], { env, cwd: repository });
    await writeFile(join(folder, 'secret'), 'root:s3cret:hash\n');
    await symlink(join(folder, 'secret'), file);
    const out = await ls();
    expect(out).toMatchObject({ code: 0, stderr: expect.stringContaining('a link to a file outside of the project') });
    expect(out.stderr).not.toContain('s3cret');
    await rm(file);
    await writeFile(join(repository, 'real.yaml'), text);
    await symlink('real.yaml', file);
    expect((await ls()).stderr).not.toContain('passed over');
    await chmod(file, 0o666);
    expect((await ls()).stderr).toContain('.mq.yaml is passed over: other users may write to it');
    await rm(file);
  });

  it('a pipe, a folder and a file of megabytes are passed over at once', async () => {
    await promisify(execFile)('mkfifo', [join(repository, '.mq.yaml')]);
    expect((await here(['ls'])).stderr).toContain('.mq.yaml is passed over: it is not a regular file');
    await rm(join(repository, '.mq.yaml'));
    await project(`# ${'x'.repeat(1024 * 1024)}\n`);
    expect((await here(['ls'])).stderr).toContain('.mq.yaml is passed over: it is larger than 1 MiB');
  });
});

describe('the URL of a project’s context', () => {
  it.each([
    'amqps://h/?keyfile=/home/me/key',
    'amqps://h/?k%65yfile=/home/me/key',
    'amqps://h/?verify=verify_none&%63ertfile=/c',
    'amqp://h/?management=http://elsewhere.example:15672',
    'rediss://h/0?key=/k',
    'rediss://h/0?%6b%65%79=/k',
    'redis://h/0?sentinelPassword=x',
    'sqs://us-east-1?endpoint=http://repository.test',
    'sqs://us-east-1?endpoint=http://127.0.0.1.repository.test',
    'sqs://us-east-1?endpoint=http://127.0.0.1&endpoint=http://repository.test',
    'sqs://us-east-1?%65ndpoint=http://localhost@repository.test',
    'sqs://us-east-1?end\\tpoint=http://repository.test',
    'sqs://us-east-1?denyPolicy=true',
    'sqlite:x.db?mode=memory',
  ])('%s is refused', async (url) => {
    await project(`contexts: {w: {url: "${url}"}}\n`);
    const { code, stderr } = await here(['-c', 'w', 'ls']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/contexts\.w\.url: (m|endpoint)/);
  });

  it.each([
    'redis://h/1?kind=stream&group=g',
    'amqp://h/v?management=http://h:15672',
    'sqs://us-east-1?endpoint=http://localhost:4566&waitSeconds=0',
    'sqlite:here.db',
  ])('%s is not', async (url) => {
    await project(`contexts: {w: {url: "${url}"}}\n`);
    expect((await here(['context', 'show', 'w', '-o', 'json'])).code).toBe(0);
  });
});

describe('Tab', () => {
  let server: Server;
  let asked: number;
  beforeEach(async () => {
    asked = 0;
    server = createServer((request, response) => {
      asked += 1;
      request.resume();
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  it('connects to a context of a project only after a command of the user has, and not when it has changed since', async () => {
    const { port } = server.address() as AddressInfo;
    const aws = { AWS_ACCESS_KEY_ID: 'any', AWS_SECRET_ACCESS_KEY: 'any' };
    const url = (query: string): string => `sqs://us-east-1?endpoint=http://127.0.0.1:${port}${query}`;
    const tab = () => here(['__complete', 'zsh', '--', 'peek', ''], aws);
    await project(`context: w\ncontexts: {w: {url: "${url('')}"}}\n`);
    expect((await tab()).code).toBe(0);
    expect(asked).toBe(0);
    await here(['ls'], aws);
    expect(asked).toBeGreaterThan(0);
    asked = 0;
    // A Tab gives up after its time, which a busy machine may need for loading alone; the next one has it at hand.
    await expect
      .poll(async () => {
        await tab();
        return asked;
      })
      .toBeGreaterThan(0);
    asked = 0;
    await rm(join(folder, 'CACHE'), { recursive: true, force: true });
    await project(`context: w\ncontexts: {w: {url: "${url('&waitSeconds=0')}"}}\n`);
    await tab();
    expect(asked).toBe(0);
  });
});
