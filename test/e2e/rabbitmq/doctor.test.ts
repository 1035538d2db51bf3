import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandLine } from '../../support/command-line.ts';
import { freePort } from '../../support/free-port.ts';
import { type RabbitmqVhost, rabbitmqVhost } from '../../support/rabbitmq/vhost.ts';

let vhost: RabbitmqVhost;
let mq: CommandLine;
beforeAll(async () => {
  vhost = await rabbitmqVhost();
  mq = await CommandLine.open();
});
afterAll(async () => {
  await mq.close();
  await vhost.remove();
});

interface Finding {
  readonly name: string;
  readonly status: string;
  readonly detail: string;
}

const urlFor = (user: string, password: string): string => {
  const url = new URL(vhost.url);
  url.username = user;
  url.password = encodeURIComponent(password);
  return `${url.href}?management=${encodeURIComponent(new URL(vhost.managementUrl).origin)}`;
};

async function doctor(
  url: string,
): Promise<{ readonly code: number; readonly findings: Readonly<Record<string, Finding>> }> {
  const { code, stdout } = await mq.run(['--url', url, 'doctor', '-o', 'json']);
  const all = JSON.parse(stdout) as readonly Finding[];
  return { code, findings: Object.fromEntries(all.map((finding) => [finding.name, finding])) };
}

test('an administrator sees the rights for each verb, and queues stay as they are', async () => {
  const before = await vhost.request('GET', `/api/queues/${vhost.encodedName}`);
  const { username, password } = new URL(vhost.url);
  const { code, findings } = await doctor(urlFor(decodeURIComponent(username), decodeURIComponent(password)));
  expect(code).toBe(0);
  for (const name of [
    'connection',
    'AMQP',
    'management API',
    'may send',
    'may take',
    'may create and delete',
    'alarms',
    'clock',
  ]) {
    expect(findings[name], name).toMatchObject({ status: 'ok' });
  }
  expect(findings['management API']?.detail).toContain(vhost.version);
  expect(await vhost.request('GET', `/api/queues/${vhost.encodedName}`)).toEqual(before);
});

test('a user without rights and without the tag is told so', async () => {
  const user = `mq-doctor-${randomBytes(4).toString('hex')}`;
  const password = randomBytes(8).toString('hex');
  await vhost.request('PUT', `/api/users/${user}`, { password, tags: '' });
  await vhost.request('PUT', `/api/permissions/${vhost.encodedName}/${user}`, {
    configure: '^$',
    write: '^$',
    read: '.*',
  });
  try {
    const { findings } = await doctor(urlFor(user, password));
    expect(findings.AMQP).toMatchObject({ status: 'ok' });
    expect(findings['management API']).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('refused this user'),
    });
    // The refusal carries a date too.
    expect(findings.clock).toMatchObject({ status: 'ok' });
  } finally {
    await vhost.request('DELETE', `/api/users/${user}`);
  }
});

test('a wrong password is refused by the real broker with exit 6, and is in no output at -vvv', async () => {
  const user = decodeURIComponent(new URL(vhost.url).username);
  for (let round = 0; round < 10; round++) {
    const password = `Zq7${randomBytes(9).toString('base64')}'"&%9xJ`;
    for (const verb of [['ls'], ['peek', 'q'], ['enqueue', 'q', 'x'], ['doctor']]) {
      const ran = await mq.run(['--url', urlFor(user, password), '-vvv', ...verb]);
      expect(ran.code).toBe(verb[0] === 'doctor' ? 1 : 6);
      expect(ran.stdout + ran.stderr).not.toMatch(/Zq7|9xJ/);
    }
  }
});

test('the clock: from the Date of the management API, and unknown with the reason where that is away', async () => {
  let date: string | null = null;
  const fake = createServer((_request, response) => {
    response.sendDate = false;
    if (date !== null) response.setHeader('date', date);
    response.end('{"rabbitmq_version":"0"}');
  });
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve));
  const { port } = fake.address() as AddressInfo;
  const clockBehind = async (management: string): Promise<Finding | undefined> =>
    (await doctor(`${vhost.url}?management=${encodeURIComponent(management)}`)).findings.clock;
  try {
    date = new Date(Date.now() - 3_600_000).toUTCString();
    expect(await clockBehind(`http://127.0.0.1:${port}`)).toMatchObject({
      status: 'warning',
      detail: expect.stringMatching(/^3(59|60)\d{4} ms behind this machine, give or take \d+ ms$/),
    });
    date = null;
    const unknown = { status: 'skipped', detail: expect.stringContaining('unknown: AMQP tells no time') };
    expect(await clockBehind(`http://127.0.0.1:${port}`)).toMatchObject(unknown);
    expect(await clockBehind(`http://127.0.0.1:${await freePort()}`)).toMatchObject(unknown);
  } finally {
    fake.closeAllConnections();
    await new Promise((resolve) => fake.close(resolve));
  }
});
