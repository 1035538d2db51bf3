import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { after, open, signal } from '../../support/redis/lab.ts';

/** Answers PING twice, and everything else once with an error. */
async function chatty(unasked: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      for (const call of bytes
        .toString()
        .toLowerCase()
        .split(/(?=\*\d+\r\n\$)/)) {
        if (call.includes('ping')) socket.write('+PONG\r\n');
        else if (call.includes('type')) socket.write(`+none\r\n${unasked}`);
        else socket.write("-ERR unknown command 'x'\r\n");
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(async () => server.close());
  return `redis://127.0.0.1:${(server.address() as AddressInfo).port}/0`;
}

it.each(['+OK\r\n', '$-1\r\n', ':1\r\n', '*2\r\n$1\r\na\r\n$-1\r\n', '-ERR nobody asked\r\n'])(
  'an answer that nobody asked for is told as one: %j',
  async (unasked) => {
    const broker = await open('?kind=stream', await chatty(unasked));
    const wrong = { code: 'UNEXPECTED_RESPONSE' };
    // The first answer may have been taken already when the other one comes.
    await broker.queue('q', signal).catch(() => {});
    await expect(broker.queue('q', signal)).rejects.toMatchObject(wrong);
  },
);
