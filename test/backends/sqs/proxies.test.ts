import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Finished, runMq } from '../../support/mq.ts';
import { sqs } from '../../support/servers.ts';
import { createQueue, openAt, uniqueName } from '../../support/sqs/harness.ts';
import { type Certificates, makeCertificates } from '../../support/tls.ts';

const PASSWORD = 'hunter2-proxy';

/** Companies let nothing out but by a proxy: every other client of AWS takes it from these variables. */
describe('the proxy of the environment (emulator fauxqs behind it)', () => {
  let emulator: URL;
  let proxy: Server;
  let asked: string[];
  let name: string;
  let folder: string;
  let certificates: Certificates;
  /** The emulator behind TLS: with the names that its certificate has, and the proxy behind TLS. */
  let secure: TlsServer;
  let secureProxy: TlsServer;
  beforeAll(async () => {
    emulator = new URL((await sqs()).fauxqs);
    const broker = await openAt(emulator.href);
    name = uniqueName('behind');
    await createQueue(broker, name);
    await broker.close();
    proxy = createServer((from, to) => {
      const target = new URL(from.url ?? '');
      asked.push(target.host);
      // Whatever it is called: there is one server behind this proxy.
      const { hostname, port } = emulator;
      const passed = request({ hostname, port, path: target.pathname, method: from.method, headers: from.headers });
      passed.on('response', (answer) => {
        to.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(to);
      });
      passed.on('error', () => to.destroy());
      from.pipe(passed);
    });
    proxy.on('connect', (from, socket, head) => {
      asked.push(from.url ?? '');
      if (from.url?.endsWith('.amazonaws.com:443') === true) {
        socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
        return;
      }
      const server = connect((secure.address() as AddressInfo).port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        server.write(head);
        server.pipe(socket).pipe(server);
      });
      server.on('error', () => socket.destroy());
      socket.on('error', () => server.destroy());
    });
    folder = await mkdtemp(join(tmpdir(), 'mq-proxy-'));
    certificates = await makeCertificates(folder, ['sqs.company.test']);
    const pem = { key: await readFile(certificates.key), cert: await readFile(certificates.certificate) };
    secure = createTlsServer(pem, (socket) => {
      const server = connect(Number(emulator.port), emulator.hostname);
      server.pipe(socket).pipe(server);
      server.on('error', () => socket.destroy());
      socket.on('error', () => server.destroy());
    });
    secureProxy = createTlsServer(pem, (socket) => proxy.emit('connection', socket));
    for (const server of [proxy, secure, secureProxy])
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  beforeEach(() => {
    asked = [];
  });
  afterAll(async () => {
    proxy.closeAllConnections();
    for (const server of [proxy, secure, secureProxy]) await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true, force: true });
  });

  function mq(url: string, variables: Readonly<Record<string, string>>): Promise<Finished> {
    return runMq(['--url', url, 'stats', name, '-o', 'json', '--timeout', '10s'], {
      env: {
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_EC2_METADATA_DISABLED: 'true',
        ...variables,
      },
    });
  }
  const address = () => `http://someone:${PASSWORD}@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const named = 'sqs://us-east-1?endpoint=http://sqs.company.test:9324';

  it.each(['HTTP_PROXY', 'http_proxy'])(
    '%s leads to an http:// endpoint that this machine cannot reach',
    async (variable) => {
      const { code, stdout, stderr } = await mq(named, { [variable]: address() });
      expect(code, stderr).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject([{ queue: name, ready: 0 }]);
      expect(new Set(asked)).toEqual(new Set(['sqs.company.test:9324']));
    },
  );

  it('HTTPS_PROXY is asked for AWS itself; what it refuses is told without its password', async () => {
    const { code, stdout, stderr } = await mq('sqs://eu-west-1', { HTTPS_PROXY: address() });
    expect([code, stdout], stderr).toEqual([5, '']);
    expect(asked[0]).toBe('sqs.eu-west-1.amazonaws.com:443');
    expect(stderr).not.toContain(PASSWORD);
  });

  const secureUrl = 'sqs://us-east-1?endpoint=https://sqs.company.test:9324';

  it.each(['http', 'https'])('an https:// endpoint behind an %s:// proxy is known by AWS_CA_BUNDLE', async (scheme) => {
    const port = ((scheme === 'http' ? proxy : secureProxy).address() as AddressInfo).port;
    const variables = { HTTPS_PROXY: `${scheme}://localhost:${port}`, AWS_CA_BUNDLE: certificates.authority };
    const { code, stdout, stderr } = await mq(secureUrl, variables);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([{ queue: name, ready: 0 }]);
    expect(new Set(asked)).toEqual(new Set(['sqs.company.test:9324']));
  });

  it('an https:// endpoint behind a proxy is refused with a certificate that is not trusted, or of another host', async () => {
    const unknown = await mq(secureUrl, { HTTPS_PROXY: address() });
    expect(unknown).toMatchObject({ code: 5, stderr: expect.stringContaining('is not trusted') });
    const other = secureUrl.replace('sqs.company', 'other.company');
    const bundle = { HTTPS_PROXY: address(), AWS_CA_BUNDLE: certificates.authority };
    expect(await mq(other, bundle)).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('for another host name'),
    });
  });

  it('this machine, and what NO_PROXY lists, is asked directly', async () => {
    const here = `sqs://us-east-1?endpoint=${emulator.origin}`;
    expect(await mq(here, { HTTP_PROXY: address() })).toMatchObject({ code: 0 });
    // There is no such host, so that nobody answers.
    expect((await mq(named, { HTTP_PROXY: address(), NO_PROXY: '.company.test' })).code).toBe(5);
    expect(asked).toEqual([]);
  });
});
