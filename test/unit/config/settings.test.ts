// biome-ignore-all lint/suspicious/noTemplateCurlyInString: such texts are what the configuration holds.
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KNOWN } from '../../../src/cli/start/known.ts';
import { readCurrentContext, writeCurrentContext } from '../../../src/config/current-context.ts';
import { addContext, removeContext } from '../../../src/config/edit.ts';
import { loadSettings } from '../../../src/config/load.ts';
import { Secrets } from '../../../src/config/redact.ts';
import { findContext, resolveTarget, splitQueueAddress } from '../../../src/config/target.ts';

let home = '';
let env: Record<string, string> = {};

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mq-config-'));
  env = { HOME: home };
});
afterEach(() => rm(home, { recursive: true }));

const configFile = () => join(home, '.config/mq/config.yaml');

async function configure(text: string): Promise<void> {
  await mkdir(join(home, '.config/mq'), { recursive: true });
  await writeFile(configFile(), text, { mode: 0o600 });
}

const settings = () => loadSettings(env, home, KNOWN);

async function urlOf(
  choice: { url?: string; context?: string } = {},
  secrets = new Secrets(KNOWN.brokers),
): Promise<string> {
  const target = resolveTarget(
    { url: choice.url ?? null, context: choice.context ?? null },
    await settings(),
    env,
    secrets,
  );
  return target.connectionUrl(AbortSignal.timeout(5_000));
}

describe('which broker', () => {
  test('flag, then variables, then the current context, then the default of the file, then the embedded database', async () => {
    expect(await urlOf()).toBe(`sqlite:${home}/.local/share/mq/mq.db`);
    await configure(
      'context: a\ncontexts:\n  a: {url: "redis://a"}\n  b: {url: "redis://b"}\n  c: {url: "redis://c"}\n',
    );
    expect(await urlOf()).toBe('redis://a');
    const { places } = await settings();
    await writeCurrentContext(places, { current: 'b', previous: 'a' });
    expect(await urlOf()).toBe('redis://b');
    env.MQ_CONTEXT = 'c';
    expect(await urlOf()).toBe('redis://c');
    expect(await urlOf({ context: '-' })).toBe('redis://a');
    expect(await urlOf({ url: 'redis://flag' })).toBe('redis://flag');
    env.MQ_URL = 'redis://env';
    await expect(urlOf()).rejects.toMatchObject({ code: 'USAGE' });
    delete env.MQ_CONTEXT;
    expect(await urlOf()).toBe('redis://env');
    expect(await urlOf({ context: 'a' })).toBe('redis://a');
    await expect(urlOf({ url: 'redis://x', context: 'a' })).rejects.toMatchObject({ code: 'USAGE' });
  });

  test('a context that is gone is an error and never another broker', async () => {
    await configure('contexts:\n  production: {url: "redis://a"}\n');
    const { places } = await settings();
    await writeCurrentContext(places, { current: 'removed', previous: null });
    await expect(urlOf()).rejects.toMatchObject({ code: 'CONTEXT_NOT_FOUND' });
    await expect(urlOf({ context: 'prodution' })).rejects.toMatchObject({ hint: 'did you mean production?' });
    await expect(urlOf({ context: 'constructor' })).rejects.toMatchObject({ code: 'CONTEXT_NOT_FOUND' });
  });

  test('queue@context splits at the last @ and only before a known context', async () => {
    await configure('contexts:\n  prod: {url: "redis://a"}\n');
    const loaded = await settings();
    expect(splitQueueAddress('orders@prod', loaded)).toEqual({ queue: 'orders', context: 'prod' });
    expect(splitQueueAddress('a@b@prod', loaded)).toEqual({ queue: 'a@b', context: 'prod' });
    expect(splitQueueAddress('orders@eu', loaded)).toEqual({ queue: 'orders@eu', context: null });
    expect(splitQueueAddress('@prod', loaded)).toEqual({ queue: '', context: 'prod' });
  });

  test('sqlite paths of a file are relative to it', async () => {
    await configure(
      'contexts:\n  rel: {url: "sqlite:q.db?x=1"}\n  abs: {url: "sqlite:/q.db"}\n  mem: {url: "sqlite::memory:"}\n  own: {url: "sqlite:"}\n',
    );
    expect(await urlOf({ context: 'rel' })).toBe(`sqlite:${home}/.config/mq/q.db?x=1`);
    expect(await urlOf({ context: 'abs' })).toBe('sqlite:/q.db');
    expect(await urlOf({ context: 'mem' })).toBe('sqlite::memory:');
    expect(await urlOf({ context: 'own' })).toBe(`sqlite:${home}/.local/share/mq/mq.db`);
  });
});

describe('mistakes', () => {
  const cases: readonly { name: string; text: string; message: RegExp; hint?: RegExp }[] = [
    {
      name: 'an unknown key',
      text: 'contexts:\n  prod:\n    url: redis://a\n    protectd: true\n',
      message: /config\.yaml:4: contexts\.prod\.protectd: there is no such setting/,
      hint: /did you mean protected\?/,
    },
    {
      name: 'an unknown key at the top',
      text: 'contxts: {}\n',
      message: /config\.yaml:1: contxts: there is no such setting/,
      hint: /did you mean contexts\?/,
    },
    {
      name: 'a wrong type',
      text: 'contexts:\n  prod:\n    url: redis://a\n    readonly: 1\n',
      message: /:4: contexts\.prod\.readonly: must be true or false/,
    },
    {
      name: 'a missing url',
      text: 'contexts:\n  prod:\n    queue: x\n',
      message: /:2: contexts\.prod\.url: is missing/,
    },
    {
      name: 'an unknown effect',
      text: 'contexts:\n  prod:\n    url: redis://a\n    rules: {"p-*": {purge: never}}\n',
      message: /contexts\.prod\.rules\.p-\*\.purge: must be deny or confirm/,
    },
    {
      name: 'a verb that changes nothing',
      text: 'contexts:\n  prod:\n    url: redis://a\n    rules: {"p-*": {peek: deny}}\n',
      message: /rules\.p-\*\.peek: there is no such setting/,
    },
    { name: 'broken YAML', text: 'contexts: [\n', message: /this is not valid YAML/ },
    {
      name: 'the same name twice',
      text: 'contexts:\n  a: {url: "redis://a"}\n  a: {url: "redis://b"}\n',
      message: /:3: this is not valid YAML \(DUPLICATE_KEY\)/,
    },
    {
      name: 'a name that JavaScript knows',
      text: 'contexts:\n  constructor: {url: "redis://a"}\n',
      message: /:2: contexts\.constructor: not a name/,
    },
    {
      name: 'a name with a space',
      text: 'contexts:\n  "a b": {url: "redis://a"}\n',
      message: /contexts\.a b: not a name/,
    },
    {
      name: 'a number as a duration',
      text: 'defaults:\n  timeout: 30\n',
      message: /:2: defaults\.timeout: must be a duration/,
    },
  ];
  test.each(cases)('$name is refused with its place', async ({ text, message, hint }) => {
    await configure(text);
    await expect(settings()).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) });
    if (hint !== undefined) await expect(settings()).rejects.toMatchObject({ hint: expect.stringMatching(hint) });
  });

  test('no message holds a value of the file', async () => {
    await configure('contexts:\n  prod:\n    url: redis://a\n    password: [S3CRETVALUE]\n');
    const error: unknown = await settings().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    expect(JSON.stringify([error, String(error)])).not.toContain('S3CRETVALUE');
  });

  test('MQ_CONFIG must exist', async () => {
    env.MQ_CONFIG = join(home, 'nothing.yaml');
    await expect(settings()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe("a project's file", () => {
  const project = () => join(home, 'repo/.mq.yaml');
  const below = () => join(home, 'repo/deep/er');

  beforeEach(async () => {
    await mkdir(below(), { recursive: true });
    await mkdir(join(home, 'repo/.git'));
  });

  test('is found upward to the root of the repository, and not above it', async () => {
    await writeFile(join(home, '.mq.yaml'), 'contexts:\n  above: {url: "redis://above"}\n');
    expect((await loadSettings(env, below(), KNOWN)).configuration.contexts.size).toBe(0);
    await writeFile(project(), 'context: dev\ncontexts:\n  dev: {url: "redis://dev"}\n');
    const found = await loadSettings(env, below(), KNOWN);
    expect([...found.configuration.contexts.keys()]).toEqual(['dev']);
    expect(found.configuration.defaultContext).toBe('dev');
  });

  test("cannot take over a name of the person's own, and that is said", async () => {
    await configure('contexts:\n  prod: {url: "redis://mine"}\n');
    await writeFile(project(), 'contexts:\n  prod: {url: "redis://theirs"}\n');
    const found = await loadSettings(env, below(), KNOWN);
    expect(findContext(found, 'prod').url).toEqual({ from: 'text', text: 'redis://mine' });
    expect(found.configuration.warnings).toEqual([expect.stringContaining('passed over')]);
  });

  test.each([
    ['password: {env: HOME}', 'password'],
    ['password: {command: [touch, x]}', 'password'],
    ['password: word', 'password'],
    ['user: "${SECRET}"', 'user'],
  ])('may not say %s', async (line, key) => {
    await writeFile(project(), `contexts:\n  dev:\n    url: redis://dev\n    ${line}\n`);
    await expect(loadSettings(env, below(), KNOWN)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`contexts.dev.${key}`),
    });
  });

  test.each([
    '"redis://u:p@dev"',
    '"redis://${AWS_SECRET_ACCESS_KEY}.evil.example"',
    '{env: DATABASE_URL}',
    '"redis://h?password=x"',
  ])('may not have the url %s', async (url) => {
    await writeFile(project(), `contexts:\n  dev:\n    url: ${url}\n`);
    await expect(loadSettings(env, below(), KNOWN)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });
});

describe('secrets', () => {
  test('from a variable, a file and a command; an @ in them cannot move the host', async () => {
    env.PASSWORD = 'p@evil.example/x#?:%';
    await configure(
      [
        'contexts:',
        '  in-url: {url: "amqp://ops:${PASSWORD}@rabbit/${VHOST}"}',
        '  env: {url: "redis://rabbit:6379/1", user: ops, password: {env: PASSWORD}}',
        '  file: {url: "redis://ops@rabbit", password: {file: pass.txt}}',
        `  command: {url: "redis://ops@rabbit", password: {command: [printf, "%s", "a b;$(touch ${home}/ran)"]}}`,
        '  whole: {url: {env: WHOLE}}',
      ].join('\n'),
    );
    await writeFile(join(home, '.config/mq/pass.txt'), 'from file\n');
    env.VHOST = '/orders';
    env.WHOLE = 'redis://x:${PASSWORD}@whole';
    const url = new URL(await urlOf({ context: 'in-url' }));
    expect([url.hostname, decodeURIComponent(url.password), url.pathname]).toEqual([
      'rabbit',
      env.PASSWORD,
      '/%2Forders',
    ]);
    expect(decodeURIComponent(new URL(await urlOf({ context: 'env' })).password)).toBe(env.PASSWORD);
    expect(new URL(await urlOf({ context: 'env' })).host).toBe('rabbit:6379');
    expect(decodeURIComponent(new URL(await urlOf({ context: 'file' })).password)).toBe('from file');
    expect(decodeURIComponent(new URL(await urlOf({ context: 'command' })).password)).toBe(`a b;$(touch ${home}/ran)`);
    await expect(stat(join(home, 'ran'))).rejects.toMatchObject({ code: 'ENOENT' });
    // What comes out of a variable is no template.
    expect(await urlOf({ context: 'whole' })).toBe(env.WHOLE);
  });

  test('a missing one is a mistake of configuration that names its path', async () => {
    await configure(
      'contexts:\n  a: {url: "redis://h", password: {env: NOT_SET}}\n  b: {url: "redis://h", password: {command: ["false"]}}\n  c: {url: "redis://${NOT_SET}"}\n  d: {url: "redis://h", password: {command: ["no-such-program-mq"]}}\n',
    );
    const message = async (context: string): Promise<unknown> =>
      urlOf({ context }).catch((error: Error) => error.message);
    expect(await message('a')).toBe('contexts.a.password: the variable NOT_SET is not set');
    expect(await message('b')).toBe('contexts.b.password: false ended with exit code 1');
    expect(await message('c')).toBe('contexts.c.url: the variable NOT_SET is not set');
    expect(await message('d')).toBe('contexts.d.password: no-such-program-mq could not be started: ENOENT');
  });

  test('a variable in the place of the host holds a host', async () => {
    env.WHERE = 'evil.example/?x=';
    await configure('contexts:\n  a: {url: "redis://u:p@${WHERE}"}\n');
    await expect(urlOf({ context: 'a' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  test('every secret is known to the redaction, in every form', async () => {
    env.PASSWORD = `s3cr&t/"with'quote and space`;
    await configure('contexts:\n  a: {url: "redis://h", password: {env: PASSWORD}}\n');
    const secrets = new Secrets(KNOWN.brokers);
    const url = await urlOf({ context: 'a' }, secrets);
    for (const text of [
      env.PASSWORD,
      url,
      encodeURIComponent(env.PASSWORD),
      JSON.stringify(env.PASSWORD),
      new URL(url).href,
    ]) {
      expect(secrets.redact(text)).not.toMatch(/s3cr/);
    }
    expect(secrets.redactValue({ a: [env.PASSWORD], n: 1 })).toEqual({ a: ['***'], n: 1 });
  });
});

describe('editing', () => {
  test('keeps comments, order and what it does not know how to write better', async () => {
    const before =
      '# my brokers\ncontexts:\n  # the one that matters\n  prod:\n    url: redis://a # not b\n\n# the end\n';
    await configure(before);
    await addContext(configFile(), 'dev', { url: 'redis://dev', readonly: true }, { known: KNOWN, replace: false });
    const text = await readFile(configFile(), 'utf8');
    for (const line of before.split('\n').filter((line) => line !== '')) expect(text).toContain(line);
    expect([...(await settings()).configuration.contexts.keys()]).toEqual(['prod', 'dev']);
    await expect(
      addContext(configFile(), 'dev', { url: 'redis://x' }, { known: KNOWN, replace: false }),
    ).rejects.toMatchObject({
      code: 'ALREADY_EXISTS',
    });
    await removeContext(configFile(), 'dev', KNOWN);
    expect(await readFile(configFile(), 'utf8')).toBe(before);
    await expect(removeContext(configFile(), 'dev', KNOWN)).rejects.toMatchObject({ code: 'CONTEXT_NOT_FOUND' });
  });

  test('makes the file for its owner alone, and follows a link instead of replacing it', async () => {
    await addContext(configFile(), 'dev', { url: 'redis://dev' }, { known: KNOWN, replace: false });
    expect((await stat(configFile())).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, '.config/mq'))).mode & 0o777).toBe(0o700);
    const linked = join(home, 'linked.yaml');
    await symlink(configFile(), linked);
    await addContext(linked, 'two', { url: 'redis://two' }, { known: KNOWN, replace: false });
    expect([...(await settings()).configuration.contexts.keys()]).toEqual(['dev', 'two']);
  });

  test('never writes over a file that it cannot read, and nothing that it would refuse', async () => {
    await configure('contexts: [\n');
    await expect(
      addContext(configFile(), 'a', { url: 'redis://a' }, { known: KNOWN, replace: false }),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    expect(await readFile(configFile(), 'utf8')).toBe('contexts: [\n');
    await configure('# only words\n');
    await expect(
      addContext(configFile(), 'a b', { url: 'redis://a' }, { known: KNOWN, replace: false }),
    ).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
    await addContext(configFile(), 'a', { url: 'redis://a' }, { known: KNOWN, replace: false });
    expect(await readFile(configFile(), 'utf8')).toContain('# only words');
  });
});

test('the current context and the previous one are remembered apart from the configuration', async () => {
  const { places } = await settings();
  expect(readCurrentContext(places)).toEqual({ current: null, previous: null });
  await writeCurrentContext(places, { current: 'a', previous: null });
  expect(readCurrentContext(places)).toEqual({ current: 'a', previous: null });
  expect((await stat(join(home, '.local/state/mq/context'))).mode & 0o777).toBe(0o600);
});
