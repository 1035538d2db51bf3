import type { Kind } from './capabilities.ts';
import type { JsonValue } from './message.ts';
import type { Notice, Queue } from './queue.ts';
import type { QueueStats } from './stats.ts';

/**
 * Which queues of a broker: all those whose name `matches`. Of a single literal name the broker need not list the
 * others.
 */
export interface QueuePattern {
  readonly globs: readonly string[];
  matches(name: string): boolean;
}

export interface CreateOptions {
  /** Null: the broker's usual kind. */
  readonly kind: Kind | null;
  /** The dead-letter queue, created too when it is missing; null: none. */
  readonly deadLetterQueue: string | null;
  /** Deliveries before a message is dead; null: the broker's default. */
  readonly maxReceives: number | null;
  /**
   * Further settings under the broker's own names (`--set x-max-length=1000`). Unknown ones are refused by the backend.
   */
  readonly settings: Readonly<Record<string, JsonValue>>;
  readonly signal: AbortSignal;
}

export interface ListOptions {
  /** Said once when the list is partial, or when a figure is missing for a reason that concerns the whole broker. */
  readonly notice: Notice;
  /** Called for each answer of the broker, so that the caller's patience is one for an answer and not for the list. */
  readonly onAnswer?: () => void;
  readonly signal: AbortSignal;
}

/** One open connection. Opening and inspecting never create or change anything on the server. */
export interface Broker {
  /** As the manifest names it. */
  readonly name: string;
  /** Where it is, without credentials, for prompts and reports. */
  readonly address: string;
  /**
   * Present where users expect that enqueueing into a queue that does not exist creates it: a handle of such a queue,
   * whose publisher makes it together with the first message, so that an input that is refused leaves no trace. Throws
   * `USAGE` for what can be no name.
   */
  queueToMake?(name: string): Queue;
  /** Stats of many queues, as cheaply as the broker allows, in order of name where that costs nothing. */
  queues(pattern: QueuePattern, options: ListOptions): AsyncIterable<QueueStats>;
  /** Present where the names of all queues cost the broker much less than their stats. In any order. */
  names?(signal: AbortSignal): Promise<readonly string[]>;
  /** Throws `QUEUE_NOT_FOUND`. Never creates. */
  queue(name: string, signal: AbortSignal): Promise<Queue>;
  /** Creates the queue and its dead-letter link in one step. Throws `ALREADY_EXISTS` when the queue is there. */
  create?(name: string, options: CreateOptions): Promise<void>;
  /**
   * Deletes the queue itself with everything in it. Throws `QUEUE_NOT_FOUND`. Resolves to the number of messages lost
   * with it, null if unknown.
   */
  delete?(name: string, signal: AbortSignal): Promise<number | null>;
  /**
   * What an operator wants to know of the broker and of the rights there, for `mq doctor`: found out without changing
   * or disturbing anything. Goes on after a check that failed. `queue`: the one whose rights are asked, where rights
   * are per queue; null: any one.
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
  /** What was found; never a credential. */
  readonly detail: string;
  /** What to do about it; null: nothing. */
  readonly hint: string | null;
}
