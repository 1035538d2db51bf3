import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What is told of one connection. */
export interface Heard {
  /** The client has said this. It has not arrived yet. */
  said?(piece: Buffer): void;
  /** The server has answered. What is returned is called when the client hears the answer. */
  answered?(): () => void;
}

export interface DelayingRelay {
  /** The server's URL with the relay's address in it. */
  readonly url: string;
  /** Ends the connections that are open. */
  cut(): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Stands between clients and a server as a slow network does: each piece takes half of `roundTripMs` each way, and what
 * a new connection says first waits for the round trip of its opening. Pieces keep their order. It runs in the process
 * of the caller: while that is busy, everything takes longer.
 */
export async function delayingRelay(
  target: URL | string,
  roundTripMs: number,
  onConnection: () => Heard = () => ({}),
): Promise<DelayingRelay> {
  const { port, hostname } = new URL(target);
  const sockets = new Set<Socket>();
  const relay = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const server = connect({ port: Number(port), host: hostname.replace(/^\[|\]$/g, ''), allowHalfOpen: true });
    server.setNoDelay(true);
    const heard = onConnection();
    const openAt = performance.now() + roundTripMs;
    const there = new Way(roundTripMs / 2);
    const back = new Way(roundTripMs / 2);
    client.on('data', (piece) => {
      heard.said?.(piece);
      there.pass(() => server.write(piece), openAt);
    });
    server.on('data', (piece) => {
      const arrived = heard.answered?.();
      back.pass(() => {
        arrived?.();
        client.write(piece);
      });
    });
    client.on('end', () => there.pass(() => server.end(), openAt));
    server.on('end', () => back.pass(() => client.end()));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => sockets.delete(socket));
    }
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((relay.address() as AddressInfo).port);

  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }
  async function close(): Promise<void> {
    cut();
    if (!relay.listening) return;
    relay.close();
    await once(relay, 'close');
  }
  return { url: url.href, cut, close, [Symbol.asyncDispose]: close };
}

/** One direction of a connection: what comes in goes out later, in order. */
class Way {
  readonly #delayMs: number;
  readonly #waiting: (() => void)[] = [];

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  /** `from`: when it sets out, if that is not past; as `performance.now()` says it. */
  pass(deliver: () => void, from = 0): void {
    this.#waiting.push(deliver);
    const now = performance.now();
    // Timers of different lengths may fire in another order: each delivers the oldest.
    setTimeout(() => this.#waiting.shift()?.(), this.#delayMs + Math.max(0, from - now));
  }
}
