import { changeDeliveries } from '../change/deliveries.ts';
import { EXIT } from '../exit-codes.ts';
import { DENY_POLICY } from '../line/deny-policy.ts';
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
  async run({ queues, reason, denyPolicy }, session) {
    await changeDeliveries(session, {
      operation: 'pause',
      done: 'paused',
      queues,
      denyPolicy,
      change: (queue, signal) => queue.pause?.({ reason, signal }),
    });
    return EXIT.done;
  },
});
