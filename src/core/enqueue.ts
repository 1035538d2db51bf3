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
 * Sends messages with a bounded number in the air and tells each outcome in order, as soon as it and those before it are known. Aborting stops
 * reading, also in the middle of a wait for input; what is in the air is still settled and told. When reading or telling throws, the error is
 * thrown after everything that was sent before is settled (and, if it was reading that threw, told).
 */
export async function enqueueAll(request: EnqueueRequest): Promise<EnqueueResult> {
  const { publisher, signal, onOutcome, pacer } = request;
  const window = request.window ?? DEFAULT_WINDOW;
  const counts = { sent: 0, failed: 0, unknown: 0 };
  const untold: Promise<void>[] = [];
  let told: Promise<void> = Promise.resolve();
  let tellingFailed: { readonly error: unknown } | null = null;
  const tell = async (sending: Promise<SendOutcome>, before: Promise<void>, index: number): Promise<void> => {
    const outcome = await sending;
    await before;
    counts[outcome.status] += 1;
    if (tellingFailed !== null) return;
    try {
      await onOutcome(outcome, index);
    } catch (error) {
      tellingFailed = { error };
    }
  };
  const messages = untilAborted(request.messages, signal);
  let readingFailed: { readonly error: unknown } | null = null;
  try {
    let index = 0;
    for await (const message of messages) {
      if (pacer !== null) await pacer.next(signal);
      if (signal.aborted || tellingFailed !== null) break;
      told = tell(publisher.send(message), told, index++);
      untold.push(told);
      if (untold.length >= window) await untold.shift();
    }
  } catch (error) {
    readingFailed = { error };
  }
  await told;
  const failure = tellingFailed ?? readingFailed;
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return counts;
}

async function* untilAborted<T>(items: AsyncIterable<T> | Iterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  let next: 'aborted' | IteratorResult<T> | undefined;
  try {
    while (!signal.aborted) {
      next = await nextUnlessAborted(iterator, signal);
      if (next === 'aborted' || next.done === true) return;
      yield next.value;
    }
  } finally {
    // A pending `next` would make `return` wait for input that may never come.
    if (next !== 'aborted') await iterator.return?.();
  }
}

/** No `Promise.race` with one lasting promise: that would keep something of every item until the end. */
function nextUnlessAborted<T>(
  iterator: AsyncIterator<T> | Iterator<T>,
  signal: AbortSignal,
): Promise<'aborted' | IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve('aborted');
    signal.addEventListener('abort', stop, { once: true });
    Promise.resolve(iterator.next())
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}
