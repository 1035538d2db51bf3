import type { Broker } from '../../contract/broker.ts';
import { abortedError, MqError, throwIfAborted } from '../../contract/errors.ts';
import type { WatchedBroker } from '../watched.ts';

/**
 * Connections for the operator's requests, separate from those for polling: a failed poll must not cut off an action.
 * Each is opened at its first use, and opened again after it broke.
 */
export class Connections {
  readonly #watched: ReadonlyMap<string, WatchedBroker>;
  readonly #open = new Map<string, Promise<Broker>>();
  readonly #closed = new AbortController();

  constructor(watched: readonly WatchedBroker[]) {
    this.#watched = new Map(watched.map((one) => [one.context, one]));
  }

  has(context: string): boolean {
    return this.#watched.has(context);
  }

  watched(context: string): WatchedBroker {
    const watched = this.#watched.get(context);
    if (watched === undefined) throw new MqError('CONTEXT_NOT_FOUND', `${context} is not among what is watched`);
    return watched;
  }

  /** A caller that stops waiting leaves the connection to the others that wait for it. */
  async to(context: string, signal: AbortSignal): Promise<Broker> {
    return unlessAborted(this.#open.get(context) ?? this.#connect(context), signal);
  }

  #connect(context: string): Promise<Broker> {
    const open = this.watched(context).connect({ notice: () => {}, signal: this.#closed.signal });
    this.#open.set(context, open);
    open.catch(() => {
      if (this.#open.get(context) === open) this.#open.delete(context);
    });
    return open;
  }

  /** Called after a failure that may be the connection's. */
  async forget(context: string): Promise<void> {
    const open = this.#open.get(context);
    this.#open.delete(context);
    await close(open);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map(close));
  }
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  throwIfAborted(signal);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(abortedError(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

async function close(open: Promise<Broker> | undefined): Promise<void> {
  // The error of a connection that was never made was told where it was asked for. A connection that ends with an error
  // has ended all the same.
  await open?.then((broker) => broker.close()).catch(() => undefined);
}
