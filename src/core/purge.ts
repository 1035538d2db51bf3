import type { PurgeAbility } from '../contract/abilities.ts';
import { ask } from '../contract/ask.ts';
import type { Broker } from '../contract/broker.ts';
import type { Call, Notice } from '../contract/call.ts';
import { MqError } from '../contract/errors.ts';
import type { MessageState } from '../contract/message.ts';
import type { Queue } from '../contract/queue.ts';
import { linkedDeadLetters } from './dead-letters.ts';
import type { Depth } from './depth.ts';
import { BY_HAND, depthsNow } from './depth.ts';
import { dryRun, estimated, isDisturbedByLooks } from './dry-run.ts';
import { weighLook } from './look.ts';
import type { Plan, RunOptions } from './plan.ts';
import type { AnyReport } from './report.ts';
import { Tally } from './report.ts';
import type { SelectionOptions } from './selection.ts';
import { selection } from './selection.ts';
import type { Destination } from './transfer.ts';
import type { Whose } from './whose.ts';
import { byHand, looked, type Work } from './work.ts';

export interface PurgeRequest extends SelectionOptions, Call {
  readonly broker: Broker;
  readonly queue: Queue;
  /** `all`: every state that this kind can purge. */
  readonly state: 'ready' | 'delayed' | 'dead' | 'all';
  /** Each message is written here before it is removed (`--backup FILE`); null: no copy is kept. */
  readonly backup: Destination | null;
  /** Look even if looking may do harm. */
  readonly force?: boolean;
}

/**
 * Deletes messages and keeps the queue. A narrow purge is never widened: a selection that cannot be applied exactly is
 * refused.
 */
export async function planPurge(request: PurgeRequest): Promise<Plan> {
  const { broker, queue, force = false, notice, signal, backup } = request;
  const target = await purgeTarget(broker, queue, request.state, signal);
  const { declared } = ask(target.holder, 'purge');
  const states: readonly MessageState[] =
    target.state === 'all' ? [...declared.states, ...(declared.together ?? [])] : [target.state];
  if (target.state !== 'all' && !declared.states.includes(target.state))
    throw cannotPurge(target.holder, target.state, declared);
  const everything = selection(request, target.only).everything;
  const isByHand = !everything || backup !== null;
  if (isByHand && (target.state === 'all' || target.state === 'delayed')) {
    throw new MqError('USAGE', `--state ${target.state} cannot be combined with --filter, --older-than or --backup`, {
      hint: 'purge by filter works on --state ready or dead',
      queue: queue.name,
    });
  }
  await target.holder.mayPurge?.(states, signal);
  const depths = await depthsNow(target.holder, states, { notice, signal });
  const depth = sumOf(depths);
  const chosen = selection(request, target.only, depth.now);
  const state = target.state === 'dead' ? 'dead' : 'ready';
  if (!everything)
    await weighLook({ source: target.holder, state, looks: depth.count, givesBack: 'some', force, notice, signal });
  const facts = { operation: 'purge', from: target.holder.name, to: [], guarantee: BY_HAND } as const;
  const work: Work = {
    ...{ operation: 'purge', source: target.holder, state, to: [], selection: chosen, depth, force, notice },
    ...{ max: null, ratePerSec: null },
  };
  return {
    ...facts,
    count: depth.count,
    exact: depth.exact && chosen.everything,
    effect: `${states.join(', ')} messages of ${target.holder.name} are deleted${backup === null ? ' for good' : ', each only after it is in the backup'}; the queue stays`,
    async run(options) {
      const looks = { ...looked(work, options.signal), state: states[0] ?? 'ready', states };
      const planned = { ...facts, native: !isByHand };
      if (options.dryRun && !isByHand && !depth.exact && (states.length > 1 || isDisturbedByLooks(target.holder)))
        return estimated(planned, looks);
      if (options.dryRun) return dryRun(planned, looks, options);
      if (!isByHand) return whole(target.holder, states, notice, options);
      return byHand(work, { destination: backup ?? DISCARD }, options);
    },
  };
}

interface PurgeTarget {
  readonly holder: Queue;
  readonly state: PurgeRequest['state'];
  readonly only: Whose | null;
}

async function purgeTarget(
  broker: Broker,
  queue: Queue,
  state: PurgeRequest['state'],
  signal: AbortSignal,
): Promise<PurgeTarget> {
  if (state !== 'dead') return { holder: queue, state, only: null };
  const located = await linkedDeadLetters(broker, queue, signal);
  return { holder: located.holder, state: located.state, only: located.only };
}

function cannotPurge(queue: Queue, state: MessageState, { states, together }: PurgeAbility): MqError {
  return new MqError('NOT_SUPPORTED', `kind ${queue.kind} cannot purge its ${state} messages`, {
    hint: `it can purge: ${states.join(', ')}${together === undefined ? '' : '; --state all takes every message, those in flight too'}`,
    backend: queue.capabilities.broker,
    queue: queue.name,
  });
}

function sumOf(depths: readonly Depth[]): Depth {
  let count: number | null = 0;
  for (const depth of depths) count = count === null || depth.count === null ? null : count + depth.count;
  const exact = depths.every((depth) => depth.exact);
  return {
    count,
    exact,
    bound: exact ? count : null,
    notAfter: depths.find((depth) => depth.notAfter !== null)?.notAfter ?? null,
    now: depths[0]?.now ?? Date.now(),
  };
}

/** The broker's own purge. If the broker does not say how many messages it removed, neither does the report. */
async function whole(
  queue: Queue,
  states: readonly MessageState[],
  notice: Notice,
  options: RunOptions,
): Promise<AnyReport> {
  const tally = new Tally();
  const { purge } = ask(queue, 'purge');
  const { removed, stays = [], complete = true } = await purge({ states, notice, signal: options.signal });
  if (removed === null) notice(`${queue.capabilities.broker} does not say how many messages it removed`);
  tally.moved = removed ?? 0;
  tally.seen = tally.matched = tally.moved + stays.length;
  for (const outcome of stays) tally.fail(outcome);
  options.onProgress({ done: tally.moved, total: tally.moved, elapsedMs: tally.elapsedMs });
  const guarantee = 'at-least-once';
  const report = tally.close({
    operation: 'purge',
    from: queue.name,
    to: [],
    guarantee,
    dryRun: false,
    native: true,
    complete: complete && !options.signal.aborted,
  });
  return removed === null ? { ...report, matched: null, moved: null, perSec: null } : report;
}

/** The destination of messages that are deleted. */
const DISCARD: Destination = { put: async (message) => ({ status: 'sent', id: message.id }), keeps: false };
