import { type Asked, ask } from '../../contract/ask.ts';
import { withBrokerFlags } from '../line/broker-flags.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import type { Session } from '../session/session.ts';

export interface DeliveryChange {
  readonly operation: 'pause' | 'resume';
  /** `paused`: the word for each queue in the output. */
  readonly done: string;
  readonly queues: readonly string[];
  /** The flags as they were given: some are for one broker alone. */
  readonly flags: object;
  readonly change: (queue: Asked<'pause'>, signal: AbortSignal) => Promise<void>;
}

/**
 * Stops or restarts the deliveries of each queue. All queues are looked up first, so that a mistyped name changes none
 * of them.
 */
export async function changeDeliveries(session: Session, what: DeliveryChange): Promise<void> {
  const { operation, done, change } = what;
  const format = session.format('table', 'json', 'ndjson', 'yaml');
  const target = session.target();
  await session.withBroker(
    async (broker) => {
      const queues: { readonly name: string; readonly asked: Asked<'pause'> }[] = [];
      for (const name of what.queues) {
        const queue = await session.within(operation, (signal) => broker.queue(name, signal));
        queues.push({ name: queue.name, asked: ask(queue, 'pause') });
      }
      const sequence = isDocumentFormat(format) ? await openSequence(session, format) : null;
      try {
        for (const { name, asked } of queues) {
          await session.within(operation, (signal) => change(asked, signal));
          await sequence?.item({ operation, queue: name, broker: broker.name });
          session.messages.summary(`${done} ${name}`);
        }
      } finally {
        await sequence?.end();
      }
    },
    withBrokerFlags(operation, target, what.flags),
  );
}
