import type { Notice } from '../contract/call.ts';
import type { NativeMove, Queue } from '../contract/queue.ts';
import { BY_HAND, type Depth } from './depth.ts';
import type { DryRunRequest } from './dry-run.ts';
import { transfer } from './engine.ts';
import { nativeElseByHand } from './native-transfer.ts';
import type { RunOptions } from './plan.ts';
import { pacer } from './rate-limit.ts';
import type { Operation, Report } from './report.ts';
import type { Selection } from './selection.ts';
import { reading, taking } from './take.ts';
import { DEFAULT_WINDOW, type Destination, PAGES_WINDOW, type TransferRequest } from './transfer.ts';

/** Which messages, from where, and how fast. It is the same for work by hand, by the broker, and for a dry run. */
export interface Work {
  readonly operation: Operation;
  readonly source: Queue;
  readonly state: 'ready' | 'dead';
  /** The names of the targets, for the report. */
  readonly to: readonly string[];
  readonly selection: Selection;
  /** The depth at the start. */
  readonly depth: Depth;
  readonly max: number | null;
  readonly ratePerSec: number | null;
  /** Messages in the air at once; absent: as many as pays. */
  readonly window?: number | undefined;
  /** Look even if looking may do harm. */
  readonly force: boolean;
  readonly notice: Notice;
}

/** Take as a consumer does: nothing from a paused queue, and, if wanted, more than there was at the start. */
export interface AsConsumer {
  readonly follow: boolean;
  readonly idleMs: number | null;
  /** It takes no more than there was at the start. */
  readonly bounded: boolean;
}

const AS_OPERATOR: AsConsumer = { follow: false, idleMs: null, bounded: true };

export interface Hands {
  readonly destination: Destination;
  /** See `TransferRequest`; absent: `hold`. */
  readonly onFailure?: TransferRequest['onFailure'];
  /** Absent: as an operator, who may take messages even while the queue is paused. */
  readonly asConsumer?: AsConsumer;
}

type Run = Pick<RunOptions, 'onProgress' | 'signal'>;

/** By hand: each message is taken, put, and removed when it is safely there. A copy removes nothing. */
export async function byHand(work: Work, hands: Hands, { onProgress, signal }: Run): Promise<Report> {
  const { operation, source, to, selection, depth, max, ratePerSec, notice } = work;
  const { destination, onFailure = 'hold', asConsumer } = hands;
  const { follow, idleMs, bounded } = asConsumer ?? AS_OPERATOR;
  const bound = bounded ? depth.bound : null;
  const removes = operation !== 'copy';
  // Whole pages, if no message has to be looked at, paced or given back by itself.
  const areAlike = selection.everything && ratePerSec === null && removes && onFailure === 'hold';
  const byPage = areAlike && destination.putAll !== undefined && source.capabilities.traits.includes('pages');
  const window = work.window ?? (byPage ? PAGES_WINDOW : DEFAULT_WINDOW);
  const take = { ...work, window, bound, follow, idleMs, evenPaused: asConsumer === undefined };
  return await transfer(
    {
      ...{ operation, from: source.name, to, guarantee: BY_HAND, destination, selection, removes, onFailure, bound },
      ...{ notAfter: bounded ? depth.notAfter : null, max, window, byPage, notice, onProgress, signal },
      pacer: ratePerSec === null ? null : pacer(ratePerSec),
    },
    removes ? taking(take) : reading(take),
  );
}

export interface NativeWork {
  readonly to: Queue | 'origin';
  /** Mark each moved message as redriven once more. */
  readonly countReplay: boolean;
}

/** The broker's own way to do exactly this, or null. */
export async function nativeMoveOf(
  { source, state, selection, max, ratePerSec, notice }: Work,
  { to, countReplay }: NativeWork,
  signal: AbortSignal,
): Promise<NativeMove | null> {
  if (source.nativeMove === undefined) return null;
  const selective = !selection.everything;
  return await source.nativeMove({ state, to, selective, limit: max, ratePerSec, countReplay, notice, signal });
}

/**
 * Works by the broker's own means if it can, else by hand. The broker is asked again, because it may no longer be able
 * to do what it could when the work was planned.
 */
export async function nativelyElse(
  work: Work,
  native: NativeWork,
  hands: () => Promise<Report>,
  { onProgress, signal }: Run,
): Promise<Report> {
  const move = await nativeMoveOf(work, native, signal);
  if (move === null) return await hands();
  return await nativeElseByHand({ ...work, bound: work.depth.bound, onProgress, signal }, move, hands);
}

/** The messages that a dry run looks at. */
export function looked({ depth, ...work }: Work, signal: AbortSignal): DryRunRequest {
  return { ...work, bound: depth.bound, count: depth.count, signal };
}
