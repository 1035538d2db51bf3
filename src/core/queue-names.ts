import type { Broker } from '../contract/broker.ts';
import { queuePattern } from './name-pattern.ts';

/** The names of all queues, as cheaply as the broker allows. An interrupted call may have given some of them. */
export async function* namesOfQueues(broker: Broker, signal: AbortSignal): AsyncGenerator<string> {
  if (broker.names !== undefined) {
    yield* await broker.names(signal);
    return;
  }
  for await (const { queue } of broker.queues(queuePattern([]), { notice: () => {}, signal })) yield queue;
}
