import { planRedrive } from '../../core/redrive.ts';
import { addBrokerFlags, requireDemanded, withBrokerFlags } from '../line/broker-flags.ts';
import { wholeNumber } from '../line/globals.ts';
import { requireSomebodyToAsk } from '../session/asking.ts';
import { reportFormat, runPlan } from '../transfer/run-plan.ts';
import {
  addTransferOptions,
  type TransferFlags,
  type TransferOptions,
  transferFrom,
} from '../transfer/transfer-flags.ts';
import { defineVerb, word } from '../verb.ts';

interface RedriveFlags extends TransferFlags {
  readonly to?: string;
  readonly maxReplays?: number;
  readonly keepDeathHeaders?: boolean;
}

export interface RedriveOptions extends TransferOptions {
  readonly queue: string;
  /** Null: each goes back to the queue that lost it. */
  readonly to: string | null;
  readonly keepDeathHeaders: boolean;
  /** The flags as they were given: some are for one broker alone. */
  readonly flags: object;
}

export const redrive = defineVerb<RedriveFlags, RedriveOptions>({
  effect: 'Moves messages: each leaves only when its queue has it for certain. Asks unless --yes is given.',
  examples: [
    'mq redrive orders --dry-run',
    'mq redrive orders --filter \'dead.reason == "rejected"\' --max 500 --yes -o json',
  ],
  declare(command) {
    command
      .argument('<queue>', 'the queue that lost them, or the dead-letter queue itself')
      .optionsGroup('Where to:')
      .option('--to <queue>', 'to this queue, instead of where each came from');
    addTransferOptions(command);
    command.option(
      '--max-replays <n>',
      'mark each as redriven, and skip messages redriven this often already',
      wholeNumber(1),
    );
    addBrokerFlags(command);
    command.option('--keep-death-headers', "keep the broker's own marks of death on the messages");
  },
  async parse([queue], flags, session) {
    reportFormat(session);
    if (flags.dryRun !== true) requireSomebodyToAsk(session);
    return {
      ...(await transferFrom(flags, flags.maxReplays ?? null)),
      queue: word(queue),
      to: flags.to ?? null,
      keepDeathHeaders: flags.keepDeathHeaders ?? false,
      flags,
    };
  },
  run(options, session) {
    const target = withBrokerFlags('redrive', session.target(), options.flags);
    return session.withBroker(async (broker) => {
      const plan = await session.within('redrive', async (signal) => {
        const queue = await broker.queue(options.queue, signal);
        await requireDemanded('redrive', options.flags, queue, signal);
        const to = options.to === null ? null : await broker.queue(options.to, signal);
        const { max, ratePerSec, setHeaders, lossy, force, keepDeathHeaders } = options;
        const plan = await planRedrive({
          ...options.selection,
          ...{ broker, queue, to, max, ratePerSec, setHeaders, lossy, force, keepDeathHeaders, signal },
          notice: session.notice,
        });
        // A broker that moves them by itself opens none of these queues, so the guard is asked here.
        if (to === null) for (const origin of plan.to) session.guard?.require(origin, target.settings);
        return plan;
      });
      return runPlan(session, broker, plan, {
        dryRun: options.dryRun,
        asking: 'ask',
        selection: options.selection,
        max: options.max,
      });
    }, target);
  },
});
