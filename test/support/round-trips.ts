import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** The time that a piece takes each way, in milliseconds: long enough that what is written together arrives together. */
const WAY_MS = 10;

/** What a client and its servers said to each other. */
export interface Spoken {
  /**
   * How often the client had to wait for an answer before it could go on: the longest chain over all connections, each
   * opening of a connection included.
   */
  readonly inARow: number;
  /** By the name of a server: for each connection, how often the client spoke after it had listened. */
  readonly turns: Readonly<Record<string, readonly number[]>>;
  /** By the name of a server: everything that clients wrote to it, as text. */
  readonly written: Readonly<Record<string, string>>;
}

/**
 * Stands between a client and some servers as a slow network does, and counts the round trips. An answer that had
 * arrived when the client spoke counts as the cause of what it said.
 */
export interface RoundTrips {
  /** The addresses of the relays, by the name of the server. */
  readonly urls: Readonly<Record<string, string>>;
  /** Runs `work` and tells what was said meanwhile on connections that it opened. */
  during(work: () => Promise<unknown>): Promise<Spoken>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

interface Counted {
  readonly server: string;
  readonly turns: { count: number };
}

export async function roundTrips(targets: Readonly<Record<string, URL | string>>): Promise<RoundTrips> {
  const sockets = new Set<Socket>();
  const relays: Server[] = [];
  let connections: Counted[] = [];
  let written: Record<string, string> = {};
  /** The longest chain that the client has heard the end of. */
  let heard = 0;

  const relayTo = async (name: string, target: URL): Promise<string> => {
    const relay = createServer((client) => {
      const server = connect(Number(target.port), target.hostname.replace(/^\[|\]$/g, ''));
      const turns = { count: 0 };
      connections.push({ server: name, turns });
      let chain = heard + 1;
      let isListening = true;
      const openedAt = performance.now();
      for (const socket of [client, server]) {
        sockets.add(socket);
        socket.setNoDelay(true);
        socket.on('error', () => undefined);
        socket.on('close', () => sockets.delete(socket));
      }
      client.on('data', (piece) => {
        if (isListening) turns.count += 1;
        isListening = false;
        chain = Math.max(chain, heard) + 1;
        written[name] = (written[name] ?? '') + piece.toString('latin1');
        // Until then, a client on a slow network waits for its connection.
        const opening = Math.max(0, openedAt + 2 * WAY_MS - performance.now());
        setTimeout(() => server.write(piece), WAY_MS + opening);
      });
      server.on('data', (piece) => {
        const length = chain;
        setTimeout(() => {
          isListening = true;
          heard = Math.max(heard, length);
          client.write(piece);
        }, WAY_MS);
      });
      client.on('close', () => setTimeout(() => server.end(), WAY_MS));
      server.on('close', () => setTimeout(() => client.end(), WAY_MS));
    });
    relay.listen(0, '127.0.0.1');
    await once(relay, 'listening');
    relays.push(relay);
    const url = new URL(target);
    url.hostname = '127.0.0.1';
    url.port = String((relay.address() as AddressInfo).port);
    return url.href;
  };

  const urls: Record<string, string> = {};
  for (const [name, target] of Object.entries(targets)) urls[name] = await relayTo(name, new URL(target));

  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await Promise.all(relays.map((relay) => new Promise((resolve) => relay.close(resolve))));
  };
  return {
    urls,
    async during(work) {
      // Connections that something before left open say nothing here.
      for (const socket of sockets) socket.destroy();
      await wait(4 * WAY_MS);
      connections = [];
      written = {};
      heard = 0;
      await work();
      const turns: Record<string, number[]> = {};
      for (const { server, turns: own } of connections) turns[server] = [...(turns[server] ?? []), own.count];
      return { inARow: heard, turns, written };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
