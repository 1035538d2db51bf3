import { ask } from '../contract/ask.ts';
import type { Call } from '../contract/call.ts';
import { isMqError, MqError } from '../contract/errors.ts';
import type { JsonValue, Message, OutgoingMessage } from '../contract/message.ts';
import { METADATA_FIELDS } from '../contract/message.ts';
import type { Publisher, Queue } from '../contract/queue.ts';
import type { Depth } from './depth.ts';
import { BY_HAND, depthNow, expectedSends } from './depth.ts';
import { dryRun, isDisturbedByLooks } from './dry-run.ts';
import { weighLook } from './look.ts';
import { lossySender, Misfits } from './misfits.ts';
import { toOutgoing } from './outgoing.ts';
import type { Plan, RunOptions } from './plan.ts';
import { openPublisher } from './publishers.ts';
import type { AnyReport, Report } from './report.ts';
import { scan } from './scan.ts';
import type { SelectionOptions } from './selection.ts';
import { selection } from './selection.ts';
import type { Destination } from './transfer.ts';
import type { Whose } from './whose.ts';
import { byHand, looked, nativelyElse, nativeMoveOf, type Work } from './work.ts';

export interface MoveRequest extends SelectionOptions, Call {
  readonly operation: 'move' | 'copy';
  readonly source: Queue;
  /** Which of the source's messages. `dead` only if the queue keeps its own dead letters. */
  readonly state: 'ready' | 'dead';
  /** Which of them are meant; null: all. */
  readonly only: Whose | null;
  readonly target: Queue;
  readonly max: number | null;
  readonly ratePerSec: number | null;
  readonly setHeaders: Readonly<Record<string, JsonValue>>;
  readonly lossy: boolean;
  /** Look even if looking may do harm. */
  readonly force?: boolean;
  readonly window?: number;
}

/** Moves messages from any queue to any other, also between brokers. The guarantee is the weaker of the two. */
export async function planMove(request: MoveRequest): Promise<Plan> {
  const { operation, source, target, state, force = false, notice, max } = request;
  ask(source, operation);
  ask(target, 'enqueue');
  if (operation === 'move') await source.mayTake?.(state, request.signal);
  const depth = await depthNow(source, state, request);
  const chosen = selection(request, request.only, depth.now);
  if (operation === 'copy' || !chosen.everything) {
    const givesBack = operation === 'copy' ? 'all' : 'some';
    await weighLook({ source, state, looks: depth.count, givesBack, force, notice, signal: request.signal });
  }
  const transforms = Object.keys(request.setHeaders).length > 0;
  const work: Work = {
    ...{ operation, source, state, to: [target.name], selection: chosen, depth, max, force, notice },
    ...{ ratePerSec: request.ratePerSec, window: request.window },
  };
  const natively = { to: target, countReplay: false };
  const possible = operation === 'move' && !transforms;
  const native = possible ? await nativeMoveOf(work, natively, request.signal) : null;
  await native?.close();
  const guarantee = native?.guarantee ?? BY_HAND;
  const facts = { operation, from: source.name, to: work.to, guarantee };
  return {
    ...facts,
    count: depth.count,
    exact: chosen.everything && depth.exact,
    effect:
      operation === 'copy'
        ? `each message is written to ${target.name} and stays in ${source.name}`
        : `each message goes to ${target.name}, and leaves ${source.name} only when it is safely there`,
    async run(options) {
      if (options.dryRun) return tryOut(request, work, { ...facts, native: native !== null }, options);
      const hands = () => sendByHand(request, work, options);
      return native === null ? hands() : nativelyElse(work, natively, hands, options);
    },
  };
}

/**
 * A dry run. Between two kinds of queue, every message is looked at, because it may not fit. If even looking would do
 * harm, the broker's count has to do, and the report says so.
 */
async function tryOut(
  request: MoveRequest,
  work: Work,
  facts: Parameters<typeof dryRun>[0],
  options: RunOptions,
): Promise<AnyReport> {
  const { source, target, lossy, notice } = request;
  const { publisher, close } = await publisherFor(request, work);
  try {
    const wasLookedAt = await reportMisfits(request, publisher, work.depth, options.signal);
    const found = new Misfits(target.name);
    const scanned = looked(work, options.signal);
    const faultOf = (message: Message): string | null => {
      const misfits = publisher.misfits(outgoing(request, message));
      found.add(misfits);
      return misfits.length === 0 || lossy ? null : `does not fit into ${target.name}: ${misfits.join('; ')}`;
    };
    const { onProgress } = options;
    // A message that does not leave its place when it is moved may not fit anywhere else.
    const isBound = facts.operation === 'copy' && source.survey !== undefined;
    const { everything } = work.selection;
    // What a filter looks at anyway is judged without a further price.
    const mayNotFit = (source.kind !== target.kind || isBound || !everything) && !wasLookedAt;
    const report = await dryRun(facts, scanned, { onProgress, ...(mayNotFit ? { faultOf } : {}) }).catch((error) => {
      if (!mayNotFit || !everything || !isRefused(error)) throw error;
      notice(`whether each message fits into ${target.name} was not looked at: ${error.message}`);
      return dryRun(facts, scanned, { onProgress });
    });
    if (found.size > 0) notice(`${found}`);
    if (!mayNotFit && !wasLookedAt && !facts.native && isDisturbedByLooks(source) && report.matched !== 0)
      notice(`the messages were only counted: one that ${target.name} cannot take fails`);
    return report;
  } finally {
    await close();
  }
}

async function publisherFor(
  request: MoveRequest,
  { selection: chosen, depth, max }: Work,
): Promise<{ publisher: Publisher; close(): Promise<void> }> {
  const { target, lossy, notice } = request;
  const expected = expectedSends(chosen, depth, max);
  // The publisher outlives the operator's signal: messages that are in the air at the interruption are still settled.
  const publisher = await openPublisher(target, {
    ...{ expected, lossy, notice, signal: new AbortController().signal },
    ...(request.operation === 'move' ? { once: true } : {}),
  });
  return { publisher, close: () => publisher.close() };
}

async function sendByHand(request: MoveRequest, work: Work, options: RunOptions): Promise<Report> {
  const { target, notice, lossy } = request;
  const { publisher, close } = await publisherFor(request, work);
  try {
    const wasLookedAt = await reportMisfits(request, publisher, work.depth, options.signal);
    const sender = lossy && !wasLookedAt ? lossySender(publisher, target.name, notice) : null;
    const { sendAll } = publisher;
    const destination: Destination = {
      put: (message) => (sender ?? publisher).send(outgoing(request, message)),
      ...(sender === null &&
        sendAll !== undefined && {
          putAll: (messages) =>
            sendAll.call(
              publisher,
              messages.map((message) => outgoing(request, message)),
            ),
        }),
    };
    const report = await byHand(work, { destination }, options);
    sender?.tell();
    return report;
  } finally {
    await close();
  }
}

/**
 * Says what does not fit before anything is sent. If looking is free, every message is looked at: with `lossy` the
 * losses are named, without it the move is refused. If looking disturbs, the two kinds are compared, and a message that
 * does not fit will stay in its place. Resolves to whether every message has been looked at.
 */
async function reportMisfits(
  request: MoveRequest,
  publisher: Publisher,
  depth: Depth,
  signal: AbortSignal,
): Promise<boolean> {
  const { source, target, state, lossy, force = false, notice, max } = request;
  if (source.kind === target.kind) return false;
  if (source.peek === undefined || isDisturbedByLooks(source)) {
    const fields = METADATA_FIELDS.filter(
      (field) => source.capabilities.holds.includes(field) && !target.capabilities.holds.includes(field),
    );
    if (fields.length > 0) {
      const fate = lossy ? 'lose it' : `stay in ${source.name} (--lossy sends them without)`;
      notice(`kind ${target.kind} cannot hold ${fields.join(', ')}: messages that have such metadata ${fate}`);
    }
    return false;
  }
  const found = new Misfits(target.name);
  const pass = selection(request, request.only, depth.now);
  let taken = 0;
  for await (const message of scan({ source, state, bound: depth.bound, force, notice, signal })) {
    if (max !== null && taken >= max) break;
    await pass.learn(message);
    const verdict = pass.verdict(message);
    await pass.turn();
    if (verdict !== 'take') continue;
    taken += 1;
    found.add(publisher.misfits(outgoing(request, message)));
  }
  if (found.size > 0 && !lossy) {
    throw new MqError('NOT_SUPPORTED', `${found}`, {
      hint: 'nothing was sent; --lossy sends the messages without what does not fit',
      backend: target.capabilities.broker,
      operation: request.operation,
      queue: target.name,
    });
  }
  if (found.size > 0) notice(`${found}; sent without`);
  return true;
}

function outgoing({ setHeaders, source }: MoveRequest, message: Message): OutgoingMessage {
  return toOutgoing(message, { setHeaders, countReplay: false, from: source.place });
}

function isRefused(error: unknown): error is MqError {
  return isMqError(error) && (error.code === 'PRECONDITION_FAILED' || error.retryable);
}
