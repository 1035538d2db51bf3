import { EXIT } from '../../core/exit-codes.ts';
import { addBrokerFlags } from '../line/broker-flags.ts';
import { changeDeliveries } from '../transfer/deliveries.ts';
import { defineVerb, words } from '../verb.ts';

export interface ResumeOptions {
  readonly queues: readonly string[];
  readonly flags: object;
}

export const resume = defineVerb<object, ResumeOptions>({
  effect: 'Changes the queue: consumers get messages again. No message is touched.',
  examples: ['mq resume orders', 'mq resume orders payments'],
  declare(command) {
    command.argument('<queue...>', 'the queues');
    addBrokerFlags(command);
  },
  parse([queues], flags) {
    return { queues: words(queues), flags };
  },
  async run({ queues, flags }, session) {
    await changeDeliveries(session, {
      operation: 'resume',
      done: 'resumed',
      queues,
      flags,
      change: ({ resume: start }, signal) => start({ signal }),
    });
    return EXIT.done;
  },
});
