import type { Call } from '../contract/call.ts';
import { isMqError, type MqError } from '../contract/errors.ts';
import type { Message, MessageState } from '../contract/message.ts';
import type { NativeMove, NativeProgress, Queue } from '../contract/queue.ts';
import { counted } from './counted.ts';
import type { Progress } from './plan.ts';
import type { Clock } from './rate-limit.ts';
import { systemClock } from './rate-limit.ts';
import type { Operation, Report } from './report.ts';
import { Tally } from './report.ts';
import { scan } from './scan.ts';
import type { Selection } from './selection.ts';
import { reasonOf } from './transfer.ts';

export interface NativeTransferRequest extends Call {
  readonly operation: Operation;
  readonly source: Queue;
  readonly state: MessageState;
  readonly to: readonly string[];
  readonly selection: Selection;
  /** Look at no more than this many: the depth at the start. */
  readonly bound: number | null;
  readonly max: number | null;
  readonly ratePerSec: number | null;
  readonly onProgress: (progress: Progress) => void;
}

const PAGE = 500;
/** Named messages are collected until they fill a page: most brokers are sent them whole. */
const PAGE_BYTES = 8 * 1024 * 1024;
/**
 * With a rate, a page holds the messages that are due in this time: smooth enough for a consumer, and cheap enough for
 * the broker.
 */
const PACED_PAGE_MS = 50;

/**
 * Moves by the broker's own means, page by page. Without a selection, the broker takes the next messages, up to a
 * number. With one, `mq` looks (which is free on every kind that has a native move), chooses, and names the messages.
 * Each page is atomic if the guarantee says so, so a stop between two pages leaves every message in exactly one place.
 */
async function nativeTransfer(
  request: NativeTransferRequest,
  move: NativeMove,
  clock: Clock = systemClock,
): Promise<Report> {
  const { selection, signal, bound, max } = request;
  const tally = new Tally();
  const pageSize =
    request.ratePerSec === null
      ? PAGE
      : Math.max(1, Math.min(PAGE, Math.round((request.ratePerSec * PACED_PAGE_MS) / 1000)));
  let complete = true;
  let isLost = false;
  let refused: MqError | null = null;
  /** The largest number of messages that the page in the air may hold. */
  let asked = 0;
  let broken: unknown = null;
  let due = clock.now();
  const total = max === null ? bound : bound === null ? max : Math.min(max, bound);

  const paced = async (count: number): Promise<void> => {
    if (request.ratePerSec === null) return;
    if (due > clock.now()) await clock.sleep(due - clock.now(), signal);
    due = Math.max(due, clock.now() - PACED_PAGE_MS) + (count * 1000) / request.ratePerSec;
  };
  const countAll = (page: NativeProgress): number => {
    const done = doneIn(page);
    tally.seen += done;
    tally.matched += done;
    count(page);
    return done;
  };
  const count = (page: NativeProgress): void => {
    tally.moved += page.moved;
    for (const outcome of page.skipped) tally.skip(outcome);
    for (const { code, ...outcome } of page.failed) tally.fail(outcome, code);
    for (const outcome of page.unknown) tally.doubt(outcome);
    isLost ||= page.unknown.length > 0;
    refused ??= page.refused ?? null;
    request.onProgress({
      done: tally.moved + tally.skipped + tally.failed + tally.unknown + tally.left,
      total,
      elapsedMs: tally.elapsedMs,
    });
  };

  const leave = (remaining: number): void => {
    tally.seen += remaining;
    tally.left += remaining;
    complete = false;
    const messages = counted(remaining, 'message');
    request.notice(`the broker ended without moving about ${messages}, still in ${request.source.name}`);
  };

  try {
    if (selection.everything) {
      let remaining = total ?? Number.POSITIVE_INFINITY;
      while (remaining > 0 && !signal.aborted) {
        const upTo = Math.min(remaining, pageSize);
        await paced(upTo);
        if (signal.aborted) break;
        asked = upTo;
        const page = await move.next({ upTo });
        asked = 0;
        const done = countAll(page);
        remaining -= done;
        if (page.remaining !== undefined && page.remaining > 0) leave(page.remaining);
        if (page.exhausted || isLost || refused !== null || done === 0) break;
      }
    } else {
      let chosen: Message[] = [];
      let chosenBytes = 0;
      const flush = async (): Promise<void> => {
        if (chosen.length === 0) return;
        const messages = chosen;
        chosen = [];
        chosenBytes = 0;
        await paced(messages.length);
        if (signal.aborted) {
          tally.seen += messages.length;
          tally.left += messages.length;
          return;
        }
        tally.seen += messages.length;
        tally.matched += messages.length;
        const page = await move.next({ messages });
        if (page.unknown.length > 0 || page.refused !== undefined) {
          const untouched = messages.length - doneIn(page);
          tally.matched -= untouched;
          tally.left += untouched;
        }
        count(page);
      };
      const room = (): number =>
        max === null ? Number.POSITIVE_INFINITY : max - tally.matched + tally.skipped - chosen.length;
      for await (const message of scan({ ...request, force: false })) {
        if (signal.aborted || isLost || refused !== null || room() <= 0) break;
        await selection.learn(message);
        const verdict = selection.verdict(message);
        await selection.turn();
        if (verdict === 'take') {
          chosen.push(message);
          chosenBytes += message.body.byteLength;
          if (chosen.length >= pageSize || chosenBytes >= PAGE_BYTES || room() <= 0) await flush();
        } else {
          tally.seen += 1;
          if (verdict === 'leave') tally.left += 1;
          else {
            tally.matched += 1;
            tally.skip({ id: message.id, reason: verdict.skip });
          }
        }
      }
      if (!isLost && refused === null) await flush();
    }
    broken = refused;
  } catch (error) {
    broken = error;
  }
  try {
    // The report includes what the broker moved by itself after the last page, above all when the operator has
    // interrupted.
    if (move.stop !== undefined) countAll(await move.stop());
  } catch (error) {
    broken ??= error;
    request.notice(`the broker may still be moving messages by itself: ${reasonOf(error)}`);
  } finally {
    await move.close();
  }
  if (broken !== null) {
    if (tally.moved + tally.skipped + tally.failed + tally.unknown === 0) throw broken;
    // Of the page that broke off, only what its guarantee says is certain.
    const open = tally.matched - tally.moved - tally.skipped - tally.failed - tally.unknown;
    for (let i = 0; i < open; i++) tally.doubt({ id: null, reason: reasonOf(broken) });
    request.notice(`stopped: ${reasonOf(broken)}${move.guarantee === 'atomic' ? pageInDoubt(broken, asked) : ''}`);
    complete = false;
  }
  for (const remark of selection.remarks()) request.notice(remark);
  return tally.close({
    operation: request.operation,
    from: request.source.name,
    to: request.to,
    guarantee: move.guarantee,
    dryRun: false,
    native: true,
    complete: complete && !isLost && !signal.aborted && !selection.undecided,
  });
}

/** By the broker's own means. By hand if it turns out, before anything was moved, that the broker will not do it. */
export async function nativeElseByHand(
  request: NativeTransferRequest,
  move: NativeMove,
  byHand: () => Promise<Report>,
): Promise<Report> {
  try {
    return await nativeTransfer(request, move);
  } catch (error) {
    if (!isMqError(error) || error.code !== 'NOT_SUPPORTED') throw error;
    request.notice(`${error.message}: by hand instead`);
    return byHand();
  }
}

function doneIn({ moved, skipped, failed, unknown }: NativeProgress): number {
  return moved + skipped.length + failed.length + unknown.length;
}

/** The size of a page without names is unknown. It is moved as a whole or not at all, and is in no count. */
function pageInDoubt(error: unknown, asked: number): string {
  if (asked === 0 || !isMqError(error) || !error.retryable) return '';
  return asked === 1
    ? '; 1 more message may have been moved, whose answer was lost'
    : `; up to ${asked} more messages may have been moved, whose answer was lost`;
}
