import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import manifest from '../../../package.json' with { type: 'json' };
import { README } from '../../support/documents.ts';
import { MQ } from '../../support/mq.ts';
import { provisionHere } from '../../support/provision.ts';
import { rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';
import { startRedis } from '../../support/redis/server.ts';
import { redisProgram, sqs } from '../../support/servers.ts';

const CLONE = dirname(README.pathname);
/**
 * Every fenced block of the README that holds commands is run here, or checked where running it would install
 * something.
 */
const readme = await readFile(README, 'utf8');
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);

// Asked for here: starting them takes longer than a test may.
const vhost = await rabbitmqVhost();
const redisServer = await redisProgram();
const { fauxqs } = await sqs();
afterAll(() => vhost.remove());

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-readme-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Commands as a reader pastes them: in bash, with nothing configured, in a folder of their own. The first that fails
 * fails all.
 */
function paste(commands: string): Promise<Ran> {
  const shell = `set -e -o pipefail; mq() { "$NODE" "$MQ" "$@" </dev/null; }\n${commands}`;
  const env = { PATH: process.env.PATH, NODE: process.execPath, MQ, HOME: folder, XDG_DATA_HOME: join(folder, 'data') };
  const credentials = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
  return promisify(execFile)('bash', ['--norc', '-c', shell], { cwd: folder, env: { ...env, ...credentials } });
}

/** The one block that contains the text. */
function block(text: string): string {
  const found = blocks.filter((one) => one.includes(text));
  if (found.length !== 1) throw new Error(`${found.length} blocks of the README contain ${text}`);
  return found[0] ?? '';
}

/** `says`: what only one block of the README says, for each of its blocks. */
const FIRST_REDRIVES = [
  { on: 'SQLite', says: ['create orders --max-receives', 'mq peek orders --dead'], from: 'orders', to: 'orders' },
  { on: 'RabbitMQ', says: ['MQ_URL=amqp:'], from: 'orders-dlq', to: 'orders' },
  { on: 'the SQS emulator fauxqs', says: ['MQ_URL=sqs:'], from: 'orders-dlq', to: 'orders' },
  { on: 'BullMQ', says: ['from "bullmq"'], from: 'emails', to: 'emails' },
  { on: 'a Redis stream', says: ['XREADGROUP'], from: 'events', to: 'events' },
  { on: 'a Redis list', says: ['kind=list'], from: 'tasks:dead', to: 'tasks' },
] as const;

/** The one that comes with the server: on this machine, or in its container. */
function redisCli(url: string): string {
  if (redisServer.place !== 'here') throw new Error('the README needs redis-cli, and Redis is in a container');
  return `'${join(dirname(redisServer.path), 'redis-cli')}' -u '${url}'`;
}

it('has no block of commands that nobody runs', () => {
  const known = [
    ...[
      'npm ci && npm run demo',
      'npm install --global',
      '.local/bin/mq',
      'completion bash',
      'mq enqueue jobs',
      '--url amqp',
      '--max 500 --yes',
    ],
    ...FIRST_REDRIVES.flatMap(({ says }) => says),
  ];
  expect(known.map(block).sort()).toEqual([...blocks].sort());
});

/**
 * What each command of the README is given, as an interactive shell reads it: a comment is an error or further words in
 * zsh, and fish knows no here-documents.
 */
describe.each(['zsh', 'fish'] as const)('pasted into %s', (shell) => {
  it('every block calls the same commands with the same words as in bash', async () => {
    const stub = '#!/bin/sh\nfor word in "$(basename "$0")" "$@"; do printf "%s\\0" "$word" >> "$CALLS"; done\n';
    for (const name of ['mq', 'node', 'npm', 'redis-cli', 'sleep'])
      await writeFile(join(folder, name), stub, { mode: 0o755 });
    const inShell = async (program: string, args: readonly string[], text: string): Promise<string> => {
      const home = await mkdtemp(join(folder, 'home-'));
      const calls = join(home, 'calls');
      await writeFile(calls, '');
      const env = { PATH: `${folder}:${process.env.PATH}`, HOME: home, CALLS: calls, TERM: 'dumb' };
      await promisify(execFile)(program, [...args, text], { cwd: home, env });
      return readFile(calls, 'utf8');
    };
    const program = await provisionHere(shell);
    const interactive = shell === 'zsh' ? ['-f', '-i', '-c'] : ['--no-config', '-i', '-c'];
    for (const text of blocks) {
      // -c reads comments in zsh even so; typed at its prompt they are words.
      expect(text).not.toMatch(/(^|\s)#(?!!)/m);
      const called = await inShell('bash', ['--norc', '-c'], text);
      expect(await inShell(program, interactive, text)).toBe(called);
    }
  });
});

it('names the package and scripts that are there', () => {
  expect(block('npm install --global')).toBe(`npm install --global ${manifest.name}\n`);
  const scripts = [...readme.matchAll(/npm (?:run )?(demo|docs|test|[a-z:]+)\b/g)].map(([, name = '']) => name);
  const ofNpm = ['ci', 'install', 'run'];
  for (const name of scripts.filter((one) => !ofNpm.includes(one)))
    expect(Object.keys(manifest.scripts)).toContain(name);
  expect(manifest.engines.node).toBe('>=22.12');
  expect(readme).toContain('Node 22.12 or newer');
});

it('the three commands', async () => {
  const { stdout, stderr } = await paste(block('mq enqueue jobs'));
  expect(stdout).toMatch(/^\S+\n\S+\n\S+ .*\nhello\n\n\S+ .*\nworld\n$/);
  const [made = '', ...rest] = stderr.split('\n');
  expect(made).toMatch(/^mq: note: /);
  expect(rest.join('\n')).toMatch(/^mq: drained 2 messages from jobs to jobs\.ndjson \(.*\)\n$/);
  const saved = (await readFile(join(folder, 'jobs.ndjson'), 'utf8')).trim().split('\n');
  expect(saved.map((line) => JSON.parse(line).body)).toEqual(['hello', 'world']);
});

it('redrive in CI', async () => {
  await paste(`mq create orders --max-receives 1; mq enqueue orders 1 2 3
    mq drain orders --exec 'read -r n; test "$n" -lt 3 && echo "connect ETIMEDOUT" >&2; exit 1' || test $? = 3`);
  const { stdout } = await paste(block('--max 500 --yes'));
  const common = { operation: 'redrive', matched: 2, skipped: 0, failed: 0, unknown: 0, left: 1, complete: true };
  expect(JSON.parse(stdout)).toMatchObject({ ...common, dryRun: true });
  const report = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
  expect(report).toMatchObject({ ...common, dryRun: false, moved: 2 });
  for (const key of readme.match(/matched = ([a-z+ ]+)/)?.[1]?.split(' + ') ?? []) expect(report).toHaveProperty(key);
});

it('another broker', async () => {
  const redis = await startRedis(redisServer);
  const client = new Redis(redis.url);
  try {
    await client.rpush('emails', 'one', 'two');
    const rabbitmq = vhost.mqUrl;
    const sqsUrl = `sqs://eu-west-1?endpoint=${encodeURIComponent(fauxqs)}`;
    const commands = block('--url amqp')
      .replace('amqp://guest:guest@localhost/', `'${rabbitmq}'`)
      .replace('redis://localhost:6379/0', `'${redis.url}'`)
      .replace('sqs://eu-west-1', `'${sqsUrl}'`);
    await paste(
      `mq --url '${rabbitmq}' create orders; mq --url '${sqsUrl}' create orders --dlq orders-dlq --max-receives 2`,
    );
    try {
      const { stdout, stderr } = await paste(commands);
      expect(stdout).toMatch(/^orders +quorum /m);
      expect(stdout).toMatch(/^emails +list +running +2 /m);
      expect(stderr).toContain('mq: dry run: would redrive 0 messages from orders-dlq to orders');
    } finally {
      for (const made of [`'${sqsUrl}' delete orders`, `'${sqsUrl}' delete orders-dlq`, `'${rabbitmq}' delete orders`])
        await paste(`mq --url ${made} --yes`);
    }
  } finally {
    client.disconnect();
    await redis.stop();
  }
});

it('from the clone without installing', async () => {
  const commands = block('.local/bin/mq');
  expect(Object.keys(manifest.scripts)).toContain('build');
  // The installation and the build are this run's own; what is left is whether the program that is made leads to mq,
  // and Tab to it.
  const install = commands.replace(/^npm ci && npm run build$/m, `unset -f mq; cd '${CLONE}'`);
  expect((await paste(`${install}\nmq --version`)).stdout).toBe(`${manifest.version}\n`);
  const again = `export PATH="$HOME/.local/bin:$PATH"; unset -f mq; mq enqueue orders 1 >/dev/null`;
  const tab = `source ~/.bashrc; COMP_LINE='mq peek o' COMP_POINT=9; _mq_complete; printf '%s\\n' "\${COMPREPLY[@]}"`;
  expect((await paste(`${again}\n${block('completion bash')}${tab}`)).stdout).toBe('orders\n');
});

describe('a first redrive', () => {
  it.each(FIRST_REDRIVES)('on $on', async ({ says, from, to }) => {
    const redis = await startRedis(redisServer);
    const rabbitmq = `${vhost.url}?management=${encodeURIComponent(vhost.managementUrl)}`;
    const sqsUrl = `sqs://eu-west-1?endpoint=${encodeURIComponent(fauxqs)}`;
    await symlink(join(CLONE, 'node_modules'), join(folder, 'node_modules'));
    const commands = says
      .map(block)
      .join('')
      .replace('amqp://guest:guest@localhost/', `'${rabbitmq}'`)
      .replace('sqs://eu-west-1', `'${sqsUrl}'`)
      .replace('redis://localhost:6379/0', redis.url)
      .replace('redis-cli ', `${redisCli(redis.url)} `);
    const url = /^export MQ_URL=.*$/m.exec(commands)?.[0] ?? 'true';
    try {
      const { stdout, stderr } = await paste(commands);
      expect(stderr).toContain(`mq: redrove 2 messages from ${from} to ${to} (`);
      if (commands.includes('stats')) expect(stdout).toMatch(/^DEAD +FROM .*\n +[12] /m);
      const left = await paste(`${url}\nmq drain ${to}`);
      expect(left.stdout.trimEnd().split('\n')).toHaveLength(2);
    } finally {
      await paste(`${url}\nmq delete ${to} --yes; ${from === to ? '' : `mq delete ${from} --yes || true`}`);
      await redis.stop();
    }
  });
});

it('the screen is what the demo shows', async () => {
  expect(manifest.scripts.demo).toMatch(/ && node bin\/mq\.js demo$/);
  const { stdout } = await paste('mq demo');
  const screen = /^```console\n([\s\S]*?)^```$/m.exec(readme)?.[1] ?? '';
  // Which order was the last to die depends on which of the four workers was faster.
  const timeless = (text: string): string =>
    text
      .replace(/ +\d+(\.\d+)?m?s\b/g, ' T')
      .replace(/ o-\d+ /g, ' o-N ')
      .replace(/ {2,}/g, ' ');
  const shown = timeless(stdout).split('\n');
  const lines = timeless(screen).trimEnd().split('\n');
  expect(lines.length).toBeGreaterThan(5);
  expect(lines.filter((line) => !shown.includes(line))).toEqual([]);
});
