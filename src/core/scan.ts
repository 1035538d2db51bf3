import { ask } from '../contract/ask.ts';
import type { Call } from '../contract/call.ts';
import type { Message, MessageState } from '../contract/message.ts';
import type { Queue } from '../contract/queue.ts';

export interface ScanRequest extends Call {
  readonly source: Queue;
  readonly state: MessageState;
  /** Look at no more than this many. */
  readonly bound: number | null;
  /** Look even if looking may do harm. */
  readonly force: boolean;
  /** Called at the end if some messages could not be looked at. */
  readonly onUnseen?: (about: number) => void;
}

/** Reads a queue without taking anything. If looking is not free, the gate (`look.ts`) has told the price before. */
export async function* scan(request: ScanRequest): AsyncGenerator<Message> {
  const { source, state, bound, force, notice, signal } = request;
  const peek = await ask(source, 'peek').peek({ state, limit: bound, force, notice, signal });
  let seen = 0;
  for await (const message of peek) {
    if (signal.aborted || (bound !== null && seen >= bound)) return;
    seen += 1;
    yield message;
  }
  if (peek.unseen !== undefined && peek.unseen > 0) request.onUnseen?.(peek.unseen);
}
