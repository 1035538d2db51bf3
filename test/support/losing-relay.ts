import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface LosingRelay {
  /** The server's URL with the relay's address in it. */
  readonly url: string;
  /** Ends all connections as a broken network does. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * Passes bytes to a server and its answers back, but of a connection that has asked something with `pattern` in it no
 * answer from then on.
 */
export async function losingRelay(target: URL, pattern: RegExp): Promise<LosingRelay> {
  const sockets = new Set<Socket>();
  const relay = createServer((client) => {
    let isDeaf = false;
    const server = connect(Number(target.port), target.hostname);
    client.on('data', (bytes) => {
      isDeaf ||= pattern.test(bytes.toString('latin1'));
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (!isDeaf) client.write(bytes);
    });
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
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((relay.address() as AddressInfo).port);
  return {
    url: url.href,
    cut,
    close: async () => {
      cut();
      relay.close();
      await once(relay, 'close');
    },
  };
}
