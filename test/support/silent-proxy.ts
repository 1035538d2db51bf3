import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** A piece is written, read and worked on in a turn each; libraries put off what they send by one or two more. */
const TURNS = 20;

/** Pieces of data that came from either side, over all connections: about one for each step of a protocol. */
export interface Passed {
  readonly client: number;
  readonly server: number;
}

/**
 * When to fall silent: the piece, or the byte, with this number from that side is the last one that is passed on. 0:
 * from the first on.
 */
export type Silence =
  | { readonly after: 'client' | 'server'; readonly pieces: number }
  | { readonly after: 'client' | 'server'; readonly bytes: number };

/**
 * Passes bytes between clients and a server until it falls silent, as a firewall does that drops what it does not like:
 * connections stay open, new ones are accepted, and nothing comes or goes any more in any of them. Nobody hears of an
 * end either.
 */
export interface SilentProxy {
  /** The server's URL with the proxy's address in it. */
  readonly url: string;
  readonly port: number;
  readonly passed: Passed;
  readonly isSilent: boolean;
  /** Since when, as `performance.now()` says it; null: it is not. */
  readonly silentAt: number | null;
  /**
   * Resolves when it is silent and a client of this process has taken in what it heard last: it has said something in
   * vain, or has had turns of the event loop enough to say it.
   */
  heard(): Promise<void>;
  /** Resolves when somebody has said something in vain. */
  spokenTo(): Promise<void>;
  /** Counts anew, ends the connections there are, and falls silent when told to; null: never, only counts. */
  begin(silence: Silence | null): void;
  /** Falls silent now. */
  silence(): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function silentProxy(target: URL | string, silence: Silence | null = null): Promise<SilentProxy> {
  const server = new URL(target);
  const sockets = new Set<Socket>();
  let plan = silence;
  let silentAt: number | null = null;
  let isSpokenTo = false;
  const waiting: (() => void)[] = [];
  const speaking: (() => void)[] = [];
  let pieces = { client: 0, server: 0 };
  let bytes = { client: 0, server: 0 };

  function isDue(): boolean {
    if (plan === null) return false;
    return 'pieces' in plan ? pieces[plan.after] >= plan.pieces : bytes[plan.after] >= plan.bytes;
  }

  function fallSilent(): void {
    silentAt ??= performance.now();
    for (const tell of waiting.splice(0)) tell();
  }

  function hearNothing(): void {
    isSpokenTo = true;
    for (const tell of speaking.splice(0)) tell();
  }

  function fallSilentIfDue(): void {
    if (isDue()) fallSilent();
  }

  /** What of the piece is still passed on. */
  function passing(from: 'client' | 'server', piece: Buffer): Buffer {
    if (silentAt !== null) {
      if (from === 'client') hearNothing();
      return piece.subarray(0, 0);
    }
    const room = plan !== null && 'bytes' in plan && plan.after === from ? plan.bytes - bytes[from] : piece.byteLength;
    const part = piece.subarray(0, Math.max(0, room));
    pieces[from] += 1;
    bytes[from] += part.byteLength;
    fallSilentIfDue();
    return part;
  }

  const proxy = createServer({ allowHalfOpen: true }, (client) => {
    sockets.add(client);
    client.on('error', () => {});
    client.on('close', () => sockets.delete(client));
    if (silentAt !== null) {
      client.on('data', hearNothing);
      return;
    }
    const upstream = connect(Number(server.port), server.hostname.replace(/^\[|\]$/g, ''));
    sockets.add(upstream);
    client.on('data', (piece: Buffer) => upstream.write(passing('client', piece)));
    upstream.on('data', (piece: Buffer) => client.write(passing('server', piece)));
    client.on('close', () => upstream.destroy());
    client.on('end', () => {
      if (silentAt === null) upstream.end();
    });
    upstream.on('error', () => {});
    upstream.on('close', () => {
      sockets.delete(upstream);
      // Once it is silent, nobody hears that the server hung up.
      if (silentAt === null) client.end();
    });
  });
  fallSilentIfDue();
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  const url = new URL(server);
  url.hostname = '127.0.0.1';
  url.port = String(port);

  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }
  async function close(): Promise<void> {
    cut();
    if (!proxy.listening) return;
    proxy.close();
    await once(proxy, 'close');
  }
  return {
    url: url.href,
    port,
    get passed() {
      return { ...pieces };
    },
    get isSilent() {
      return silentAt !== null;
    },
    get silentAt() {
      return silentAt;
    },
    begin(next) {
      cut();
      plan = next;
      pieces = { client: 0, server: 0 };
      bytes = { client: 0, server: 0 };
      silentAt = null;
      isSpokenTo = false;
      fallSilentIfDue();
    },
    silence: fallSilent,
    async heard() {
      if (silentAt === null) await new Promise<void>((resolve) => waiting.push(resolve));
      for (let turn = 0; turn < TURNS && !isSpokenTo; turn += 1) await nextTurn();
    },
    async spokenTo() {
      if (!isSpokenTo) await new Promise<void>((resolve) => speaking.push(resolve));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
