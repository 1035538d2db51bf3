import { requireCapability } from '../../contract/capabilities.ts';
import { EXIT } from '../exit-codes.ts';
import { DENY_POLICY, withDenyPolicy } from '../line/deny-policy.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import { defineVerb, words } from '../verb.ts';

interface ResumeFlags {
  readonly denyPolicy?: boolean;
}

export interface ResumeOptions {
  readonly queues: readonly string[];
  readonly denyPolicy: boolean;
}

export const resume = defineVerb<ResumeFlags, ResumeOptions>({
  effect: 'Changes the queue: consumers get messages again. No message is touched.',
  examples: ['mq resume orders', 'mq resume orders payments'],
  declare(command) {
    command.argument('<queue...>', 'the queues').option(...DENY_POLICY);
  },
  parse([queues], flags) {
    return { queues: words(queues), denyPolicy: flags.denyPolicy ?? false };
  },
  async run(options, session) {
    const format = session.format('table', 'json', 'ndjson', 'yaml');
    const target = session.target();
    await session.withBroker(
      async (broker) => {
        const queues = [];
        for (const name of options.queues) {
          const queue = await session.within('resume', (signal) => broker.queue(name, signal));
          requireCapability(queue.capabilities, 'pause', name);
          queues.push(queue);
        }
        const sequence = isDocumentFormat(format) ? await openSequence(session, format) : null;
        try {
          for (const queue of queues) {
            await session.within('resume', async (signal) => queue.resume?.({ signal }));
            await sequence?.item({ operation: 'resume', queue: queue.name, broker: broker.name });
            session.messages.summary(`resumed ${queue.name}`);
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
