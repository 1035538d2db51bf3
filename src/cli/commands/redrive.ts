import { type Target, withParameter } from '../../config/target.ts';
import { MqError } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import { planRedrive } from '../../core/redrive.ts';
import { requireSomebodyToAsk } from '../change/confirm.ts';
import { wholeNumber } from '../line/globals.ts';
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
  readonly unwrap?: string | true;
}

export interface RedriveOptions extends TransferOptions {
  readonly queue: string;
  /** Null: each goes back to the queue that lost it. */
  readonly to: string | null;
  readonly keepDeathHeaders: boolean;
  /** The field of a job's data that holds the job that it wraps; null: messages are what they are. */
  readonly unwrap: string | null;
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
    command
      .option('--max-replays <n>', 'mark each as redriven, and skip what was redriven so often already', wholeNumber(1))
      .option(
        '--unwrap [field]',
        'BullMQ: QUEUE is a NAME-dlq whose jobs wrap the original in this field (originalJob); NAME gets the original back',
      )
      .option('--keep-death-headers', "keep the broker's own marks of death on the messages");
  },
  async parse([queue], flags, session) {
    reportFormat(session);
    if (flags.dryRun !== true) requireSomebodyToAsk(session);
    return {
      ...(await transferFrom(flags, flags.maxReplays ?? null)),
      queue: word(queue),
      to: flags.to ?? null,
      keepDeathHeaders: flags.keepDeathHeaders ?? false,
      unwrap: flags.unwrap === true ? WRAPPED_IN : (flags.unwrap ?? null),
    };
  },
  run(options, session) {
    const target = options.unwrap === null ? session.target() : unwrapping(session.target(), options.unwrap);
    return session.withBroker(async (broker) => {
      const plan = await session.within('redrive', async (signal) => {
        const queue = await broker.queue(options.queue, signal);
        if (options.unwrap !== null) await requireWrapped(queue, signal);
        const to = options.to === null ? null : await broker.queue(options.to, signal);
        const { max, ratePerSec, setHeaders, lossy, force, keepDeathHeaders } = options;
        const plan = await planRedrive({
          ...options.selection,
          ...{ broker, queue, to, max, ratePerSec, setHeaders, lossy, force, keepDeathHeaders, signal },
          notice: session.notice,
        });
        // A broker that moves them by itself opens none of these queues, so that nobody else would ask.
        if (to === null) for (const origin of plan.to) session.guard?.require(origin, target);
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

/** The field in which most applications that use the pattern put the job that failed. */
const WRAPPED_IN = 'originalJob';

function unwrapping(target: Target, field: string): Target {
  return withParameter(target, {
    flag: '--unwrap',
    parameter: 'unwrap',
    value: field,
    schemes: ['redis', 'rediss'],
    purpose: 'BullMQ queues whose jobs wrap failed ones; this broker has none',
  });
}

/** A queue that wraps nothing would be redriven as it is, which is not what was asked. */
async function requireWrapped(queue: Queue, signal: AbortSignal): Promise<void> {
  const links = queue.kind === 'bullmq' ? await queue.deadLetters?.(signal) : undefined;
  if (links?.keptIn.place === 'nowhere' && links.sources?.length !== 0) return;
  throw new MqError('NOT_SUPPORTED', `${queue.name} is not a BullMQ queue that collects wrapped jobs`, {
    hint: 'name the NAME-dlq queue itself; ?dlq=PATTERN in the URL says how such queues are named if not NAME-dlq',
    operation: 'redrive',
    queue: queue.name,
  });
}
