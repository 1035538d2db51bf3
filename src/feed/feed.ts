import { Channel } from './channel.ts';
import { type PollOptions, pollBroker } from './poll-broker.ts';
import type { Snapshot } from './snapshot.ts';
import type { Source } from './source.ts';

/**
 * The snapshots of all brokers as they come. Each broker is polled on its own, so that none waits for another. Ends
 * when the signal aborts.
 */
export async function* watch(sources: readonly Source[], options: PollOptions): AsyncGenerator<Snapshot> {
  const left = new AbortController();
  const signal = AbortSignal.any([options.signal, left.signal]);
  const channel = new Channel<Snapshot>();
  const pollers = sources.map(async (source) => {
    for await (const snapshot of pollBroker(source, { ...options, signal })) channel.push(snapshot);
  });
  const all = Promise.all(pollers).finally(() => channel.close());
  // The error is thrown where `all` is awaited, below. Without this handler Node would report it before.
  all.catch(() => undefined);
  try {
    yield* channel;
  } finally {
    left.abort();
    await all;
  }
}
