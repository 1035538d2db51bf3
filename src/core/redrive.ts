import type { Guarantee } from '../contract/abilities.ts';
import { ask } from '../contract/ask.ts';
import type { Broker } from '../contract/broker.ts';
import type { Call } from '../contract/call.ts';
import { isMqError } from '../contract/errors.ts';
import type { JsonValue, Message } from '../contract/message.ts';
import type { Queue } from '../contract/queue.ts';
import type { LocatedDeadLetters } from './dead-letters.ts';
import { locateDeadLetters, refuseOnward } from './dead-letters.ts';
import { BY_HAND, depthNow, expectedSends } from './depth.ts';
import { dryRun, isDisturbedByLooks } from './dry-run.ts';
import { Homeward } from './homeward.ts';
import { weighLook } from './look.ts';
import type { Plan, RunOptions } from './plan.ts';
import type { AnyReport, Report } from './report.ts';
import type { Selection, SelectionOptions } from './selection.ts';
import { selection } from './selection.ts';
import { byHand, looked, nativelyElse, nativeMoveOf, type Work } from './work.ts';

export interface RedriveRequest extends SelectionOptions, Call {
  readonly broker: Broker;
  /** The queue that lost them, or the dead-letter queue itself. */
  readonly queue: Queue;
  /** Send all of them here instead of back to where each came from. It may be on another broker. */
  readonly to: Queue | null;
  readonly max: number | null;
  readonly ratePerSec: number | null;
  readonly setHeaders: Readonly<Record<string, JsonValue>>;
  readonly keepDeathHeaders: boolean;
  readonly lossy: boolean;
  /** Look even if looking may do harm. */
  readonly force?: boolean;
  readonly window?: number;
}

/**
 * Sends dead letters back to where they came from. With `maxReplays`, each is marked as redriven once more, and one
 * that has been redriven that often already is skipped. Without it, a redriven message is exactly what it was before it
 * died.
 */
export async function planRedrive(request: RedriveRequest): Promise<Plan> {
  const { broker, queue, to, force = false, notice, signal, max } = request;
  ask(queue, 'redrive');
  const found = await locateDeadLetters(broker, queue, signal);
  refuseOnward(found, queue);
  // An application's own dead-letter queue. With a target, all messages in it are meant; without one, those that say
  // where they belong.
  const located = found.linked || to === null ? found : { ...found, only: null };
  const { holder, state } = located;
  const countReplay = request.maxReplays !== null;
  const depth = await depthNow(holder, state, request);
  const chosen = selection(request, located.only, depth.now);
  const targets = to === null ? located.sources : [to.name];
  const transforms = Object.keys(request.setHeaders).length > 0;
  // By hand, each message is asked whose it is. A broker may remember that itself and take each message home: it may do
  // so for the only linked queue.
  const all = selection(request, isLeftToBroker(located, to) ? null : located.only, depth.now);
  const work: Work = {
    ...{ operation: 'redrive', source: holder, state, to: targets, selection: all, depth, max, force, notice },
    ...{ ratePerSec: request.ratePerSec, window: request.window },
  };
  const natively = { to: to ?? ('origin' as const), countReplay };
  ask(holder, 'redrive');
  await holder.mayTake?.(state, signal);
  const native = transforms ? null : await nativeMoveOf(work, natively, signal);
  await native?.close();
  if (native !== null && all.everything && !chosen.everything)
    notice(
      `${holder.capabilities.broker} moves each dead letter to the queue that lost it; ${queue.name} is the only one that sends its dead letters to ${holder.name} now`,
    );
  const taken = native === null ? chosen : all;
  const weigh = async (selected: Selection): Promise<void> => {
    if (selected.everything) return;
    await weighLook({ source: holder, state, looks: depth.count, givesBack: 'some', force, notice, signal });
  };
  await weigh(taken);
  const guarantee: Guarantee = native?.guarantee ?? BY_HAND;
  const facts = { operation: 'redrive' as const, from: holder.name, to: targets, guarantee };
  return {
    ...facts,
    count: depth.count,
    exact: taken.everything && depth.exact,
    effect: `each dead letter ${to === null ? 'goes back to the queue that lost it' : `goes to ${to.name}`}, and leaves ${holder.name} only when it is safely there`,
    async run(options) {
      if (options.dryRun) {
        const seen = looked({ ...work, selection: taken }, options.signal);
        const asked = { ...facts, native: native !== null };
        if (native !== null) return dryRun(asked, seen, options);
        return tryOut(request, located, { ...work, selection: taken }, asked, options);
      }
      const hands = async (): Promise<Report> => {
        // The selection for the broker was weighed when it was planned.
        if (native !== null && taken.everything) await weigh(chosen);
        return sendHome(request, located, { ...work, selection: chosen }, options);
      };
      return native === null ? hands() : nativelyElse(work, natively, hands, options);
    },
  };
}

function isLeftToBroker({ links, only }: LocatedDeadLetters, to: Queue | null): boolean {
  return to === null && links.movesEachHome === true && only?.silent === 'meant';
}

/**
 * A dry run by hand. The target is opened, because the run itself is refused if it cannot take the messages. Messages
 * that are looked at anyway are judged as in the run. All are looked at only if most may fail: those of another kind of
 * queue, and those that the backend may not know how to restore. Else the broker's count has to do, and that is said.
 */
async function tryOut(
  request: RedriveRequest,
  located: LocatedDeadLetters,
  work: Work,
  facts: Parameters<typeof dryRun>[0],
  { onProgress, signal }: RunOptions,
): Promise<AnyReport> {
  const { to, notice } = request;
  const seen = looked(work, signal);
  const homeward = homewardFor(request, located, work);
  const judged = { onProgress, faultOf: (message: Message) => homeward.faultOf(message) };
  try {
    await homeward.openOnly(work.to);
    if (!work.selection.everything || located.links.mayNotRestore === true)
      return homeward.named(await dryRun(facts, seen, judged));
    if (to !== null && to.kind !== work.source.kind) {
      return await dryRun(facts, seen, judged).catch((error: unknown) => {
        if (!isMqError(error) || error.code !== 'PRECONDITION_FAILED') throw error;
        notice(`whether each message fits into ${to.name} was not looked at: ${error.message}`);
        return dryRun(facts, seen, { onProgress });
      });
    }
    const report = await dryRun(facts, seen, { onProgress });
    if (located.state === 'ready' && isDisturbedByLooks(work.source) && report.matched !== 0)
      tellOnlyCounted(request, located, work);
    return report;
  } finally {
    await homeward.close();
  }
}

function tellOnlyCounted({ to, notice }: RedriveRequest, { links }: LocatedDeadLetters, work: Work): void {
  const which = to === null ? 'whose queue cannot be told, or is gone,' : `that ${to.name} cannot take`;
  notice(`the messages were only counted: one ${which} fails`);
  const isNamed = work.to.length > 0 && links.keptIn.place === 'nowhere';
  if (to === null && isNamed && links.messagesAreSilent !== true)
    notice(`each message that names another queue than ${work.to.join(', ')} goes there`);
}

async function sendHome(
  request: RedriveRequest,
  located: LocatedDeadLetters,
  work: Work,
  options: RunOptions,
): Promise<Report> {
  const homeward = homewardFor(request, located, work);
  try {
    await homeward.openOnly(work.to);
    const destination = { put: (message: Message) => homeward.send(message) };
    const report = await byHand(work, { destination }, options);
    homeward.tell();
    return homeward.named(report);
  } finally {
    await homeward.close();
  }
}

/**
 * Each message may say where it belongs, whatever the links say. How many go to which queue is known only if all go to
 * one.
 */
function homewardFor(request: RedriveRequest, located: LocatedDeadLetters, work: Work): Homeward {
  const expected = request.to === null ? null : expectedSends(work.selection, work.depth, work.max);
  return new Homeward({ ...request, expected, countReplay: request.maxReplays !== null }, located);
}
