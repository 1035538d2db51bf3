import { EXIT } from '../../core/exit-codes.ts';
import { addBrokerFlags } from '../line/broker-flags.ts';
import { changeDeliveries } from '../transfer/deliveries.ts';
import { defineVerb, words } from '../verb.ts';

interface PauseFlags {
  readonly reason?: string;
}

export interface PauseOptions {
  readonly queues: readonly string[];
  readonly reason: string | null;
  readonly flags: object;
}

export const pause = defineVerb<PauseFlags, PauseOptions>({
  effect: 'Changes the queue: consumers get nothing more until it is resumed. No message is touched.',
  examples: ['mq pause orders', "mq pause orders payments --reason 'deploy 42'"],
  declare(command) {
    command.argument('<queue...>', 'the queues').option('--reason <text>', 'kept with the queue where the broker can');
    addBrokerFlags(command);
  },
  parse([queues], flags) {
    return { queues: words(queues), reason: flags.reason ?? null, flags };
  },
  async run({ queues, reason, flags }, session) {
    await changeDeliveries(session, {
      operation: 'pause',
      done: 'paused',
      queues,
      flags,
      change: ({ pause: stop }, signal) => stop({ reason, signal }),
    });
    return EXIT.done;
  },
});
