import type { Guarantee } from '../contract/capabilities.ts';
import { isMqError } from '../contract/errors.ts';
import type { Delivery, Message, SendOutcome } from '../contract/message.ts';
import type { Consumer, Notice } from '../contract/queue.ts';
import { BackOff } from './back-off.ts';
import { counted } from './counted.ts';
import type { Progress } from './plan.ts';
import { type Clock, type Pacer, systemClock } from './rate-limit.ts';
import type { Operation, Report } from './report.ts';
import { Tally } from './report.ts';
import { retryPauseMs } from './retry-pause.ts';
import type { Selection } from './selection.ts';

/**
 * `not-taken`: the destination cannot do anything with any message. This one goes back as if nobody had had it, and so
 * does all that comes after it.
 */
export type PutOutcome = SendOutcome | { readonly status: 'not-taken'; readonly reason: string };

/**
 * Where taken messages go. `put` resolves only when the message is safe there; what befalls one message is its outcome,
 * never a rejection.
 */
export interface Destination {
  put(message: Message): Promise<PutOutcome>;
}

export interface TransferRequest {
  readonly operation: Operation;
  readonly from: string;
  readonly to: readonly string[];
  readonly guarantee: Guarantee;
  readonly destination: Destination;
  readonly selection: Selection;
  /** `false`: a copy. What was read is given back at the end. */
  readonly removes: boolean;
  /**
   * What a failed `put` does to the message: held and given back at the end, or released as a failed delivery (`drain
   * --exec`), which may come again: at once, or after a pause when it has failed often. `release-counted`: so too, but
   * where nobody counts the deliveries, nothing would ever end that: then it is held, and tried once.
   */
  readonly onFailure: 'hold' | 'release' | 'release-counted';
  /**
   * Look at no more than this many: the depth at the start, so that a consumer that keeps failing cannot make a loop of
   * it.
   */
  readonly bound: number | null;
  /**
   * Leave messages that were enqueued later than this, where the depth at the start is not exact. Milliseconds since
   * the epoch.
   */
  readonly notAfter: number | null;
  /** Take no more than this many. */
  readonly max: number | null;
  readonly pacer: Pacer | null;
  /** Messages in the air at once. */
  readonly window: number;
  readonly notice: Notice;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}

export const DEFAULT_WINDOW = 500;
const MAX_BYTES_IN_THE_AIR = 64 * 1024 * 1024;
/**
 * So many failures with no success between them mean that the destination does not work. What one answer refused
 * together is one failure.
 */
const FAILURES_IN_A_ROW = 10;

/** How many the consumer may take from the broker, so that it never takes more than can be used. */
export function takeLimit(request: Pick<TransferRequest, 'selection' | 'bound' | 'max'>): number | null {
  const { bound, max } = request;
  if (!request.selection.everything) return bound;
  if (bound === null) return max;
  return max === null ? bound : Math.min(bound, max);
}

/**
 * The one lossless engine: take a delivery → select → put → when the destination has it for certain, ack.
 *
 * ```
 * taken ─┬─ leave ───────────────────────────────► held ──► given back at the end, in order
 *        ├─ matched, but it stays ──────────────► released: failed, with the reason
 *        ├─ skip (matched, but not to be taken) ─► held
 *        └─ take ─► in the air ─┬─ sent ─► acked: moved      (ack lost: unknown, it may be in both places)
 *                     ▲         ├─ refused for now ─► waits, and is sent again
 *                     └─────────┘
 *                               ├─ failed ──────► held       (or released at once as a failed delivery)
 *                               ├─ not taken ───► released: left, and the transfer ends
 *                               └─ unknown ─────► held       (answer lost: it may be in both places)
 * ```
 *
 * There is no edge on which a message is removed before it is safe at the destination. `open` is called once; the
 * consumer is always closed. When taking breaks off (connection lost), what is in the air is settled, and the error is
 * told by `notice` with `complete: false` if anything had been taken, else thrown.
 */
export async function transfer(
  request: TransferRequest,
  open: (signal: AbortSignal) => Promise<Consumer>,
  clock: Clock = systemClock,
): Promise<Report> {
  const { selection, max, signal } = request;
  const tally = new Tally();
  const inTheAir = new Set<Promise<void>>();
  let bytesInTheAir = 0;
  let inARow = 0;
  let lastBatch: number | undefined;
  let already = 0;
  let heldFailures = 0;
  let newer = 0;
  // Aborts the taking alone: also a consumer that waits for more must hear that the destination does not work.
  const stop = new AbortController();
  let complete = true;
  let passedOver = false;
  let broken: unknown = null;
  let bug: { readonly error: unknown } | null = null;

  const total = takeLimit(request);
  const progress = (): void =>
    request.onProgress({
      done: tally.moved + tally.skipped + tally.failed + tally.unknown + tally.left,
      total,
      elapsedMs: tally.elapsedMs,
    });

  const taking = AbortSignal.any([signal, stop.signal]);
  // Nothing is taken any more: what failed need not wait for its next attempt.
  const over = new AbortController();
  let pauseTold = false;
  const pauseBeforeRetry = async (attempts: number): Promise<void> => {
    const pauseMs = retryPauseMs(attempts);
    if (pauseMs === 0) return;
    if (!pauseTold)
      request.notice(`${attempts} attempts have failed: from now on there is a pause before each further one`);
    pauseTold = true;
    await clock.sleep(pauseMs, AbortSignal.any([taking, over.signal]));
  };

  const backOff = new BackOff(clock, request.to.join(', ') || 'the target', request.notice);
  /**
   * Sends, and sends again what was certainly not stored and may succeed later. Null: interrupted meanwhile, and not
   * stored.
   */
  const put = async (message: Message): Promise<PutOutcome | null> => {
    for (;;) {
      const outcome = await request.destination.put(message);
      if (outcome.status === 'sent') backOff.succeeded();
      if (outcome.status !== 'failed' || outcome.again !== true) return outcome;
      if (!(await backOff.refused(outcome.reason, taking))) return signal.aborted ? null : outcome;
    }
  };

  const settle = async ({ message, receipt }: Delivery): Promise<void> => {
    const outcome = await put(message);
    if (outcome === null) {
      receipt.keep?.();
      tally.matched -= 1;
      tally.left += 1;
      return;
    }
    if (outcome.status === 'sent' && outcome.already === true) {
      already += 1;
      if (!request.removes) {
        receipt.keep?.();
        tally.skip({ id: message.id, reason: `is in ${request.to.join(', ')} already` });
        progress();
        return;
      }
    }
    if (outcome.status === 'sent') {
      inARow = 0;
      try {
        if (request.removes) await receipt.ack();
        else receipt.keep?.();
        tally.moved += 1;
      } catch (error) {
        tally.doubt({ id: message.id, reason: `stored, but its removal is not certain: ${reasonOf(error)}` });
        stop.abort();
        complete = false;
      }
    } else if (outcome.status === 'not-taken') {
      tally.matched -= 1;
      tally.left += 1;
      await receipt.release().catch(() => {});
      stop.abort();
      complete = false;
    } else if (outcome.status === 'unknown') {
      receipt.keep?.();
      tally.doubt({ id: message.id, reason: outcome.reason });
      stop.abort();
      complete = false;
    } else {
      tally.fail({ id: message.id, reason: outcome.reason }, outcome.code);
      if (outcome.batch === undefined || outcome.batch !== lastBatch) inARow += 1;
      lastBatch = outcome.batch;
      // One without `keep` stays where it is and is passed over.
      const isEndless = message.receiveCount === null && receipt.keep !== undefined;
      const attempts = message.receiveCount ?? (isEndless ? inARow : 1);
      if (request.onFailure === 'release-counted' && isEndless) receipt.keep?.();
      else if (request.onFailure !== 'hold') {
        await pauseBeforeRetry(attempts);
        await receipt.release({ failure: outcome.reason }).catch(() => {});
      } else {
        receipt.keep?.();
        heldFailures += 1;
        if (inARow >= FAILURES_IN_A_ROW || heldFailures >= request.window / 2) {
          stop.abort();
          complete = false;
        }
      }
    }
    progress();
  };

  const consumer = await open(taking);
  try {
    let taken = 0;
    if (max !== 0) {
      for await (const delivery of consumer) {
        const { message, receipt } = delivery;
        tally.seen += 1;
        if (request.notAfter !== null && message.enqueuedAt !== null && message.enqueuedAt > request.notAfter) {
          receipt.keep?.();
          tally.left += 1;
          newer += 1;
          if (newer >= request.window / 2) {
            passedOver = true;
            complete = false;
            break;
          }
          continue;
        }
        const verdict = selection.verdict(message);
        await selection.turn();
        if (verdict !== 'take') receipt.keep?.();
        if (verdict === 'leave') {
          tally.left += 1;
          progress();
          continue;
        }
        tally.matched += 1;
        if (verdict !== 'take') {
          tally.skip({ id: message.id, reason: verdict.skip });
          continue;
        }
        if (delivery.stays !== undefined) {
          tally.fail({ id: message.id, reason: delivery.stays });
          await receipt.release();
          progress();
          continue;
        }
        if (request.pacer !== null) await request.pacer.next(taking);
        await backOff.clear(taking);
        while (!stop.signal.aborted && (inTheAir.size >= request.window || bytesInTheAir > MAX_BYTES_IN_THE_AIR))
          await Promise.race(inTheAir);
        if (taking.aborted) {
          // Taken from the broker but not sent: it goes back, so it does not count as matched.
          tally.matched -= 1;
          tally.left += 1;
          break;
        }
        const size = message.body.byteLength;
        bytesInTheAir += size;
        const settled: Promise<void> = settle(delivery)
          .catch((error: unknown) => {
            bug ??= { error };
            stop.abort();
          })
          .finally(() => {
            bytesInTheAir -= size;
            inTheAir.delete(settled);
          });
        inTheAir.add(settled);
        taken += 1;
        if (taken === max) break;
      }
    }
    if ((consumer.unseen ?? 0) > 0) complete = false;
  } catch (error) {
    broken = error;
    complete = false;
  } finally {
    over.abort();
    await Promise.all(inTheAir);
    try {
      await consumer.close();
    } catch (error) {
      broken ??= error;
      complete = false;
    }
  }
  // No destination may reject: what became of its message is not known, so there is no report to make.
  if (bug !== null) throw (bug as { readonly error: unknown }).error;
  if (broken !== null && tally.seen === 0) throw broken;
  if (newer > 0) {
    const behind = passedOver ? '; older ones may be behind them' : '';
    request.notice(
      `${counted(newer, 'message')} came to ${request.from} after the start, and ${newer === 1 ? 'was' : 'were'} left${behind}`,
    );
  }
  if (already > 0 && request.removes) {
    request.notice(
      `${counted(already, 'message was', 'messages were')} in ${request.to.join(', ')} already, from a run that broke off`,
    );
  }
  if (broken !== null) request.notice(`stopped: ${reasonOf(broken)}; what was not moved is still in ${request.from}`);
  for (const remark of selection.remarks()) request.notice(remark);
  if (signal.aborted || selection.undecided) complete = false;
  const { operation, from, to, guarantee } = request;
  return tally.close({ operation, from, to, guarantee, dryRun: false, native: false, complete });
}

export function reasonOf(error: unknown): string {
  return isMqError(error) ? error.message : 'an unexpected error';
}
