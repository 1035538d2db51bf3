import type { Message, MessageState } from '../contract/message.ts';
import type { Queue } from '../contract/queue.ts';
import { weighLook } from './look.ts';
import type { Plan, RunOptions } from './plan.ts';
import type { AnyReport } from './report.ts';
import { Tally } from './report.ts';
import { type ScanRequest, scan } from './scan.ts';
import type { Selection } from './selection.ts';

type Facts = Pick<Plan, 'operation' | 'from' | 'to' | 'guarantee'> & { readonly native: boolean };

export interface DryRunRequest extends ScanRequest {
  readonly selection: Selection;
  readonly max: number | null;
  /** Messages in that state at the start, as the broker says; null: unknown. */
  readonly count: number | null;
  /** All the states that a run would empty; absent: only `state`. */
  readonly states?: readonly MessageState[];
}

export interface DryRunOptions extends Pick<RunOptions, 'onProgress'> {
  /**
   * Says why a message that would be taken would fail; null: it would not. Absent: that is unknown, and no message is
   * looked at for it.
   */
  readonly faultOf?: (message: Message) => string | null | Promise<string | null>;
}

/**
 * Counts what an operation would do, and does nothing. If everything is taken, the depth is the answer and nothing is
 * read: each look may bring a message nearer to its death. Otherwise the messages are looked at.
 */
export async function dryRun(plan: Facts, request: DryRunRequest, options: DryRunOptions): Promise<AnyReport> {
  const { selection, bound, max, notice, source } = request;
  const { faultOf } = options;
  const by = plan.native && plan.operation === 'redrive' ? 'native' : 'removes';
  if (selection.everything && faultOf === undefined) {
    if (bound !== null && source.survey !== undefined && plan.operation !== 'copy') return surveyed(plan, request, by);
    if (bound !== null) return counted(plan, request, bound);
    if (isDisturbedByLooks(source)) return estimated(plan, request);
  }
  // The price of looking at what a copy needs was weighed when it was planned.
  if (selection.everything && plan.operation !== 'copy')
    await weighLook({ ...request, looks: lesser(bound, max), givesBack: 'all' });
  const tally = new Tally();
  let staying = 0;
  let complete = true;
  const onUnseen = (): void => {
    complete = false;
  };
  for await (const message of scan({
    ...request,
    bound: selection.everything ? lesser(bound, max) : bound,
    onUnseen,
  })) {
    if (max !== null && tally.moved + tally.failed - staying >= max) break;
    tally.seen += 1;
    await selection.learn(message);
    const verdict = selection.verdict(message);
    await selection.turn();
    if (verdict === 'leave') tally.left += 1;
    else {
      tally.matched += 1;
      if (verdict === 'take') {
        const stays = plan.operation === 'copy' || by === 'native' ? null : (message.stays ?? null);
        const fault = stays ?? (await faultOf?.(message)) ?? null;
        if (stays !== null) staying += 1;
        if (fault === null) tally.moved += 1;
        else tally.fail({ id: message.id, reason: fault });
      } else tally.skip({ id: message.id, reason: verdict.skip });
    }
    options.onProgress({ done: tally.seen, total: bound, elapsedMs: tally.elapsedMs });
  }
  for (const remark of selection.remarks()) notice(remark);
  return close(plan, tally, complete && !request.signal.aborted && !selection.undecided);
}

/**
 * The broker's count is all there is for states that cannot be looked at, and where looking would bring each message
 * nearer to its death only to count it.
 */
export function estimated(
  plan: Facts,
  { count, max, notice }: Pick<DryRunRequest, 'count' | 'max' | 'notice'>,
): AnyReport {
  if (count !== null) notice('the number is the broker’s own, and approximate');
  const report = counted(plan, { max }, count ?? 0);
  return count === null ? { ...report, matched: null, moved: null } : report;
}

/** The queue itself says what a run over everything would do. */
async function surveyed(
  plan: Facts,
  { source, state, states = [state], max, signal }: DryRunRequest,
  by: 'native' | 'removes',
): Promise<AnyReport> {
  const tally = new Tally();
  for (const one of states) {
    const limit = max === null ? null : max - tally.moved;
    const found = await source.survey?.({ state: one, by, limit, signal });
    if (found === undefined) continue;
    tally.moved += found.moved;
    for (const outcome of found.skipped) tally.skip(outcome);
    for (const outcome of found.failed) tally.fail(outcome);
    tally.seen = tally.matched = tally.moved + tally.skipped + tally.failed;
  }
  return close(plan, tally, !signal.aborted);
}

function counted(plan: Facts, { max }: Pick<DryRunRequest, 'max'>, count: number): AnyReport {
  const tally = new Tally();
  tally.seen = tally.matched = tally.moved = lesser(count, max) ?? 0;
  return close(plan, tally, true);
}

function close({ operation, from, to, guarantee, native }: Facts, tally: Tally, complete: boolean): AnyReport {
  return tally.close({ operation, from, to, guarantee, native, dryRun: true, complete });
}

function lesser(bound: number | null, max: number | null): number | null {
  if (bound === null) return max;
  return max === null ? bound : Math.min(bound, max);
}

export function isDisturbedByLooks({ capabilities }: Queue): boolean {
  const { peek } = capabilities.abilities;
  return peek.supported && peek.effect === 'disturbs';
}
