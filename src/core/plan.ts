import type { Guarantee } from '../contract/capabilities.ts';
import type { AnyReport, Operation } from './report.ts';

export interface Progress {
  /** Settled so far: moved, skipped, failed or unknown. */
  readonly done: number;
  /** How many there are to look at; null when that is unknown. */
  readonly total: number | null;
  readonly elapsedMs: number;
}

export interface RunOptions {
  /**
   * Counts what would be done and changes nothing. Where only looking can tell, it looks, and says the price by
   * `notice`.
   */
  readonly dryRun: boolean;
  readonly onProgress: (progress: Progress) => void;
  /** Aborting stops taking, settles what is in the air, and resolves with `complete: false`. */
  readonly signal: AbortSignal;
}

/**
 * An operation whose checks are all done and that has touched nothing yet: what the question to the operator has to
 * say, and then the work itself.
 */
export interface Plan {
  readonly operation: Operation;
  /** The queue that the messages are taken from (for a redrive: where the dead letters are kept). */
  readonly from: string;
  readonly to: readonly string[];
  /** Messages that it will look at; null when unknown. With `exact`, all of them will be taken. */
  readonly count: number | null;
  readonly exact: boolean;
  readonly guarantee: Guarantee;
  /** What happens, in one sentence, with the side effects that an operator should know. */
  readonly effect: string;
  run(options: RunOptions): Promise<AnyReport>;
}
