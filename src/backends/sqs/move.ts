import { isMqError } from '../../contract/errors.ts';
import type { NativeMoveRequest } from '../../contract/queue.ts';
import { openDeadLetterQueue } from './dead-letters.ts';
import { isTaskRate, type MoveTaskPlan } from './move-task.ts';
import { redrivePolicy } from './queues/facts.ts';
import { isFifoName, parseArn } from './queues/names.ts';
import { arnOf, type QueuePlace, readAttributes } from './queues/place.ts';
import { sourcesOf } from './queues/sources.ts';

/** Null: not a queue of SQS. */
type Target = QueuePlace | 'origin' | null;

/**
 * How a move task does what is asked; null: it cannot. A move task takes everything in a dead-letter queue and changes
 * nothing on the way. So it is used only if exactly that was asked, and only between queues of the same sort in one
 * account and region.
 */
export async function planMoveTask(
  place: QueuePlace,
  target: Target,
  request: NativeMoveRequest,
): Promise<MoveTaskPlan | null> {
  const { state, signal } = request;
  if (request.selective || request.limit !== null || request.countReplay) return null;
  const ratePerSec = request.ratePerSec ?? null;
  if (!isTaskRate(ratePerSec)) return null;
  const source = state === 'dead' ? await ownDeadLetterQueue(place, signal) : place;
  const sourceArn = source === null ? null : arnOf(source);
  if (source === null || sourceArn === null) return null;
  const sources = await sourcesOf({ ...source, arn: sourceArn }, signal);
  if (sources === null || sources.length === 0) return null;
  // The dead letters of one queue are everything in its dead-letter queue only if no other queue shares it.
  if (state === 'dead' && sources.length !== 1) return null;
  const destinationArn = destinationOf(place, target, sourceArn);
  if (destinationArn === undefined) return null;
  if (!(await hasMoveTasks(source, sourceArn, signal))) return null;
  const { api, name, url } = source;
  return { api, name, url, sourceArn, destinationArn, ratePerSec };
}

async function ownDeadLetterQueue(place: QueuePlace, signal: AbortSignal): Promise<QueuePlace | null> {
  const policy = redrivePolicy(await readAttributes(place, signal));
  return policy === null ? null : openDeadLetterQueue(place, policy, signal);
}

/** Null: by origin. Undefined: a move task cannot go there. */
function destinationOf(place: QueuePlace, target: Target, sourceArn: string): string | null | undefined {
  if (target === 'origin') return null;
  if (target === null || isFifoName(target.name) !== isFifoName(place.name)) return undefined;
  const targetArn = arnOf(target);
  if (targetArn === null || targetArn === sourceArn) return undefined;
  const [from, to] = [parseArn(sourceArn), parseArn(targetArn)];
  const near = from !== null && to !== null && from.region === to.region && from.account === to.account;
  return near && target.api === place.api ? targetArn : undefined;
}

/**
 * Whether the server knows move tasks and the caller may watch them. Any failure means that they cannot be used: some
 * servers that only speak SQS's protocol answer unknown calls with an error of their own.
 */
async function hasMoveTasks({ api, name }: QueuePlace, sourceArn: string, signal: AbortSignal): Promise<boolean> {
  try {
    await api.listMoveTasks({ SourceArn: sourceArn, MaxResults: 1 }, { queue: name, signal });
    return true;
  } catch (error) {
    if (!isMqError(error) || signal.aborted) throw error;
    if (error.code === 'UNAUTHENTICATED' || error.code === 'TIMEOUT') throw error;
    return false;
  }
}
