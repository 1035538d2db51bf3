import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { rolldown } from 'rolldown';
import { loadConfig } from 'rolldown/config';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { MQ } from '../../support/mq.ts';

/** What a command loads is a list of files and not a time: a chunk that slips into every command is named here. */
const ROOT = new URL('../../..', import.meta.url).pathname;
const RECORDER = `
  import { registerHooks } from 'node:module';
  import { appendFileSync } from 'node:fs';
  process.on('exit', () => {
    const own = process.moduleLoadList.filter((name) => /^NativeModule (?!internal\\/)/.test(name));
    appendFileSync(process.env.LOADED, own.map((name) => name.replace('NativeModule ', 'node:') + '\\n').join(''));
  });
  registerHooks({ load(url, context, next) { appendFileSync(process.env.LOADED, url + '\\n'); return next(url, context); } });`;
const CLIENTS = /node_modules\/(amqplib|ioredis|bullmq|@aws-sdk|@smithy)\//;
/** Those of Node's own modules that take 3 ms or more to load. */
const HEAVY_BUILTINS =
  /^node:(child_process|cluster|crypto|dgram|dns|http|https|http2|inspector|tls|worker_threads|zlib)$/;
const TERMINAL = /node_modules\/(ink|react|yoga-layout)\//;

/** Credentials that every emulator takes, so that none are looked for. */
const NO_LOGIN = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x' };

let folder: string;
/** The modules in each file of `dist`. */
let modulesOf: ReadonlyMap<string, readonly string[]>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-loading-'));
  const configs = await loadConfig(join(ROOT, 'bin/rolldown.config.js'));
  if (!Array.isArray(configs)) throw new Error('a list of configurations was expected');
  const config = configs.find(({ input }) => typeof input === 'object' && 'main' in input);
  if (config === undefined) throw new Error('the program was expected among them');
  const { output: outputOptions, ...input } = config;
  if (outputOptions === undefined || Array.isArray(outputOptions)) throw new Error('one output was expected');
  const bundle = await rolldown({ ...input, cwd: ROOT });
  const { output } = await bundle.generate(outputOptions);
  await bundle.close();
  modulesOf = new Map(output.flatMap((file) => (file.type === 'chunk' ? [[file.fileName, file.moduleIds]] : [])));
}, 60_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The modules of ours, of libraries and of Node that the built program evaluates. */
async function loaded(...args: string[]): Promise<readonly string[]> {
  return loadedUntil(0, ...args);
}

/** The same of a run that ends with this code. */
async function loadedUntil(code: number, ...args: string[]): Promise<readonly string[]> {
  const list = join(folder, 'loaded');
  await rm(list, { force: true });
  const recorder = `data:text/javascript,${encodeURIComponent(RECORDER)}`;
  const child = spawn(process.execPath, ['--import', recorder, MQ, ...args], {
    env: { PATH: process.env.PATH, LOADED: list, XDG_DATA_HOME: folder, ...NO_LOGIN },
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  expect(await once(child, 'close')).toEqual([code, null]);
  const all = (await readFile(list, 'utf8')).split('\n');
  const urls = all.filter((url) => url.includes('/dist/'));
  expect(urls.length).toBeGreaterThan(0);
  const builtins = all.filter((url) => url.startsWith('node:'));
  expect(builtins).toContain('node:fs');
  const ours = urls.flatMap((url) => {
    const modules = modulesOf.get(basename(url));
    // The names of chunks carry a hash of what is in them: an unknown one means that dist is not what the sources give.
    if (modules === undefined) throw new Error(`${url} is not of this build: npm run build`);
    return modules;
  });
  return [...ours, ...builtins];
}

it('the bundle holds what the tests below look for', () => {
  const all = [...modulesOf.values()].flat();
  for (const library of ['amqplib', 'ioredis', 'bullmq', '@aws-sdk/client-sqs', 'commander', 'ink', 'react', 'yaml']) {
    expect(
      all.filter((id) => id.includes(`/node_modules/${library}/`)),
      library,
    ).not.toEqual([]);
  }
});

it('mq --version loads the version and nothing else', async () => {
  const modules = (await loaded('--version')).map((id) => id.replace(ROOT, ''));
  expect(modules.filter((id) => id.includes('node_modules'))).toEqual([]);
  expect(modules).toContain('src/cli/version.ts');
  expect(modules.filter((id) => /^src\/(core|contract|backends|top)\//.test(id))).toEqual([]);
  expect(modules.filter((id) => HEAVY_BUILTINS.test(id))).toEqual([]);
});

it.each([
  [['--version']],
  [[]],
  [['--help']],
  [['help']],
  [['enqueue', '--help']],
  [['help', 'redrive']],
  [['help', 'urls']],
])('mq %j is known since the build: nothing that makes it is loaded, and no stream is opened', async (args) => {
  const modules = (await loaded(...args)).map((id) => id.replace(ROOT, ''));
  expect(modules.filter((id) => id.includes('node_modules'))).toEqual([]);
  expect(modules.filter((id) => /^src\/(cli\/(commands|line|verbs)|backends|top|core)/.test(id))).toEqual([]);
  expect(modules.filter((id) => HEAVY_BUILTINS.test(id) || /^node:(net|tty)$/.test(id))).toEqual([]);
});

it.each([
  [['enqueue', 'q', 'body']],
  [['ls']],
  [['stats', 'q']],
  [['peek', 'q']],
  [['redrive', 'q', '--dry-run']],
  [['drain', 'q', '--to', 'f']],
])('mq %j on the embedded queue loads no other broker, no live view, and nothing heavy of Node', async (args) => {
  const modules = await loaded(...args);
  expect(modules.some((id) => id.includes('src/backends/sqlite/'))).toBe(true);
  expect(modules.some((id) => id.includes('/node_modules/commander/'))).toBe(true);
  expect(modules.filter((id) => CLIENTS.test(id) || TERMINAL.test(id) || HEAVY_BUILTINS.test(id))).toEqual([]);
  // What is declared of a broker is known before it is loaded.
  const other = /src\/(top|backends\/(redis|rabbitmq|sqs))\/(?!manifest\.ts$)/;
  expect(modules.filter((id) => other.test(id))).toEqual([]);
});

it.each([[['enqueue', 'q', 'body']], [['ls']], [['stats', 'q']], [['peek', 'q']]])(
  'mq %j loads none of the code that moves messages',
  async (args) => {
    const modules = (await loaded(...args)).map((id) => id.replace(ROOT, ''));
    expect(
      modules.filter((id) => /^src\/core\/(engine|move|native-transfer|purge|redrive|work)\.ts$/.test(id)),
    ).toEqual([]);
    expect(modules.filter((id) => id.startsWith('src/cli/third-party/npm'))).toEqual([]);
  },
);

it('a plain Redis costs no TLS, no digests, no compression and no BullMQ', async () => {
  const modules = await loadedUntil(5, '--url', 'redis://127.0.0.1:1', 'stats', 'q');
  expect(modules.some((id) => id.includes('/node_modules/ioredis/'))).toBe(true);
  expect(modules.filter((id) => /node_modules\/(bullmq|amqplib|@aws-sdk|@smithy)\//.test(id))).toEqual([]);
  expect(modules.filter((id) => /^node:(child_process|crypto|http|https|http2|tls|zlib)$/.test(id))).toEqual([]);
});

it('SQS costs one file of its client, and none of the other ways to credentials, of HTTP/2 or of the browser', async () => {
  const url = 'sqs://eu-west-1?endpoint=http://127.0.0.1:1';
  const modules = await loadedUntil(5, '--url', url, 'enqueue', 'q', 'body');
  expect(modules.some((id) => id.includes('/node_modules/@aws-sdk/client-sqs/'))).toBe(true);
  expect(
    modules.filter((id) =>
      /bowser|eventstream|credential-provider-(ini|sso|login)|node_modules\/(ioredis|amqplib)\//.test(id),
    ),
  ).toEqual([]);
  expect(modules.filter((id) => /^node:(child_process|http2|worker_threads|perf_hooks)$/.test(id))).toEqual([]);
});
