import type { Backend } from '../contract/backend.ts';
import type { Kind } from '../contract/capabilities.ts';

/**
 * What the suite must be told of a kind of queue. Its abilities are not among it: they are read from the queue's own
 * record, and a wrong record fails. See test/README.md.
 */
export interface Harness {
  /** For the titles. An emulator says that it is one: `SQS standard (fauxqs emulator)`. */
  readonly name: string;
  readonly kind: Kind;
  readonly backend: Backend;
  readonly url: string;
  /**
   * A name that the broker accepts for this kind, made from `base`; without it, `base` itself (SQS FIFO:
   * `${base}.fifo`).
   */
  queueName?(base: string): string;
  /**
   * Makes an empty queue of this kind, by other means than the backend if possible. With `deadLetters`, one whose dead
   * letters are kept, if the kind can keep them. Null: the broker has no queues of such a name.
   */
  makeQueue(name: string, options: { readonly deadLetters: boolean }): Promise<MadeQueue | null>;
  /**
   * Makes dead letters of these bodies, in this order, as the broker itself makes them: sent to the queue and failed by
   * a consumer. Required if the kind keeps dead letters.
   */
  deadLetter?(queue: string, bodies: readonly string[]): Promise<void>;
  /**
   * The bodies that an application's consumer (not `mq`) gets from the queue now, at most `limit`, and takes for good.
   * It does not wait for missing messages. Required if the kind can be paused.
   */
  applicationTakes?(queue: string, limit: number): Promise<readonly string[]>;
  /**
   * Connections of the backend that the server counts now. Asked for up to `patienceMs`, until the number is the same
   * as before the test.
   */
  openConnections?(): Promise<number>;
  /** How long the broker may take to show a change; 10 s by default. */
  readonly patienceMs?: number;
  /** How long one case may take; a minute by default. */
  readonly caseTimeoutMs?: number;
  /** Resolves when the broker no longer deletes messages that are sent after a purge. Absent: that is at once. */
  afterPurge?(): Promise<void>;
}

export interface MadeQueue {
  /** Removes it with everything that belongs to it, even if the backend has deleted it already. */
  remove(): Promise<void>;
}
