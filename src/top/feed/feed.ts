import type { WatchedBroker } from '../watched.ts';
import { Channel } from './channel.ts';
import { type PollOptions, pollBroker } from './poll-broker.ts';
import type { Snapshot } from './snapshot.ts';

/**
 * Snapshots of all brokers as they come; each is polled on its own, so that none waits for another. Ends when the
 * signal aborts.
 */
export async function* watch(brokers: readonly WatchedBroker[], options: PollOptions): AsyncGenerator<Snapshot> {
  const left = new AbortController();
  const signal = AbortSignal.any([options.signal, left.signal]);
  const channel = new Channel<Snapshot>();
  const pollers = brokers.map(async (watched) => {
    for await (const snapshot of pollBroker(watched, { ...options, signal })) channel.push(snapshot);
  });
  const all = Promise.all(pollers).finally(() => channel.close());
  // Told where it is awaited, below; until then it is nobody's business.
  all.catch(() => undefined);
  try {
    yield* channel;
  } finally {
    left.abort();
    await all;
  }
}
