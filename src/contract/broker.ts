import type { Call } from './call.ts';
import type { Kind } from './capabilities.ts';
import type { JsonValue } from './message.ts';
import type { Queue } from './queue.ts';
import type { QueueStats } from './stats.ts';

/**
 * Selects queues of a broker: all whose name `matches`. For a single literal name, the broker need not list the others.
 */
export interface QueuePattern {
  readonly globs: readonly string[];
  matches(name: string): boolean;
}

export interface CreateOptions {
  /** Null: the broker's usual kind. */
  readonly kind: Kind | null;
  /** The dead-letter queue, which is created if it is missing; null: none. */
  readonly deadLetterQueue: string | null;
  /** Deliveries before a message is dead; null: the broker's default. */
  readonly maxReceives: number | null;
  /** Further settings under the broker's own names (`--set x-max-length=1000`). The backend refuses unknown ones. */
  readonly settings: Readonly<Record<string, JsonValue>>;
  readonly signal: AbortSignal;
}

/**
 * `notice` is called once if the list is partial, or if a figure is missing for a reason that concerns the whole
 * broker.
 */
export interface ListOptions extends Call {
  /**
   * Called for each answer of the broker, so that the caller's time limit applies to each answer and not to the whole
   * list.
   */
  readonly onAnswer?: () => void;
}

/** What the provider of a broker bills for. */
export interface Bill {
  /** Made on this connection so far. */
  readonly requests: number;
  /** US dollars for a million of them, without free ones and discounts. */
  readonly usdPerMillion: number;
}

/** One open connection. Opening and inspecting never create or change anything on the server. */
export interface Broker {
  /** The name in the manifest. */
  readonly name: string;
  /** The address without credentials, for prompts and reports. */
  readonly address: string;
  /**
   * Present on a broker whose users expect that enqueueing into a missing queue creates it. Returns a handle of such a
   * queue. Its publisher creates the queue together with the first message, so a refused input leaves no trace. Throws
   * `USAGE` for an invalid name.
   */
  queueToMake?(name: string): Queue;
  /** Stats of many queues, as cheaply as the broker allows; in order of name if that costs nothing. */
  queues(pattern: QueuePattern, options: ListOptions): AsyncIterable<QueueStats>;
  /** Present if the names of all queues cost the broker much less than their stats. In any order. */
  names?(signal: AbortSignal): Promise<readonly string[]>;
  /** Present if the provider bills for requests, also for those that only look. */
  bill?(): Bill;
  /**
   * Present if the broker can tell for much less than the stats cost that they are still true. As long as this broker
   * gives the same mark, every figure of every queue is as it was, and ages have grown by the time in between. A mark
   * is taken before the reading that it is kept for. Null: it cannot tell just now. Writes nothing.
   */
  mark?(signal: AbortSignal): Promise<string | null>;
  /** Throws `QUEUE_NOT_FOUND`. Never creates. */
  queue(name: string, signal: AbortSignal): Promise<Queue>;
  /** Creates the queue and its dead-letter link in one step. Throws `ALREADY_EXISTS` if the queue exists. */
  create?(name: string, options: CreateOptions): Promise<void>;
  /**
   * Deletes the queue itself with everything in it. Throws `QUEUE_NOT_FOUND`. Resolves to the number of messages lost
   * with it, or null if that is unknown.
   */
  delete?(name: string, signal: AbortSignal): Promise<number | null>;
  /**
   * Finds out what an operator wants to know of the broker and of the rights there, for `mq doctor`. It changes and
   * disturbs nothing, and continues after a failed check. `queue`: the queue whose rights are checked, if rights are
   * per queue; null: any queue.
   */
  checks?(signal: AbortSignal, queue: string | null): AsyncIterable<Check>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** One finding of `mq doctor`. */
export interface Check {
  /** Two or three words: `may list queues`, `clock`. */
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'failed' | 'skipped';
  /** The result; never a credential. */
  readonly detail: string;
  /** What to do about it; null: nothing. */
  readonly hint: string | null;
}
