import { ask } from '../contract/ask.ts';
import type { Broker } from '../contract/broker.ts';
import type { Call } from '../contract/call.ts';
import type { Queue } from '../contract/queue.ts';
import { linkedDeadLetters } from './dead-letters.ts';
import { BY_HAND, depthNow } from './depth.ts';
import { dryRun } from './dry-run.ts';
import { weighLook } from './look.ts';
import type { Plan } from './plan.ts';
import type { SelectionOptions } from './selection.ts';
import { selection } from './selection.ts';
import type { Destination } from './transfer.ts';
import { byHand, looked, type Work } from './work.ts';

export interface DrainRequest extends SelectionOptions, Call {
  readonly broker: Broker;
  readonly queue: Queue;
  readonly state: 'ready' | 'dead';
  /**
   * Asked for when the work begins. Its `put` resolves when the message is durably written, or when its command has
   * ended.
   */
  destination(): Destination;
  /** The name in the report: the file, `stdout` or the command. */
  readonly destinationName: string;
  /**
   * Set for a worker (`--exec`): a failed `put` releases the message at once as a failed delivery, and the window is
   * the number of jobs.
   */
  readonly worker: { readonly jobs: number } | null;
  readonly follow: boolean;
  readonly idleMs: number | null;
  readonly max: number | null;
  readonly ratePerSec: number | null;
  /** Look even if looking may do harm. */
  readonly force?: boolean;
}

/** Takes messages out. Each leaves the queue only after the destination has it for certain. */
export async function planDrain(request: DrainRequest): Promise<Plan> {
  const { broker, queue, follow, force = false, max, notice, worker } = request;
  ask(queue, 'drain');
  const located = request.state === 'dead' ? await linkedDeadLetters(broker, queue, request.signal) : null;
  const holder = located?.holder ?? queue;
  const state = located?.state ?? 'ready';
  await holder.mayTake?.(state, request.signal);
  const depth = await depthNow(holder, state, request);
  const chosen = selection(request, located?.only ?? null, depth.now);
  if (!chosen.everything)
    await weighLook({ ...request, force, source: holder, state, looks: depth.count, givesBack: 'some' });
  // A worker that fails a message gives it back at once and sees it again. That is not a loop: these are the attempts
  // of the message, and the queue bounds them.
  const unbounded = follow || worker !== null;
  const facts = { operation: 'drain', from: holder.name, to: [request.destinationName], guarantee: BY_HAND } as const;
  const work: Work = {
    ...{ operation: 'drain', source: holder, state, to: facts.to, selection: chosen, depth, max, force, notice },
    ...{ ratePerSec: request.ratePerSec, window: worker?.jobs },
  };
  return {
    ...facts,
    count: depth.count,
    exact: chosen.everything && depth.exact && !follow,
    effect: `each message leaves ${holder.name} after ${worker === null ? 'it is written' : 'its command has ended with 0'}`,
    async run(options) {
      const { idleMs } = request;
      if (options.dryRun) return dryRun({ ...facts, native: false }, looked(work, options.signal), options);
      // A worker that should end when nothing more comes must not be kept alive by one message that comes again for
      // ever.
      const failed = follow && idleMs === null ? 'release' : 'release-counted';
      const asConsumer = { follow, idleMs, bounded: !unbounded };
      const destination = request.destination();
      return byHand(work, { destination, onFailure: worker === null ? 'hold' : failed, asConsumer }, options);
    },
  };
}
