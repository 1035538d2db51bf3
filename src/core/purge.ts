import type { Broker } from '../contract/broker.ts';
import { type PurgeAbility, requireCapability } from '../contract/capabilities.ts';
import { MqError } from '../contract/errors.ts';
import type { MessageState } from '../contract/message.ts';
import type { Notice, Queue } from '../contract/queue.ts';
import { locateDeadLetters, noDeadLetters } from './dead-letters.ts';
import type { Depth } from './depth.ts';
import { depthNow } from './depth.ts';
import type { Plan, RunOptions } from './plan.ts';
import type { AnyReport, Report } from './report.ts';
import { Tally } from './report.ts';
import { dryRun } from './scan.ts';
import type { Selection, SelectionOptions } from './selection.ts';
import { selection } from './selection.ts';
import { taking } from './take.ts';
import type { Destination } from './transfer.ts';
import { DEFAULT_WINDOW, transfer } from './transfer.ts';

export interface PurgeRequest extends SelectionOptions {
  readonly broker: Broker;
  readonly queue: Queue;
  /** `all`: every state that this kind can purge. */
  readonly state: 'ready' | 'delayed' | 'dead' | 'all';
  /** Each message is put here before it is removed (`--backup FILE`); null: no copy is kept. */
  readonly backup: Destination | null;
  readonly notice: Notice;
  readonly signal: AbortSignal;
}

/** Deletes messages and keeps the queue. The narrow act is never widened: what cannot be applied exactly is refused. */
export async function planPurge(request: PurgeRequest): Promise<Plan> {
  const { broker, queue, notice, signal, backup } = request;
  const target = await purgeTarget(broker, queue, request.state, signal);
  const ability = requireCapability(target.holder.capabilities, 'purge', target.holder.name);
  const states: readonly MessageState[] =
    target.state === 'all' ? [...ability.states, ...(ability.together ?? [])] : [target.state];
  if (target.state !== 'all' && !ability.states.includes(target.state))
    throw cannotPurge(target.holder, target.state, ability);
  const chosen = selection(request, target.only);
  const byHand = !chosen.everything || backup !== null;
  if (byHand && (target.state === 'all' || target.state === 'delayed')) {
    throw new MqError('USAGE', `--state ${target.state} cannot be combined with --filter, --older-than or --backup`, {
      hint: 'purge by filter works on --state ready or dead',
      queue: queue.name,
    });
  }
  const depths = await Promise.all(states.map((state) => depthNow(target.holder, state, signal)));
  const depth = sumOf(depths);
  const facts = { operation: 'purge' as const, from: target.holder.name, to: [], guarantee: 'at-least-once' as const };
  return {
    ...facts,
    count: depth.count,
    exact: depth.exact && chosen.everything,
    effect: `${states.join(', ')} messages of ${target.holder.name} are deleted${backup === null ? ' for good' : ', each only after it is in the backup'}; the queue stays`,
    async run(options) {
      const state = states[0] ?? 'ready';
      const common = {
        source: target.holder,
        state,
        selection: chosen,
        bound: depth.bound,
        max: null,
        notice,
        signal: options.signal,
      };
      if (options.dryRun && !byHand && !depth.exact && (states.length > 1 || isDisturbedByLooks(target.holder)))
        return estimate(depth.count, facts, notice);
      if (options.dryRun) return dryRun({ ...facts, native: !byHand }, common, options);
      if (!byHand) return whole(target.holder, states, notice, options);
      return selective(target.holder, state === 'dead' ? 'dead' : 'ready', chosen, depth, backup, notice, options);
    },
  };
}

interface PurgeTarget {
  readonly holder: Queue;
  readonly state: PurgeRequest['state'];
  readonly only: string | null;
}

async function purgeTarget(
  broker: Broker,
  queue: Queue,
  state: PurgeRequest['state'],
  signal: AbortSignal,
): Promise<PurgeTarget> {
  if (state !== 'dead') return { holder: queue, state, only: null };
  const located = await locateDeadLetters(broker, queue, signal);
  if (located === null) throw noDeadLetters(queue);
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
  };
}

function isDisturbedByLooks({ capabilities }: Queue): boolean {
  const { peek } = capabilities.abilities;
  return peek.supported && peek.effect === 'disturbs';
}

/**
 * A dry run over states that cannot be looked at, where the broker's count is all there is, or where looking at all would bring each message nearer to its
 * death, only to count them.
 */
function estimate(
  count: number | null,
  facts: Pick<Plan, 'operation' | 'from' | 'to' | 'guarantee'>,
  notice: Notice,
): AnyReport {
  notice('the number is the broker’s own, and approximate');
  const tally = new Tally();
  tally.seen = tally.matched = tally.moved = count ?? 0;
  const { operation, from, to, guarantee } = facts;
  const report = tally.close({ operation, from, to, guarantee, dryRun: true, native: true, complete: true });
  return count === null ? { ...report, matched: null, moved: null } : report;
}

/** The broker's own purge. When it does not say how many messages it removed, neither does the report. */
async function whole(
  queue: Queue,
  states: readonly MessageState[],
  notice: Notice,
  options: RunOptions,
): Promise<AnyReport> {
  const tally = new Tally();
  if (queue.purge === undefined) throw new MqError('INTERNAL', `kind ${queue.kind} declares purge but has none`);
  const { removed } = await queue.purge({ states, notice, signal: options.signal });
  if (removed === null) notice(`${queue.capabilities.broker} does not say how many messages it removed`);
  tally.seen = tally.matched = tally.moved = removed ?? 0;
  options.onProgress({ done: tally.moved, total: tally.moved, elapsedMs: tally.elapsedMs });
  const guarantee = 'at-least-once';
  const report = tally.close({
    operation: 'purge',
    from: queue.name,
    to: [],
    guarantee,
    dryRun: false,
    native: true,
    complete: !options.signal.aborted,
  });
  return removed === null ? { ...report, matched: null, moved: null, perSec: null } : report;
}

function selective(
  holder: Queue,
  state: 'ready' | 'dead',
  chosen: Selection,
  depth: Depth,
  backup: Destination | null,
  notice: Notice,
  options: RunOptions,
): Promise<Report> {
  const discard: Destination = { put: async (message) => ({ status: 'sent', id: message.id }) };
  const window = DEFAULT_WINDOW;
  return transfer(
    {
      operation: 'purge',
      from: holder.name,
      to: [],
      guarantee: 'at-least-once',
      destination: backup ?? discard,
      selection: chosen,
      removes: true,
      onFailure: 'hold',
      bound: depth.bound,
      notAfter: depth.notAfter,
      max: null,
      pacer: null,
      window,
      notice,
      onProgress: options.onProgress,
      signal: options.signal,
    },
    taking({
      source: holder,
      state,
      selection: chosen,
      bound: depth.bound,
      max: null,
      window,
      follow: false,
      idleMs: null,
      evenPaused: true,
      notice,
    }),
  );
}
