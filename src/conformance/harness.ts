import type { Backend } from '../contract/backend.ts';
import type { Kind } from '../contract/capabilities.ts';

/**
 * What the suite must be told of a kind of queue. What the kind can do is not among it: that is read from the queue's
 * own record, and a wrong record fails. See test/README.md.
 */
export interface Harness {
  /** For the titles; an emulator says that it is one: `SQS standard (fauxqs emulator)`. */
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
   * Makes an empty queue of this kind, by other means than the backend where possible. With `deadLetters`, one whose
   * dead letters are kept, where the kind can keep them. Null: the broker has no queues of such a name.
   */
  makeQueue(name: string, options: { readonly deadLetters: boolean }): Promise<MadeQueue | null>;
  /**
   * Makes dead letters of these bodies, in this order, as the broker itself makes them: sent to the queue and failed by
   * a consumer. Required when the kind keeps dead letters.
   */
  deadLetter?(queue: string, bodies: readonly string[]): Promise<void>;
  /**
   * What an application's consumer (not `mq`) gets from the queue now, at most `limit` bodies, and takes for good. Does
   * not wait for what is not there. Required when the kind can be paused.
   */
  applicationTakes?(queue: string, limit: number): Promise<readonly string[]>;
  /**
   * Connections of the backend that the server counts now. Asked until it is back where it was before the test, for
   * `patienceMs`.
   */
  openConnections?(): Promise<number>;
  /** How long the broker may take to show what has become true; 10 s if not said. */
  readonly patienceMs?: number;
  /** How long one case may take; a minute if not said. */
  readonly caseTimeoutMs?: number;
  /** Resolves when the broker deletes nothing more that is sent after a purge; without it, that is at once. */
  afterPurge?(): Promise<void>;
}

export interface MadeQueue {
  /** Removes it with all that belongs to it; also when the backend has deleted it already. */
  remove(): Promise<void>;
}
