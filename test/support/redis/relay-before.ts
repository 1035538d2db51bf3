import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * Passes bytes to a server and its answers back. Before the `nth` piece with `marker` in it goes on, `act` is done:
 * what is asked from then on meets a server that has changed. For connections that ask one thing after the other.
 */
export async function relayBefore(
  target: string,
  { marker, nth }: { readonly marker: string; readonly nth: number },
  act: () => Promise<unknown>,
): Promise<AsyncDisposable & { readonly url: string }> {
  const url = new URL(target);
  const sockets = new Set<Socket>();
  let seen = 0;
  const relay = createServer((client) => {
    const server = connect(Number(url.port), url.hostname);
    let written: Promise<unknown> = Promise.resolve();
    client.on('data', (bytes) => {
      const isTheOne = bytes.includes(marker) && ++seen === nth;
      written = written.then(() => (isTheOne ? act() : undefined)).then(() => server.write(bytes));
    });
    server.on('data', (bytes) => client.write(bytes));
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        server.destroy();
        sockets.delete(socket);
      });
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const own = new URL(target);
  own.port = String((relay.address() as AddressInfo).port);
  return {
    url: own.href,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      relay.close();
      await once(relay, 'close');
    },
  };
}
