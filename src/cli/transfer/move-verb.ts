import type { Broker } from '../../contract/broker.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { Queue } from '../../contract/queue.ts';
import { linkedDeadLetters } from '../../core/dead-letters.ts';
import { type MoveRequest, planMove } from '../../core/move.ts';
import { requireSomebodyToAsk } from '../session/asking.ts';
import { defineVerb, type PreparedVerb, type Verb, word } from '../verb.ts';
import { reportFormat, runPlan } from './run-plan.ts';
import { addTransferOptions, type TransferFlags, type TransferOptions, transferFrom } from './transfer-flags.ts';

export interface MoveFlags extends TransferFlags {
  readonly toUrl?: string;
  readonly dead?: boolean;
}

export interface MoveOptions extends TransferOptions {
  readonly from: string;
  readonly to: string;
  /** The broker of `to`; null: the same broker. */
  readonly toUrl: string | null;
  readonly dead: boolean;
}

/** `move` and `copy` differ in one thing: whether messages leave. */
export function moveVerb(
  operation: 'move' | 'copy',
  texts: Pick<Verb<MoveFlags, MoveOptions>, 'effect' | 'examples'>,
): Verb<MoveFlags, MoveOptions> & PreparedVerb {
  return defineVerb<MoveFlags, MoveOptions>({
    ...texts,
    declare(command) {
      command
        .argument('<from>', 'the queue that has them')
        .argument('<to>', 'the queue that gets them')
        .optionsGroup('Where to:')
        .option('--to-url <url>', 'the broker of TO, when it is another one');
      addTransferOptions(command);
      command.optionsGroup('Which messages:').option('--dead', 'the dead letters of FROM');
    },
    async parse([from, to], flags, session) {
      reportFormat(session);
      if (word(from) === word(to) && flags.toUrl === undefined && flags.dead !== true) {
        throw new MqError('USAGE', 'FROM and TO are the same queue');
      }
      if (operation === 'move' && flags.dryRun !== true) requireSomebodyToAsk(session);
      return {
        ...(await transferFrom(flags, null)),
        from: word(from),
        to: word(to),
        toUrl: flags.toUrl ?? null,
        dead: flags.dead ?? false,
      };
    },
    run(options, session) {
      const target = options.toUrl === null ? null : session.target(options.toUrl);
      return session.withBroker(async (broker) => {
        const work = async (targetBroker: Broker) => {
          const plan = await session.within(operation, async (signal) => {
            const source = await findSource(broker, options, signal);
            const to = await targetQueue(targetBroker, options.to, signal);
            const { max, ratePerSec, setHeaders, lossy, force } = options;
            const request: MoveRequest = {
              ...options.selection,
              ...source,
              ...{ operation, target: to, max, ratePerSec, setHeaders, lossy, force, signal, notice: session.notice },
            };
            return planMove(request);
          });
          return runPlan(session, broker, plan, {
            dryRun: options.dryRun,
            asking: operation === 'move' ? 'ask' : 'none',
            selection: options.selection,
            max: options.max,
            elsewhere: target?.settings ?? null,
          });
        };
        return target === null ? work(broker) : session.withBroker(work, target);
      });
    },
  });
}

async function findSource(
  broker: Broker,
  options: MoveOptions,
  signal: AbortSignal,
): Promise<Pick<MoveRequest, 'source' | 'state' | 'only'>> {
  const source = await broker.queue(options.from, signal);
  if (!options.dead) return { source, state: 'ready', only: null };
  const located = await linkedDeadLetters(broker, source, signal);
  return { source: located.holder, state: located.state, only: located.only };
}

/** A target is never created: a mistyped name would swallow the messages. */
async function targetQueue(broker: Broker, name: string, signal: AbortSignal): Promise<Queue> {
  try {
    return await broker.queue(name, signal);
  } catch (error) {
    if (!isMqError(error) || error.code !== 'QUEUE_NOT_FOUND') throw error;
    throw new MqError('QUEUE_NOT_FOUND', error.message, {
      hint: "a target is never created by a move: see 'mq create'",
      queue: name,
      cause: error,
    });
  }
}
