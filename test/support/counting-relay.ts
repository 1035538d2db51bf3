import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * Passes bytes between clients and a server, and knows how many clients are connected. It runs in the process of the
 * test, so that a client hears nothing while the test stands still.
 */
export interface CountingRelay {
  /** The server's URL with the relay's address in it. */
  readonly url: string;
  open(): number;
  /** Ends all connections as a broken network does. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * `onAnswer` is called for each piece that came from the server. `port`: that of a relay before it, so that the address
 * stays; 0: any.
 */
export async function countingRelay(target: URL, onAnswer: () => void = () => {}, port = 0): Promise<CountingRelay> {
  const clients = new Set<Socket>();
  const cutting = new WeakSet<Socket>();
  const relay = createServer((client) => {
    clients.add(client);
    const server = connect(Number(target.port), target.hostname);
    client.pipe(server).pipe(client);
    server.on('data', onAnswer);
    for (const socket of [client, server]) socket.on('error', () => undefined);
    client.on('close', () => {
      clients.delete(client);
      // What a killed client had written before is on its way, and a network delivers it.
      if (cutting.has(client)) server.destroy();
      else server.end();
    });
    server.on('close', () => client.destroy());
  });
  relay.listen(port, '127.0.0.1');
  await once(relay, 'listening');
  const cut = (): void => {
    for (const client of clients) {
      cutting.add(client);
      client.destroy();
    }
  };
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((relay.address() as AddressInfo).port);
  return {
    url: url.href,
    open: () => clients.size,
    cut,
    close: async () => {
      cut();
      relay.close();
      await once(relay, 'close');
    },
  };
}
