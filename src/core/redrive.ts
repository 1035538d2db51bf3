import type { Guarantee } from '../contract/abilities.ts';
import { ask } from '../contract/ask.ts';
import type { Broker } from '../contract/broker.ts';
import type { Call } from '../contract/call.ts';
import { isMqError } from '../contract/errors.ts';
import type { JsonValue, Message, SendOutcome } from '../contract/message.ts';
import type { DeadLetters, Publisher, Queue } from '../contract/queue.ts';
import type { LocatedDeadLetters } from './dead-letters.ts';
import { locateDeadLetters, whyNoOrigin } from './dead-letters.ts';
import { BY_HAND, depthNow, expectedSends } from './depth.ts';
import { dryRun } from './dry-run.ts';
import { weighLook } from './look.ts';
import { type LossySender, lossySender } from './misfits.ts';
import { toOutgoing } from './outgoing.ts';
import type { Plan, RunOptions } from './plan.ts';
import { openPublisher, Publishers } from './publishers.ts';
import type { Report } from './report.ts';
import type { Selection, SelectionOptions } from './selection.ts';
import { selection } from './selection.ts';
import { DEFAULT_WINDOW, reasonOf } from './transfer.ts';
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
    ...{ ratePerSec: request.ratePerSec, window: request.window ?? DEFAULT_WINDOW },
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
        const { onProgress } = options;
        const faultOf = located.links.mayNotRestore === true && native === null ? notRestored(located.links) : null;
        // No message is looked at just for this. Of messages that are looked at anyway, those with no place to go to
        // are told as in the run.
        const judged = faultOf ?? (taken.everything || to !== null ? null : homeless(broker, located, options.signal));
        return dryRun({ ...facts, native: native !== null }, looked({ ...work, selection: taken }, options.signal), {
          onProgress,
          ...(judged === null ? {} : { faultOf: judged }),
        });
      }
      const hands = async (): Promise<Report> => {
        // The selection for the broker was weighed when it was planned.
        if (native !== null && taken.everything) await weigh(chosen);
        return sendHome(request, located, { ...work, selection: chosen }, countReplay, options);
      };
      return native === null ? hands() : nativelyElse(work, natively, hands, options);
    },
  };
}

function isLeftToBroker({ links, only }: LocatedDeadLetters, to: Queue | null): boolean {
  return to === null && links.movesEachHome === true && only?.silent === 'meant';
}

function notRestored(links: DeadLetters): (message: Message) => string | null {
  return (message) => {
    try {
      links.restore(message, { keepDeathHeaders: false });
      return null;
    } catch (error) {
      return reasonOf(error);
    }
  };
}

/** Why a message has no queue to go back to; null: it has one. Each queue is asked for once. */
function homeless(
  broker: Broker,
  located: LocatedDeadLetters,
  signal: AbortSignal,
): (message: Message) => Promise<string | null> {
  const missing = new Map<string, Promise<string | null>>();
  return async (message) => {
    const origin = located.originOf(message);
    if (origin === null) return whyNoOrigin(located, message);
    if (origin === located.holder.name) return null;
    const asked = missing.get(origin) ?? broker.queue(origin, signal).then(() => null, goneOnly);
    missing.set(origin, asked);
    return asked;
  };
}

/** Only a queue that is known to be missing fails a message for certain. */
function goneOnly(error: unknown): string | null {
  return isMqError(error) && error.code === 'QUEUE_NOT_FOUND' ? goneOrigin(error) : null;
}

function goneOrigin(error: unknown): string {
  return `${reasonOf(error)}; use --to QUEUE`;
}

async function sendHome(
  request: RedriveRequest,
  located: LocatedDeadLetters,
  work: Work,
  countReplay: boolean,
  options: RunOptions,
): Promise<Report> {
  const { broker, to, notice, lossy } = request;
  const { source: holder, to: targets } = work;
  // A publisher outlives the signal: messages that are in the air when the operator interrupts are still settled.
  const lasting = new AbortController().signal;
  // Each message may say where it belongs, whatever the links say. How many go to which queue is known only if all go
  // to one.
  const expected = to === null ? null : expectedSends(work.selection, work.depth, work.max);
  const publishers = new Publishers(async (name) => {
    const target = to ?? (name === holder.name ? holder : await broker.queue(name, lasting));
    return openPublisher(target, {
      expected,
      lossy,
      once: true,
      notice,
      signal: lasting,
    });
  });
  const senders = new Map<string, LossySender>();
  const senderOf = (name: string, publisher: Publisher): Pick<Publisher, 'send'> => {
    if (!lossy) return publisher;
    const sender = senders.get(name) ?? lossySender(publisher, name, notice);
    senders.set(name, sender);
    return sender;
  };
  const put = async (message: Message): Promise<SendOutcome> => {
    const origin = to?.name ?? located.originOf(message);
    if (origin === null) return { status: 'failed', reason: whyNoOrigin(located, message) };
    try {
      const publisher = await publishers.get(origin);
      const restored = located.links.restore(message, { keepDeathHeaders: request.keepDeathHeaders, to: origin });
      return await senderOf(origin, publisher).send(
        toOutgoing(restored, { setHeaders: request.setHeaders, countReplay, from: holder.place }),
      );
    } catch (error) {
      const isGone = to === null && isMqError(error) && error.code === 'QUEUE_NOT_FOUND';
      const isDenied = isMqError(error) && error.code === 'PERMISSION_DENIED';
      const reason = isGone ? goneOrigin(error) : reasonOf(error);
      return { status: 'failed', reason, ...(isDenied && { code: 'PERMISSION_DENIED' }) };
    }
  };
  try {
    // A single known target is opened first: if it cannot take the messages, nothing has been touched.
    if (targets.length === 1 && targets[0] !== undefined) await publishers.get(targets[0]);
    const report = await byHand(work, { destination: { put } }, options);
    for (const sender of senders.values()) sender.tell();
    // Only the messages said where they belong.
    return targets.length === 0 ? { ...report, to: publishers.names } : report;
  } finally {
    await publishers.close();
  }
}
