import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import type { WatchedBroker } from '../watched.ts';

/**
 * Connections for what the operator asks for, apart from those that poll: an action must not be cut off because a poll failed. Each is made when
 * it is first needed, and made anew after it broke.
 */
export class Connections {
  readonly #watched: ReadonlyMap<string, WatchedBroker>;
  readonly #open = new Map<string, Promise<Broker>>();

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

  async to(context: string, signal: AbortSignal): Promise<Broker> {
    const open = this.#open.get(context) ?? this.watched(context).connect({ notice: () => {}, signal });
    this.#open.set(context, open);
    try {
      return await open;
    } catch (error) {
      this.#open.delete(context);
      throw error;
    }
  }

  /** After a failure that may be the connection's. */
  async forget(context: string): Promise<void> {
    const open = this.#open.get(context);
    this.#open.delete(context);
    await close(open);
  }

  async close(): Promise<void> {
    const all = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(all.map(close));
  }
}

async function close(open: Promise<Broker> | undefined): Promise<void> {
  // A connection that never came about was told where it was asked for; one that ends badly has ended.
  await open?.then((broker) => broker.close()).catch(() => undefined);
}
