import { setTimeout as wait } from 'node:timers/promises';
import type { ListMessageMoveTasksResultEntry } from '@aws-sdk/client-sqs';
import { isMqError, MqError, throwIfAborted } from '../../contract/errors.ts';
import type { NativeMove, NativeMoveRequest, NativeProgress } from '../../contract/queue.ts';
import { pauseFor } from '../common/waits.ts';
import type { SqsApi } from './api/client.ts';
import { backOffMs } from './api/patience.ts';
import { isUnknownAction, wasNotCarriedOut } from './errors.ts';
import { depthOfAttributes } from './stats.ts';

export interface MoveTaskPlan {
  readonly api: SqsApi;
  /** The queue that messages are moved out of: a dead-letter queue. */
  readonly name: string;
  readonly url: string;
  readonly sourceArn: string;
  /** Null: each message goes back to the queue that lost it. */
  readonly destinationArn: string | null;
  /** Null: SQS decides. */
  readonly ratePerSec: number | null;
}

/** A move task keeps only to whole numbers of messages per second. */
export function isTaskRate(ratePerSec: number | null): boolean {
  return ratePerSec === null || (Number.isInteger(ratePerSec) && ratePerSec >= 1 && ratePerSec <= MAX_TASK_RATE);
}

interface TaskState {
  readonly status: string;
  readonly moved: number;
  /** The number at the start, by SQS's estimate; null: it does not say. */
  readonly expected: number | null;
  readonly reason: string | null;
}

/**
 * The limit of `MaxNumberOfMessagesPerSecond`:
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
 */
const MAX_TASK_RATE = 500;
const FIRST_POLL_MS = 250;
const LONGEST_POLL_MS = 2000;
/**
 * After a cancellation, messages that were in the air are still moved. The operator waits for them no longer than for
 * anything else.
 */
const STOP_PATIENCE_MS = 1_500;
/** AWS does not say how soon its list contains a task that it has started. */
const LISTING_PATIENCE_MS = 30_000;

/**
 * A move by SQS itself (`StartMessageMoveTask`). It moves everything in the dead-letter queue. The first `next` starts
 * it, the others watch it, and it is cancelled when the signal aborts or it is closed early. Cancelling keeps what was
 * moved.
 *
 * SQS cannot be told to stop after a number of messages. So a page reports what was moved since the last one, more or
 * less than `upTo`.
 */
export class MoveTask implements NativeMove {
  readonly guarantee = 'at-least-once';
  readonly #plan: MoveTaskPlan;
  readonly #signal: AbortSignal;
  #handle: string | null = null;
  /** When the task before ours was started, by SQS's clock; null: there was none, or the server does not tell. */
  #before: number | null = null;
  #startedAt = 0;
  #reported = 0;
  #over = false;
  #cancelled = false;
  #failure: MqError | null = null;

  constructor(plan: MoveTaskPlan, request: Pick<NativeMoveRequest, 'signal'>) {
    this.#plan = plan;
    this.#signal = request.signal;
  }

  async next(): Promise<NativeProgress> {
    if (this.#failure !== null) throw this.#failure;
    if (this.#over) return this.#progress(this.#reported);
    await this.#start();
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(pollMs * 2, LONGEST_POLL_MS)) {
      if (this.#signal.aborted) await this.#cancel();
      const state = await this.#look();
      this.#over = isOver(state);
      if (state.status === 'FAILED') this.#failure = this.#failed(state.reason);
      if (this.#over || state.moved > this.#reported) {
        if (this.#failure !== null && state.moved === this.#reported) throw this.#failure;
        const progress = this.#progress(state.moved);
        return progress.exhausted ? { ...progress, ...(await this.#remaining(state)) } : progress;
      }
      await wait(pollMs, undefined, this.#signal.aborted ? {} : { signal: this.#signal }).catch(() => undefined);
    }
  }

  /** Cancels the task unless it has ended, and waits until SQS says that nothing is being moved, for at most 30 s. */
  async stop(): Promise<NativeProgress> {
    if (this.#handle === null || this.#over) return this.#progress(this.#reported);
    await this.#cancel();
    const deadline = Date.now() + STOP_PATIENCE_MS;
    for (;;) {
      const state = await this.#look();
      this.#over = isOver(state);
      if (this.#over) return this.#progress(state.moved);
      if (Date.now() > deadline) {
        throw new MqError('TIMEOUT', `SQS was told to stop the move task, and has not said yet that it has`, {
          backend: 'sqs',
          operation: 'CancelMessageMoveTask',
          queue: this.#plan.name,
        });
      }
      await wait(FIRST_POLL_MS);
    }
  }

  async close(): Promise<void> {
    if (this.#handle !== null && !this.#over) await this.#cancel();
  }

  /** Progress is given even for an aborted signal, so that the report tells what was moved. */
  #progress(moved: number): NativeProgress {
    const delta = moved - this.#reported;
    this.#reported = moved;
    return { moved: delta, skipped: [], failed: [], unknown: [], exhausted: this.#over && this.#failure === null };
  }

  /** Not bound to the signal: a task whose start was cut off would continue without anything to watch or cancel it. */
  async #start(): Promise<void> {
    if (this.#handle !== null) return;
    throwIfAborted(this.#signal);
    const { api, name, sourceArn, destinationArn, ratePerSec } = this.#plan;
    this.#before = (await this.#newest())?.StartedTimestamp ?? null;
    throwIfAborted(this.#signal);
    this.#startedAt = Date.now();
    const input = {
      SourceArn: sourceArn,
      ...(destinationArn === null ? {} : { DestinationArn: destinationArn }),
      ...(ratePerSec === null ? {} : { MaxNumberOfMessagesPerSecond: ratePerSec }),
    };
    try {
      const { TaskHandle = null } = await this.#throttled(() => api.startMoveTask(input, { queue: name }));
      this.#handle = TaskHandle;
    } catch (error) {
      if (!isMqError(error)) throw error;
      if (wasRefused(error)) throw this.#refused(error);
      if (wasNotCarriedOut(error)) throw error;
      // The answer was lost. A task that runs anyway is ours: only one can run at a time, and before there was another
      // one or none.
      const task = await this.#newest();
      const isNew = task !== null && (task.StartedTimestamp ?? null) !== this.#before;
      if (!isNew || task.TaskHandle === undefined) throw this.#doubtful(error);
      this.#handle = task.TaskHandle;
    }
    if (this.#handle === null) {
      throw new MqError('UNEXPECTED_RESPONSE', 'SQS started a move task without naming it', {
        backend: 'sqs',
        queue: name,
      });
    }
  }

  /** Tried again while it is throttled, until the time limit is over: it was not started. */
  async #throttled<T>(start: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + this.#plan.api.timeoutMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await start();
      } catch (error) {
        const pauseMs = backOffMs(attempt, FIRST_POLL_MS);
        if (!isMqError(error) || error.code !== 'THROTTLED' || Date.now() + pauseMs > deadline) throw error;
        await pauseFor(pauseMs, this.#signal);
        throwIfAborted(this.#signal);
      }
    }
  }

  /** Denied, not known, or not possible for these queues: nothing was started, and the move may be done by hand. */
  #refused(error: MqError): MqError {
    return new MqError('NOT_SUPPORTED', `SQS starts no move task (${error.message})`, {
      backend: 'sqs',
      operation: 'StartMessageMoveTask',
      queue: this.#plan.name,
      cause: error.cause,
    });
  }

  #doubtful(error: MqError): MqError {
    return new MqError(error.code, `${error.message}; the move task may have been started anyway`, {
      backend: 'sqs',
      operation: 'StartMessageMoveTask',
      queue: this.#plan.name,
      hint: 'look at the queues before another try: mq stats',
      cause: error.cause,
    });
  }

  /**
   * The list holds the last ten tasks, and only a running one has its handle in it. Ours is the newest, because only
   * one may run at a time.
   */
  async #newest(): Promise<ListMessageMoveTasksResultEntry | null> {
    const { api, name, sourceArn } = this.#plan;
    const { Results: [task] = [] } = await api.listMoveTasks({ SourceArn: sourceArn, MaxResults: 1 }, { queue: name });
    return task ?? null;
  }

  /**
   * The messages that a task has ended without moving: by its own estimate, and by the count of the queue if that can
   * be read, because both are approximate.
   */
  async #remaining({ expected, moved }: TaskState): Promise<Pick<NativeProgress, 'remaining'>> {
    if (expected === null || moved >= expected) return {};
    const short = expected - moved;
    const { api, name, url } = this.#plan;
    try {
      const { Attributes: attributes = {} } = await api.getQueueAttributes(url, { queue: name });
      return { remaining: Math.min(short, depthOfAttributes(attributes) ?? short) };
    } catch {
      return { remaining: short };
    }
  }

  /** A look that fails is repeated until the time limit is over: the task continues meanwhile. */
  async #look(): Promise<TaskState> {
    const deadline = Date.now() + this.#plan.api.timeoutMs;
    for (;;) {
      try {
        return await this.#lookOnce();
      } catch (error) {
        const isTransient = isMqError(error) && (error.code === 'THROTTLED' || error.code === 'UNAVAILABLE');
        if (!isTransient || this.#signal.aborted || Date.now() > deadline) throw error;
        await pauseFor(LONGEST_POLL_MS, this.#signal);
      }
    }
  }

  async #lookOnce(): Promise<TaskState> {
    const task = await this.#newest();
    const isOurs = task !== null && (this.#before === null || task.StartedTimestamp !== this.#before);
    // The end of an older task would be taken for ours.
    if (!isOurs && Date.now() - this.#startedAt < LISTING_PATIENCE_MS) {
      return { status: 'RUNNING', moved: this.#reported, expected: null, reason: null };
    }
    if (!isOurs || task.Status === undefined) {
      throw new MqError('UNEXPECTED_RESPONSE', 'SQS does not list the move task that it started', {
        backend: 'sqs',
        operation: 'ListMessageMoveTasks',
        queue: this.#plan.name,
      });
    }
    return {
      status: task.Status,
      moved: task.ApproximateNumberOfMessagesMoved ?? 0,
      expected: task.ApproximateNumberOfMessagesToMove ?? null,
      reason: task.FailureReason ?? null,
    };
  }

  async #cancel(): Promise<void> {
    if (this.#handle === null || this.#cancelled) return;
    this.#cancelled = true;
    try {
      await this.#plan.api.cancelMoveTask({ TaskHandle: this.#handle }, { queue: this.#plan.name });
    } catch (error) {
      // It may have ended meanwhile, or be ending: the next look tells.
      if (!isMqError(error) || error.code === 'PERMISSION_DENIED' || error.retryable) throw error;
    }
  }

  #failed(reason: string | null): MqError {
    return new MqError('UNEXPECTED_RESPONSE', `the move task of SQS failed: ${reason ?? 'no reason given'}`, {
      backend: 'sqs',
      operation: 'StartMessageMoveTask',
      queue: this.#plan.name,
    });
  }
}

function wasRefused(error: MqError): boolean {
  if (isUnknownAction(error) || error.code === 'PERMISSION_DENIED') return true;
  return wasNotCarriedOut(error) && (error.code === 'UNEXPECTED_RESPONSE' || error.code === 'QUEUE_NOT_FOUND');
}

function isOver({ status }: TaskState): boolean {
  return status !== 'RUNNING' && status !== 'CANCELLING';
}
