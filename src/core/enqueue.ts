import type { OutgoingMessage, SendOutcome } from '../contract/message.ts';
import type { Publisher } from '../contract/queue.ts';
import type { Pacer } from './rate-limit.ts';
import { DEFAULT_WINDOW } from './transfer.ts';

export interface EnqueueRequest {
  readonly publisher: Publisher;
  /** Read only as fast as they are sent; may throw (a broken line): then what was sent before is settled and told first. */
  readonly messages: AsyncIterable<OutgoingMessage> | Iterable<OutgoingMessage>;
  readonly pacer: Pacer | null;
  readonly window?: number;
  /** Called once a message, in the order of the input. May be slow: a closed or slow reader holds up the sending. */
  readonly onOutcome: (outcome: SendOutcome, index: number) => Promise<void> | void;
  readonly signal: AbortSignal;
}

/** What became of the messages that were read. `sent + failed + unknown` is their number. */
export interface EnqueueResult {
  readonly sent: number;
  readonly failed: number;
  readonly unknown: number;
}

/**
 * Sends messages with a bounded number in the air and tells each outcome in order. Aborting stops reading; what is in the air is still
 * settled and told. When reading the input throws, the error is thrown after everything before it was settled and told.
 */
export async function enqueueAll(request: EnqueueRequest): Promise<EnqueueResult> {
  const { publisher, signal, onOutcome } = request;
  const window = request.window ?? DEFAULT_WINDOW;
  const counts = { sent: 0, failed: 0, unknown: 0 };
  const inTheAir: Promise<SendOutcome>[] = [];
  let index = 0;
  const tellOldest = async (): Promise<void> => {
    const outcome = await (inTheAir.shift() as Promise<SendOutcome>);
    counts[outcome.status] += 1;
    await onOutcome(outcome, index++);
  };
  let broken: { readonly error: unknown } | null = null;
  try {
    for await (const message of request.messages) {
      if (request.pacer !== null) await request.pacer.next(signal);
      if (signal.aborted) break;
      inTheAir.push(publisher.send(message));
      if (inTheAir.length >= window) await tellOldest();
    }
  } catch (error) {
    broken = { error };
  }
  while (inTheAir.length > 0) await tellOldest();
  if (broken !== null) throw broken.error;
  return counts;
}
