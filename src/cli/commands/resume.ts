import { changeDeliveries } from '../change/deliveries.ts';
import { EXIT } from '../exit-codes.ts';
import { DENY_POLICY } from '../line/deny-policy.ts';
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
  async run({ queues, denyPolicy }, session) {
    await changeDeliveries(session, {
      operation: 'resume',
      done: 'resumed',
      queues,
      denyPolicy,
      change: (queue, signal) => queue.resume?.({ signal }),
    });
    return EXIT.done;
  },
});
