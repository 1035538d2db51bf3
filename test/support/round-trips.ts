import { setTimeout as wait } from 'node:timers/promises';
import { type DelayingRelay, delayingRelay, type Heard } from './delaying-relay.ts';

/** Long enough that what is written together arrives together. */
const ROUND_TRIP_MS = 20;

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

export async function roundTrips(targets: Readonly<Record<string, URL | string>>): Promise<RoundTrips> {
  const relays: Record<string, DelayingRelay> = {};
  let connections: { readonly server: string; turns: number }[] = [];
  let written: Record<string, string> = {};
  /** The longest chain that the client has heard the end of. */
  let heard = 0;

  const counting = (server: string) => (): Heard => {
    const connection = { server, turns: 0 };
    connections.push(connection);
    let chain = heard + 1;
    let isListening = true;
    return {
      said(piece) {
        if (isListening) connection.turns += 1;
        isListening = false;
        chain = Math.max(chain, heard) + 1;
        written[server] = (written[server] ?? '') + piece.toString('latin1');
      },
      answered() {
        const length = chain;
        return () => {
          isListening = true;
          heard = Math.max(heard, length);
        };
      },
    };
  };
  for (const [name, target] of Object.entries(targets))
    relays[name] = await delayingRelay(target, ROUND_TRIP_MS, counting(name));

  const close = async (): Promise<void> => {
    await Promise.all(Object.values(relays).map((relay) => relay.close()));
  };
  return {
    urls: Object.fromEntries(Object.entries(relays).map(([name, relay]) => [name, relay.url])),
    async during(work) {
      // Connections that something before left open say nothing here.
      for (const relay of Object.values(relays)) relay.cut();
      await wait(2 * ROUND_TRIP_MS);
      connections = [];
      written = {};
      heard = 0;
      await work();
      const turns: Record<string, number[]> = {};
      for (const { server, turns: own } of connections) turns[server] = [...(turns[server] ?? []), own];
      return { inARow: heard, turns, written };
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
