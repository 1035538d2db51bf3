import type { Guarantee } from '../contract/abilities.ts';
import type { AnyReport, Operation } from './report.ts';

export interface Progress {
  /** Settled so far: moved, skipped, failed or unknown. */
  readonly done: number;
  /** How many messages there are to look at; null: unknown. */
  readonly total: number | null;
  readonly elapsedMs: number;
}

export interface RunOptions {
  /**
   * Counts what would be done and changes nothing. If only looking can tell, it looks, and says the price by `notice`.
   */
  readonly dryRun: boolean;
  readonly onProgress: (progress: Progress) => void;
  /** Aborting stops taking, settles what is in the air, and resolves with `complete: false`. */
  readonly signal: AbortSignal;
}

/**
 * An operation whose checks are done and that has touched nothing yet. It holds what the question to the operator has
 * to say, and then does the work.
 */
export interface Plan {
  readonly operation: Operation;
  /** The queue that messages are taken from (for a redrive: the one that keeps the dead letters). */
  readonly from: string;
  readonly to: readonly string[];
  /** The number of messages to look at; null: unknown. With `exact`, all of them will be taken. */
  readonly count: number | null;
  readonly exact: boolean;
  readonly guarantee: Guarantee;
  /** One sentence that says what happens, with the side effects that an operator should know. */
  readonly effect: string;
  run(options: RunOptions): Promise<AnyReport>;
}
