import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Finished, runMq } from '../../support/mq.ts';
import { sqs } from '../../support/servers.ts';
import { createQueue, openAt, uniqueName } from '../../support/sqs/harness.ts';

const PASSWORD = 'hunter2-proxy';

/** Companies let nothing out but by a proxy: every other client of AWS takes it from these variables. */
describe('the proxy of the environment (emulator fauxqs behind it)', () => {
  let emulator: URL;
  let proxy: Server;
  let asked: string[];
  let name: string;
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
    proxy.on('connect', (from, socket) => {
      asked.push(from.url ?? '');
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  beforeEach(() => {
    asked = [];
  });
  afterAll(async () => {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
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

  it('this machine, and what NO_PROXY lists, is asked directly', async () => {
    const here = `sqs://us-east-1?endpoint=${emulator.origin}`;
    expect(await mq(here, { HTTP_PROXY: address() })).toMatchObject({ code: 0 });
    // There is no such host, so that nobody answers.
    expect((await mq(named, { HTTP_PROXY: address(), NO_PROXY: '.company.test' })).code).toBe(5);
    expect(asked).toEqual([]);
  });
});
