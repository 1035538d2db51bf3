import type { Call } from '../contract/call.ts';
import { MqError } from '../contract/errors.ts';
import type { BareBodies, OutgoingMessage, SendOutcome } from '../contract/message.ts';
import type { Publisher } from '../contract/queue.ts';
import { BackOff } from './back-off.ts';
import { UNTOLD } from './publishers.ts';
import { type Clock, type Pacer, systemClock } from './rate-limit.ts';
import { DEFAULT_WINDOW } from './transfer.ts';

/** Only a publisher that has `sendBodies` gets bare bodies. */
export type Batch = readonly OutgoingMessage[] | BareBodies;

export interface EnqueueRequest extends Call {
  readonly publisher: Publisher;
  /** Named in the notice that the queue refuses messages for now. */
  readonly to: string;
  /**
   * Messages that were read together come as one group: waiting for each alone would cost more than sending it. The
   * input is read only as fast as it is sent. It may throw (a broken line): then what was sent before is settled and
   * told first.
   */
  readonly batches: AsyncIterable<Batch>;
  readonly pacer: Pacer | null;
  readonly window?: number;
  /**
   * Called once for each message, in the order of the input. It may be slow: a slow or closed reader holds up the
   * sending.
   */
  readonly onOutcome: (outcome: SendOutcome, index: number) => Promise<void> | void;
}

/** The outcomes of the messages that were read: `sent + failed + unknown` is their number. */
export interface EnqueueResult {
  readonly sent: number;
  readonly failed: number;
  readonly unknown: number;
}

/** Messages that are sent in one go and told together. */
interface Group {
  readonly count: number;
  readonly bytes: number;
  readonly told: Promise<void>;
}

/** Groups in the air: enough that the broker always works on one while the outcomes of another are told. */
const GROUPS = 4;
/** Enough for any broker to be busy. Each is in memory twice: as it was read, and as it is written. */
const MAX_BYTES_IN_THE_AIR = 8 * 1024 * 1024;

/**
 * Sends messages with a bounded number in the air. Tells each outcome in order, as soon as it and all before it are
 * known. Aborting stops the reading, even in the middle of a wait for input; what is in the air is still settled and
 * told. When reading or telling throws, everything that was sent before is settled first; if reading threw, it is also
 * told. Then the error is thrown. A message that is refused for now is sent again: see `BackOff`.
 */
export async function enqueueAll(request: EnqueueRequest, clock: Clock = systemClock): Promise<EnqueueResult> {
  const { publisher, signal, onOutcome, pacer } = request;
  const window = request.window ?? publisher.window ?? DEFAULT_WINDOW;
  const groupSize = pacer === null ? Math.max(1, Math.floor(window / GROUPS)) : 1;
  const backOff = new BackOff(clock, request.to, request.notice);
  const counts = { sent: 0, failed: 0, unknown: 0 };
  const untold: Group[] = [];
  let told: Promise<void> = Promise.resolve();
  let tellingFailed: { readonly error: unknown } | null = null;
  const tell = async (sending: Promise<readonly SendOutcome[]>, before: Promise<void>, first: number) => {
    const outcomes = await sending;
    await before;
    let number = first;
    for (const outcome of outcomes) {
      counts[outcome.status] += 1;
      if (tellingFailed !== null) continue;
      try {
        const telling = onOutcome(outcome, number++);
        if (telling !== undefined) await telling;
      } catch (error) {
        tellingFailed = { error };
      }
    }
  };
  let inTheAir = 0;
  let bytesInTheAir = 0;
  let index = 0;
  const send = async (batch: Batch): Promise<void> => {
    const count = countOf(batch);
    const bytes = bytesOf(batch);
    await backOff.clear(signal);
    told = tell(sendPersistently(publisher, batch, backOff, signal), told, index);
    untold.push({ count, bytes, told });
    index += count;
    inTheAir += count;
    bytesInTheAir += bytes;
    while (inTheAir + groupSize > window || bytesInTheAir > MAX_BYTES_IN_THE_AIR) {
      const oldest = untold.shift();
      if (oldest === undefined) break;
      await oldest.told;
      inTheAir -= oldest.count;
      bytesInTheAir -= oldest.bytes;
    }
  };
  let readingFailed: { readonly error: unknown } | null = null;
  try {
    reading: for await (const batch of untilAborted(request.batches, signal)) {
      for (let start = 0, count = countOf(batch); start < count; start += groupSize) {
        if (pacer !== null) await pacer.next(signal);
        if (signal.aborted || tellingFailed !== null) break reading;
        await send(sliceOf(batch, start, start + groupSize));
      }
    }
  } catch (error) {
    readingFailed = { error };
  }
  await told;
  const failure = tellingFailed ?? readingFailed;
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return counts;
}

function isBare(batch: Batch): batch is BareBodies {
  return 'bounds' in batch;
}

function countOf(batch: Batch): number {
  return isBare(batch) ? batch.bounds.length / 2 : batch.length;
}

function bytesOf(batch: Batch): number {
  if (!isBare(batch)) return batch.reduce((sum, { body }) => sum + body.byteLength, 0);
  return (batch.bounds.at(-1) ?? 0) - (batch.bounds[0] ?? 0);
}

function sliceOf(batch: Batch, start: number, end: number): Batch {
  if (start === 0 && end >= countOf(batch)) return batch;
  if (!isBare(batch)) return batch.slice(start, end);
  return { bytes: batch.bytes, bounds: batch.bounds.slice(2 * start, 2 * end) };
}

/** Sends again the messages that were certainly not stored and may succeed later. */
async function sendPersistently(
  publisher: Publisher,
  batch: Batch,
  backOff: BackOff,
  signal: AbortSignal,
): Promise<readonly SendOutcome[]> {
  const outcomes = [...(await sendBatch(publisher, batch))];
  for (;;) {
    if (outcomes.some(({ status }) => status === 'sent')) backOff.succeeded();
    const refused = outcomes.flatMap((outcome, index) => (isRefusedForNow(outcome) ? [index] : []));
    const [first] = refused;
    if (first === undefined) return outcomes;
    const outcome = outcomes[first];
    const reason = outcome?.status === 'failed' ? outcome.reason : '';
    if (!(await backOff.refused(reason, signal))) return outcomes;
    const again = await sendBatch(publisher, pick(batch, refused));
    for (const [place, index] of refused.entries()) outcomes[index] = again[place] ?? UNTOLD;
  }
}

function isRefusedForNow(outcome: SendOutcome): boolean {
  return outcome.status === 'failed' && outcome.again === true;
}

function pick(batch: Batch, indices: readonly number[]): Batch {
  if (!isBare(batch)) return indices.flatMap((index) => batch[index] ?? []);
  const { bytes, bounds } = batch;
  return { bytes, bounds: indices.flatMap((index) => bounds.slice(2 * index, 2 * index + 2)) };
}

function sendBatch(publisher: Publisher, batch: Batch): Promise<readonly SendOutcome[]> {
  if (!isBare(batch)) {
    if (publisher.sendAll !== undefined) return publisher.sendAll(batch);
    return Promise.all(batch.map((message) => publisher.send(message)));
  }
  if (publisher.sendBodies !== undefined) return publisher.sendBodies(batch);
  throw new MqError('INTERNAL', 'bare bodies for a publisher that does not take them');
}

async function* untilAborted<T>(items: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
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

/** `Promise.race` with one long-lived promise would keep something of every item until the end, so it is not used. */
function nextUnlessAborted<T>(iterator: AsyncIterator<T>, signal: AbortSignal): Promise<'aborted' | IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    const stop = (): void => resolve('aborted');
    signal.addEventListener('abort', stop, { once: true });
    iterator
      .next()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}
