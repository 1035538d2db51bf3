import { requireCapability } from '../contract/capabilities.ts';
import { MqError } from '../contract/errors.ts';
import type { Message, MessageState } from '../contract/message.ts';
import type { Notice, Queue } from '../contract/queue.ts';
import type { Plan, RunOptions } from './plan.ts';
import type { Report } from './report.ts';
import { Tally } from './report.ts';
import type { Selection } from './selection.ts';

export interface ScanRequest {
  readonly source: Queue;
  readonly state: MessageState;
  /** Look at no more than this many. */
  readonly bound: number | null;
  readonly notice: Notice;
  readonly signal: AbortSignal;
  /** Called at the end when messages could not be looked at. */
  readonly onUnseen?: (about: number) => void;
}

/** Reads a queue without taking anything. Says the price by `notice` where looking is not free. */
export async function* scan(request: ScanRequest): AsyncGenerator<Message> {
  const { source, state, bound, notice, signal } = request;
  if (source.peek === undefined) {
    requireCapability(source.capabilities, 'peek', source.name);
    throw new MqError('INTERNAL', `kind ${source.kind} declares peek but has none`);
  }
  const peek = await source.peek({ state, limit: bound, force: false, notice, signal });
  if (peek.price !== null) notice(peek.price);
  let seen = 0;
  for await (const message of peek) {
    if (signal.aborted || (bound !== null && seen >= bound)) return;
    seen += 1;
    yield message;
  }
  if (peek.unseen !== undefined && peek.unseen > 0) request.onUnseen?.(peek.unseen);
}

/**
 * What an operation would do, counted and not done. When everything is taken, the depth is the answer and nothing is read; else the messages
 * are looked at; `onTake` is called for each that would be taken.
 */
export async function dryRun(
  plan: Pick<Plan, 'operation' | 'from' | 'to' | 'guarantee'> & { readonly native: boolean },
  request: ScanRequest & { readonly selection: Selection; readonly max: number | null },
  options: Pick<RunOptions, 'onProgress'> & { readonly onTake?: (message: Message) => void },
): Promise<Report> {
  const { selection, bound, max, notice } = request;
  const tally = new Tally();
  let complete = true;
  if (selection.everything && bound !== null) {
    tally.moved = max === null ? bound : Math.min(bound, max);
    tally.seen = tally.moved;
    tally.matched = tally.moved;
  } else {
    const onUnseen = (): void => {
      complete = false;
    };
    for await (const message of scan({ ...request, onUnseen })) {
      if (max !== null && tally.moved >= max) break;
      tally.seen += 1;
      const verdict = selection.verdict(message);
      if (verdict === 'leave') tally.left += 1;
      else {
        tally.matched += 1;
        if (verdict === 'take') {
          tally.moved += 1;
          options.onTake?.(message);
        } else tally.skip({ id: message.id, reason: verdict.skip });
      }
      options.onProgress({ done: tally.seen, total: bound, elapsedMs: tally.elapsedMs });
    }
  }
  for (const remark of selection.remarks()) notice(remark);
  const { operation, from, to, guarantee, native } = plan;
  return tally.close({
    operation,
    from,
    to,
    guarantee,
    native,
    dryRun: true,
    complete: complete && !request.signal.aborted,
  });
}
