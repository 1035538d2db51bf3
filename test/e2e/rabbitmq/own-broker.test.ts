import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../support/free-port.ts';
import { runMq, startMq } from '../../support/mq.ts';
import { NO_HOST } from '../../support/no-host.ts';
import { type RabbitmqServer, startRabbitmq } from '../../support/rabbitmq/server.ts';
import { rabbitmqProgram } from '../../support/servers.ts';
import { type Certificates, makeCertificates } from '../../support/tls.ts';

/** What the shared broker cannot be set to: TLS, a small largest message, and one that is always short of memory. */
const MAX_MESSAGE = 100_000;

let folder: string;
let files: Certificates;
let broker: RabbitmqServer;
let tlsPort: number;
let management: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mq-test-tls-'));
  files = await makeCertificates(folder);
  tlsPort = await freePort();
  broker = await startRabbitmq(await rabbitmqProgram(), {
    configuration: [
      `listeners.ssl.1 = 127.0.0.1:${tlsPort}`,
      `ssl_options.cacertfile = ${files.authority}`,
      `ssl_options.certfile = ${files.certificate}`,
      `ssl_options.keyfile = ${files.key}`,
      'ssl_options.verify = verify_none',
      `max_message_size = ${MAX_MESSAGE}`,
    ],
  });
  management = `management=${encodeURIComponent(new URL(broker.managementUrl).origin)}`;
  expect(await runMq(['--url', `${broker.url}?${management}`, 'create', 'jobs'])).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await broker.stop();
  await rm(folder, { recursive: true });
});

const stats = (url: string) => runMq(['--url', url, 'stats', 'jobs', '-o', 'json']);

describe('TLS', () => {
  const secure = (host: string, rest: string) => `amqps://guest:guest@${host}:${tlsPort}?${management}${rest}`;

  test('with the authority that signed the certificate it connects, by address and by name', async () => {
    for (const host of ['127.0.0.1', 'localhost']) {
      const { code, stdout, stderr } = await stats(secure(host, `&cacertfile=${encodeURIComponent(files.authority)}`));
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(JSON.parse(stdout)).toMatchObject([{ queue: 'jobs', ready: 0 }]);
    }
  });

  test('without it, it refuses and says what to give', async () => {
    const { code, stderr } = await stats(secure('127.0.0.1', ''));
    expect(code).toBe(5);
    expect(stderr).toContain('not signed by an authority');
    expect(stderr).toContain('cacertfile');
  });

  test('doctor judges it by the same authority, and calls verify_none what it is', async () => {
    const tls = async (rest: string): Promise<unknown> => {
      const { stdout } = await runMq(['--url', secure('127.0.0.1', rest), 'doctor', '-o', 'json']);
      return JSON.parse(stdout).find(({ name }: { readonly name: string }) => name === 'TLS');
    };
    const own = `&cacertfile=${encodeURIComponent(files.authority)}`;
    expect(await tls(own)).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('trusted by the authority'),
    });
    expect(await tls('')).toMatchObject({ status: 'failed', hint: expect.stringContaining('cacertfile') });
    expect(await tls('&verify=verify_none')).toMatchObject({
      status: 'warning',
      detail: expect.stringContaining('pose'),
    });
    expect(await tls(`${own}&server_name_indication=elsewhere.example`)).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID'),
    });
  });

  test('only verify=verify_none trusts anybody', async () => {
    expect(await stats(secure('127.0.0.1', '&verify=verify_none'))).toMatchObject({ code: 0 });
  });

  test('a certificate for another name is refused', async () => {
    const trust = `&cacertfile=${encodeURIComponent(files.authority)}&server_name_indication=elsewhere.example`;
    const { code, stderr } = await stats(secure('127.0.0.1', trust));
    expect(code).toBe(5);
    expect(stderr).toContain('another host name');
  });

  test('a plain client on the port for TLS, and the reverse: told which scheme to use', async () => {
    const plain = await stats(`amqp://guest:guest@127.0.0.1:${tlsPort}?${management}`);
    expect(plain.code).toBe(5);
    expect(plain.stderr).toContain('amqps://');
    const reverse = await stats(`${broker.url.replace('amqp:', 'amqps:')}?${management}`);
    expect(reverse.code).toBe(5);
    expect(reverse.stderr).toContain('amqp://');
  });
});

describe('refusals', () => {
  const SECRET = 's3cr3t-Passw0rd';
  const at = (change: (url: URL) => void) => {
    const url = new URL(`${broker.url}?${management}`);
    url.password = SECRET;
    change(url);
    return url.href;
  };
  test.each<[string, number, () => string]>([
    ['wrong password', 6, () => at(() => undefined)],
    ['unknown user', 6, () => at((url) => (url.username = 'nobody'))],
    ['nothing listens', 5, () => at((url) => (url.port = '1'))],
    ['unknown host', 5, () => at((url) => (url.hostname = NO_HOST))],
    ['unknown vhost', 2, () => `${broker.url}/no-such-vhost?${management}`],
    ['unknown parameter', 2, () => at((url) => url.searchParams.set('tls', SECRET))],
  ])('%s: its exit code, and no password', async (_name, expected, url) => {
    const { code, stdout, stderr } = await stats(url());
    expect({ code, stderr }).toMatchObject({ code: expected });
    expect(stdout + stderr).not.toContain(SECRET);
    expect(stderr).not.toBe('');
  });

  test('a mistyped queue gets the nearest name', async () => {
    const url = `${broker.url}?${management}`;
    const { code, stderr } = await runMq(['--url', url, 'peek', 'job']);
    expect(code).toBe(4);
    expect(stderr).toContain('hint: did you mean jobs?');
    const far = await runMq(['--url', url, 'peek', 'something-else']);
    expect(far.code).toBe(4);
    expect(far.stderr).toContain("hint: 'mq ls' lists the queues that are there");
  });

  test.each(['ls', 'stats'])('%s of an unknown vhost is no empty list', async (verb) => {
    const args = ['--url', `${broker.url}/no-such-vhost?${management}`, verb];
    const { code, stdout, stderr } = await runMq(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('refused the vhost "no-such-vhost"');
    expect(await runMq([...args, '-o', 'json'])).toMatchObject({ code: 2, stdout: '' });
  });

  test.each([
    [404, ''],
    [404, '<html>not here</html>'],
    [200, '{}'],
    [200, 'null'],
    [200, 'ok'],
  ])(
    'another server in the place of the management API, which answers %s %j, is not believed',
    async (status, body) => {
      const server = createServer((_request, response) => response.writeHead(status).end(body));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = server.address() as AddressInfo;
        const url = `${broker.url}?management=${encodeURIComponent(`http://127.0.0.1:${port}`)}`;
        const listed = await runMq(['--url', url, 'ls', '-o', 'json']);
        expect({ code: listed.code, stdout: listed.stdout }).toEqual({ code: 5, stdout: '' });
        expect(listed.stderr).toContain(`http://127.0.0.1:${port} is not a RabbitMQ management API`);
        // What AMQP knows is still told.
        const { code, stdout } = await stats(url);
        expect(code).toBe(0);
        expect(JSON.parse(stdout)).toMatchObject([{ queue: 'jobs', ready: 0, inFlight: null }]);
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    },
  );
});

test('a body larger than the broker takes is not sent, and the others around it are', async () => {
  const url = ['--url', `${broker.url}?${management}`];
  const sizes = [10, MAX_MESSAGE, MAX_MESSAGE + 1, 20, 90_000, MAX_MESSAGE * 20, 30];
  const input = sizes.map((size) => 'x'.repeat(size)).join('\n');
  const { code, stderr } = await runMq([...url, 'enqueue', 'jobs', '--lines'], { input });
  expect({ code, stderr }).toMatchObject({ code: 3 });
  expect(stderr).toMatch(/message 3 was not sent/);
  expect(stderr).toMatch(/message 6 was not sent/);
  expect(stderr).toContain('5 sent, 2 not sent');
  const drained = await runMq([...url, 'drain', 'jobs', '-o', 'body']);
  expect(
    drained.stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.length),
  ).toEqual(sizes.filter((size) => size <= MAX_MESSAGE));
});

test('a broker short of memory: the operator is told that it waits, and how long; nothing is sent behind their back', async () => {
  const short = await startRabbitmq(await rabbitmqProgram());
  const memory = (share: string) => short.evaluate(`vm_memory_monitor:set_vm_memory_high_watermark(${share}).`);
  try {
    const url = ['--url', `${short.url}?management=${encodeURIComponent(new URL(short.managementUrl).origin)}`];
    for (const queue of ['jobs', 'others', 'more']) {
      expect(await runMq([...url, 'create', queue])).toMatchObject({ code: 0 });
    }
    expect(await runMq([...url, 'enqueue', 'others', 'a', 'b', 'c'])).toMatchObject({ code: 0 });
    await memory('0.00001');
    const waiting = async (...args: readonly string[]) => {
      const mq = startMq([...url, ...args]);
      const told = new Promise<void>((resolve) => {
        let said = '';
        mq.process.stderr?.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes('waiting: the broker has blocked publishing (low on memory)')) resolve();
        });
      });
      await Promise.race([told, mq.finished.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
      return mq;
    };
    for (const args of [
      ['enqueue', 'jobs', 'never'],
      ['move', 'others', 'more', '--yes'],
      ['move', 'others', 'more', '--yes', '--filter', 'body == "b"'],
      ['copy', 'others', 'more', '--yes'],
    ]) {
      const ran = await runMq([...url, ...args, '--timeout', '1s']);
      expect(ran, args.join(' ')).toMatchObject({ code: 5 });
      expect(ran.stderr).toMatch(/the broker blocks publishers: low on memory/);
      expect(ran.stderr).not.toMatch(/uncertain|may be/);
    }
    const interrupted = await waiting('move', 'others', 'more', '--yes');
    const interruptedAt = performance.now();
    interrupted.process.kill('SIGINT');
    const ended = await interrupted.finished;
    expect(ended, ended.stderr).toMatchObject({ code: 130 });
    expect(ended.stderr).toMatch(/moved 0 of 3 messages .*3 failed/);
    expect(performance.now() - interruptedAt).toBeLessThan(2_000);
    // Without a time-out that somebody has set, it goes on when there is room again.
    const patient = await waiting('enqueue', 'jobs', 'hello');
    await memory('0.4');
    expect(await patient.finished).toMatchObject({ code: 0 });
    const bodies = async (queue: string) =>
      (await runMq([...url, 'peek', queue, '-o', 'body'])).stdout.trimEnd().split('\n');
    // What the broker had of those that were given up, it reads now.
    expect(await bodies('jobs')).toEqual(['hello']);
    expect(await bodies('others')).toEqual(['a', 'b', 'c']);
    expect(await bodies('more')).toEqual(['']);
    await memory('0.00001');
    const last = await waiting('enqueue', 'jobs', 'lost');
    await short.kill();
    const { code, stdout, stderr } = await last.finished;
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(stderr).toContain('message 1 was not sent');
  } finally {
    await short.stop();
  }
}, 120_000);
