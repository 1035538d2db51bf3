import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { startRedis } from '../../support/redis/server.ts';
import { redisProgram } from '../../support/servers.ts';

type Server = Awaited<ReturnType<typeof startRedis>>;

let server: Server;
let mq: CommandLine;
beforeAll(async () => {
  server = await startRedis(await redisProgram());
  mq = await CommandLine.open();
});
afterAll(async () => {
  await mq.close();
  await server.stop();
});

interface Finding {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
}

async function doctor(url: string): Promise<Readonly<Record<string, Finding>>> {
  const all = JSON.parse((await mq.run(['--url', url, 'doctor', '-o', 'json'])).stdout) as readonly Finding[];
  return Object.fromEntries(all.map((finding) => [finding.name, finding]));
}

async function file(name: string, text: string): Promise<string> {
  await writeFile(mq.path(name), text);
  return mq.path(name);
}

async function command(...call: readonly string[]): Promise<unknown> {
  const { Redis } = await import('ioredis');
  const client = new Redis(server.url);
  try {
    const [name = '', ...args] = call;
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

test('version, clock and rights are told, and nothing is written', async () => {
  const findings = await doctor(server.url);
  for (const name of ['connection', 'server', 'clock', 'memory', 'may look', 'may send', 'may take', 'may delete']) {
    expect(findings[name], name).toMatchObject({ status: 'ok' });
  }
  expect(await command('DBSIZE')).toBe(0);
});

test('a user who may only read is told which verbs are not for them', async () => {
  await command(
    'ACL',
    'SETUSER',
    'reader',
    'on',
    '>words',
    '~*',
    '+@read',
    '+@connection',
    '+info',
    '+time',
    '+scan',
    '+acl',
  );
  const url = new URL(server.url);
  url.username = 'reader';
  url.password = 'words';
  const findings = await doctor(url.href);
  expect(findings['may look']).toMatchObject({ status: 'ok' });
  for (const name of ['may send', 'may take', 'may delete'])
    expect(findings[name]).toMatchObject({ status: 'warning' });
});

test('what a user lacks is named by its commands, and that keys are limited is told apart', async () => {
  await command('ACL', 'SETUSER', 'sender', 'on', '>words', '~orders*', '+@all', '-xinfo', '-lrem');
  const url = new URL(server.url);
  url.username = 'sender';
  url.password = 'words';
  const findings = await doctor(url.href);
  expect(findings['may look'], JSON.stringify(findings)).toMatchObject({
    status: 'warning',
    detail: expect.stringMatching(/may not run XINFO STREAM, XINFO GROUPS, and may run TYPE, .* not on every key/),
  });
  expect(findings['may take']?.detail).toContain('may not run LREM, and may run');
  await command('ACL', 'SETUSER', 'sender', '-acl');
  const unasked = await doctor(url.href);
  expect(unasked['may delete']).toMatchObject({
    status: 'skipped',
    detail: 'unknown; needed for delete: EVAL, UNLINK',
  });
});

test('a replica that only reads says so, and a change there is refused with the way out', async () => {
  const replica = await startRedis(await redisProgram(), {
    settings: { replicaof: `127.0.0.1 ${server.port}` },
  });
  try {
    expect((await doctor(server.url)).role).toMatchObject({ status: 'ok', detail: 'master' });
    expect((await doctor(replica.url)).role).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('every verb that changes something is refused'),
      hint: expect.stringContaining('master'),
    });
    const ran = await mq.run(['--url', `${replica.url}?kind=list`, 'purge', 'q', '--yes']);
    expect(ran.stderr).toContain('read-only replica');
    expect(ran.stderr).toContain('connect to the master');
  } finally {
    await replica.stop();
  }
});

test('a wrong password is refused by the real server with exit 6, and is in no output at -vvv', async () => {
  await command('ACL', 'SETUSER', 'someone', 'on', '>right', '~*', '+@all');
  for (let round = 0; round < 10; round++) {
    const password = `Zq7${randomBytes(9).toString('base64')}'"&%9xJ`;
    const url = new URL(server.url);
    url.username = 'someone';
    url.password = encodeURIComponent(password);
    for (const verb of [['ls'], ['peek', 'q'], ['enqueue', 'q', 'x'], ['doctor']]) {
      const ran = await mq.run(['--url', url.href, '-vvv', ...verb]);
      expect(ran.code, ran.stderr).toBe(verb[0] === 'doctor' ? 1 : 6);
      expect(ran.stdout + ran.stderr).not.toMatch(/Zq7|9xJ/);
    }
  }
});

test('TLS is judged by the authority that the URL names', async () => {
  const secure = await startRedis(await redisProgram(), { tls: true });
  try {
    const authority = secure.certificates?.authority ?? '';
    const trusted = await doctor(`${secure.url}?ca=${encodeURIComponent(authority)}`);
    expect(trusted.TLS).toMatchObject({
      // A certificate of the tests is good for a day.
      status: 'warning',
      detail: expect.stringMatching(/ends in [01] days, trusted by the authority that the URL names$/),
    });
    expect(trusted.connection).toMatchObject({ status: 'ok' });
    expect((await doctor(secure.url)).TLS).toMatchObject({
      status: 'failed',
      detail: expect.stringMatching(/not trusted here: [A-Z_]+$/),
    });
    const another = await doctor(
      `${secure.url}?ca=${encodeURIComponent(await file('other.pem', rootCertificates[0] ?? ''))}`,
    );
    expect(another.TLS).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('not trusted by the authority that the URL names'),
    });
    expect((await doctor(`${secure.url}?ca=/nowhere/at-all.pem`)).TLS).toMatchObject({
      status: 'failed',
      detail: 'a certificate file that the URL names cannot be read',
    });
    expect(
      (await doctor(`${secure.url}?ca=${encodeURIComponent(await file('not.pem', 'no certificate'))}`)).TLS,
    ).toMatchObject({ status: 'failed' });
  } finally {
    await secure.stop();
  }
});
