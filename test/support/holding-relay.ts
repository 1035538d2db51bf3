import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface HoldingRelay {
  /** The server's URL with the relay's address in it. */
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Passes bytes between clients and a server. What one of them says waits until `hold` resolves, and so does what it
 * says after that: a test decides what comes first.
 */
export async function holdingRelay(
  target: URL | string,
  hold: (from: 'client' | 'server', piece: Buffer) => Promise<void> | void,
): Promise<HoldingRelay> {
  const { port, hostname } = new URL(target);
  const sockets = new Set<Socket>();
  const relay = createServer((client) => {
    const server = connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
    const pass = (from: 'client' | 'server', source: Socket, sink: Socket): void => {
      let before: Promise<unknown> = Promise.resolve();
      sockets.add(source);
      source.on('data', (piece: Buffer) => {
        const held = hold(from, piece);
        before = before.then(() => held).then(() => sink.write(piece));
      });
      source.on('error', () => undefined);
      source.on('close', () => {
        sockets.delete(source);
        before = before.then(() => sink.destroy());
      });
    };
    pass('client', client, server);
    pass('server', server, client);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((relay.address() as AddressInfo).port);
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      relay.close();
      await once(relay, 'close');
    },
  };
}
