import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { silentProxy } from './silent-proxy.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Answers each piece with the same. */
async function echo(): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}/0?x=1`;
}

it('passes bytes on and counts the pieces of either side', async () => {
  await using proxy = await silentProxy(await echo());
  expect(proxy.url).toMatch(/^redis:\/\/127\.0\.0\.1:\d+\/0\?x=1$/);
  const client = connect(proxy.port, '127.0.0.1');
  for (const word of ['one', 'two']) {
    client.write(word);
    expect(String((await once(client, 'data'))[0])).toBe(word);
  }
  expect(proxy.passed).toEqual({ client: 2, server: 2 });
  client.destroy();
});

it.each([
  { after: 'client', pieces: 1 },
  { after: 'server', bytes: 3 },
] as const)('falls silent without hanging up: $after', async (silence) => {
  await using proxy = await silentProxy(await echo(), silence);
  const client = connect(proxy.port, '127.0.0.1');
  let heard = '';
  let isOver = false;
  client.on('data', (piece) => {
    heard += piece;
  });
  client.on('close', () => {
    isOver = true;
  });
  client.write('first');
  await expect.poll(() => proxy.isSilent).toBe(true);
  await expect.poll(() => heard).toBe(silence.after === 'client' ? '' : 'fir');
  client.write('second');
  const late = connect(proxy.port, '127.0.0.1');
  await once(late, 'connect');
  expect(proxy.passed.client).toBe(1);
  expect(isOver).toBe(false);
  proxy.begin(null);
  await once(late, 'close');
  expect(isOver).toBe(true);
});
