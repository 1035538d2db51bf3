import { ask } from '../contract/ask.ts';
import type { Notice } from '../contract/call.ts';
import type { Message } from '../contract/message.ts';
import type { Consumer, GivesBack, Queue } from '../contract/queue.ts';
import { isLookFree } from './look.ts';
import { OnwardConsumer } from './onward.ts';
import { scan } from './scan.ts';
import type { Selection } from './selection.ts';
import { takeLimit } from './transfer.ts';

export interface TakeRequest {
  readonly source: Queue;
  readonly state: 'ready' | 'dead';
  readonly selection: Selection;
  readonly bound: number | null;
  readonly max: number | null;
  /** Messages in hand at once, if none of them will be held until the end. */
  readonly window: number;
  /** Wait for more messages. */
  readonly follow: boolean;
  readonly idleMs: number | null;
  /** False: take as a consumer does, and get nothing from a paused queue. */
  readonly evenPaused: boolean;
  /** Look even if looking may do harm. */
  readonly force: boolean;
  readonly notice: Notice;
}

/**
 * Opens the source for the engine. With a selection, messages that do not match are held until the end, so nothing may
 * bound the number in hand.
 */
export function taking(
  request: TakeRequest,
  givesBack: GivesBack | null = request.selection.everything ? null : 'some',
): (signal: AbortSignal) => Promise<Consumer> {
  const { source, state, selection, follow, idleMs, evenPaused, notice } = request;
  const { consume } = ask(source, 'drain');
  const window = selection.everything || follow ? request.window : 'unbounded';
  const open = (limit: number | null, signal: AbortSignal, besideHeld?: true): Promise<Consumer> =>
    consume({
      ...{ state, limit, window, follow, idleMs, evenPaused, notice, signal },
      ...(givesBack === null ? {} : { givesBack }),
      ...(request.force ? { force: true } : {}),
      ...(besideHeld === undefined ? {} : { besideHeld }),
    });
  if (follow) return (signal) => open(selection.everything ? request.max : null, signal);
  const { bound } = request;
  const wanted = probablyWanted(request);
  if (wanted === null) return (signal) => open(takeLimit(request), signal);
  return (signal) =>
    OnwardConsumer.open({ wanted, bound, signal, open: (limit, besideHeld) => open(limit, signal, besideHeld) });
}

/**
 * How many to take at first, if each look takes a message away for a while and the first ones are probably those that
 * are meant. Null: all.
 */
function probablyWanted({ source, selection, bound, max }: TakeRequest): number | null {
  if (!selection.probablyEverything || isLookFree(source)) return null;
  return max === null || max === 0 || (bound !== null && bound <= max) ? null : max;
}

/** The same for a copy: it looks if looking is free, else it takes and gives back. */
export function reading(request: TakeRequest): (signal: AbortSignal) => Promise<Consumer> {
  const { source, state, bound, force, notice } = request;
  if (!isLookFree(source)) return taking({ ...request, window: Number.MAX_SAFE_INTEGER }, 'all');
  return async (signal) => {
    const settled = async (): Promise<void> => {};
    const deliveries = async function* (messages: AsyncIterable<Message>) {
      for await (const message of messages) yield { message, receipt: { ack: settled, release: settled } };
    };
    const messages = deliveries(scan({ source, state, bound, force, notice, signal }));
    return { [Symbol.asyncIterator]: () => messages, close: async () => void (await messages.return(undefined)) };
  };
}
