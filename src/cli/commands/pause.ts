import { requireCapability } from '../../contract/capabilities.ts';
import { EXIT } from '../exit-codes.ts';
import { DENY_POLICY, withDenyPolicy } from '../line/deny-policy.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import { defineVerb, words } from '../verb.ts';

interface PauseFlags {
  readonly reason?: string;
  readonly denyPolicy?: boolean;
}

export interface PauseOptions {
  readonly queues: readonly string[];
  readonly reason: string | null;
  readonly denyPolicy: boolean;
}

export const pause = defineVerb<PauseFlags, PauseOptions>({
  effect: 'Changes the queue: consumers get nothing more until it is resumed. No message is touched.',
  examples: ['mq pause orders', "mq pause orders payments --reason 'deploy 42'"],
  declare(command) {
    command
      .argument('<queue...>', 'the queues')
      .option('--reason <text>', 'kept with the queue where the broker can')
      .option(...DENY_POLICY);
  },
  parse([queues], flags) {
    return { queues: words(queues), reason: flags.reason ?? null, denyPolicy: flags.denyPolicy ?? false };
  },
  async run(options, session) {
    const format = session.format('table', 'json', 'ndjson', 'yaml');
    const target = session.target();
    await session.withBroker(
      async (broker) => {
        // All are looked up first, so that a mistyped name pauses none of them.
        const queues = [];
        for (const name of options.queues) {
          const queue = await session.within('pause', (signal) => broker.queue(name, signal));
          requireCapability(queue.capabilities, 'pause', name);
          queues.push(queue);
        }
        const sequence = isDocumentFormat(format) ? await openSequence(session, format) : null;
        try {
          for (const queue of queues) {
            await session.within('pause', async (signal) => queue.pause?.({ reason: options.reason, signal }));
            await sequence?.item({ operation: 'pause', queue: queue.name, broker: broker.name });
            session.messages.summary(`paused ${queue.name}`);
          }
        } finally {
          await sequence?.end();
        }
      },
      options.denyPolicy ? withDenyPolicy(target) : target,
    );
    return EXIT.done;
  },
});
