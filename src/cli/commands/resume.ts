import { requireCapability } from '../../contract/capabilities.ts';
import { EXIT } from '../exit-codes.ts';
import { defineVerb, words } from '../verb.ts';

export interface ResumeOptions {
  readonly queues: readonly string[];
}

export const resume = defineVerb<object, ResumeOptions>({
  effect: 'Changes the queue: consumers get messages again. No message is touched.',
  examples: ['mq resume orders', 'mq resume orders payments'],
  declare(command) {
    command.argument('<queue...>', 'the queues');
  },
  parse([queues]) {
    return { queues: words(queues) };
  },
  async run(options, session) {
    await session.withBroker(async (broker) => {
      const queues = [];
      for (const name of options.queues) {
        const queue = await session.within('resume', (signal) => broker.queue(name, signal));
        requireCapability(queue.capabilities, 'pause', name);
        queues.push(queue);
      }
      for (const queue of queues) {
        await session.within('resume', async (signal) => queue.resume?.({ signal }));
        session.messages.summary(`resumed ${queue.name}`);
      }
    });
    return EXIT.done;
  },
});
