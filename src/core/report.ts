import type { Guarantee } from '../contract/abilities.ts';
import { type ErrorCode, MqError } from '../contract/errors.ts';
import type { ItemOutcome } from '../contract/queue.ts';

export type Operation = 'redrive' | 'move' | 'copy' | 'purge' | 'drain';

/** What a verb that changes messages did, or would do with `dryRun`. This is public JSON: keys are only ever added. */
export interface Report<Count = number> {
  readonly operation: Operation;
  readonly from: string;
  readonly to: readonly string[];
  readonly dryRun: boolean;
  /** = moved + skipped + failed + unknown. In a dry run `moved` is what would be moved. */
  readonly matched: Count;
  readonly moved: Count;
  readonly skipped: number;
  readonly failed: number;
  /** Seen, not matched, and still in its place. */
  readonly left: number;
  /** Sent, but the answer was lost: the message may be in both places, never in neither. */
  readonly unknown: number;
  readonly durationMs: number;
  readonly perSec: number | null;
  readonly guarantee: Guarantee;
  readonly native: boolean;
  /** The first thousand messages that failed, were skipped or are unknown. */
  readonly failures: readonly ItemOutcome[];
  /**
   * False when the run was interrupted or broke off: the rest is still in its place. `plan-words.ts` says what that
   * means for another run.
   */
  readonly complete: boolean;
  /**
   * The one reason why every message failed, if nothing was done. Absent: something was done, or there are several
   * reasons.
   */
  readonly code?: ErrorCode;
}

/** The report of a broker's own purge may lack its counts: null, never 0. */
export type AnyReport = Report<number | null>;

const MAX_FAILURES_LISTED = 1000;

/** Counts while a verb works, and checks at the end that the counts balance. */
export class Tally {
  seen = 0;
  matched = 0;
  moved = 0;
  skipped = 0;
  failed = 0;
  unknown = 0;
  left = 0;
  readonly failures: ItemOutcome[] = [];
  readonly #codes = new Set<ErrorCode | undefined>();
  readonly #startedAt = performance.now();

  skip(outcome: ItemOutcome): void {
    this.skipped += 1;
    this.#list(outcome);
  }

  /** `code`: see `SendOutcome`. */
  fail(outcome: ItemOutcome, code?: ErrorCode): void {
    this.failed += 1;
    this.#codes.add(code);
    this.#list(outcome);
  }

  doubt(outcome: ItemOutcome): void {
    this.unknown += 1;
    this.#list(outcome);
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  get #onlyCode(): ErrorCode | undefined {
    const [code] = this.#codes;
    return this.#codes.size === 1 && this.moved + this.unknown === 0 ? code : undefined;
  }

  #list(outcome: ItemOutcome): void {
    if (this.failures.length < MAX_FAILURES_LISTED) this.failures.push(outcome);
  }

  /** Throws `INTERNAL` when the counts do not balance: a wrong report must never look like a right one. */
  close(facts: Pick<Report, 'operation' | 'from' | 'to' | 'dryRun' | 'guarantee' | 'native' | 'complete'>): Report {
    const { matched, moved, skipped, failed, unknown, left, seen } = this;
    if (matched !== moved + skipped + failed + unknown || seen !== matched + left) {
      throw new MqError(
        'INTERNAL',
        `the counts do not balance: seen ${seen}, matched ${matched}, moved ${moved}, skipped ${skipped}, failed ${failed}, unknown ${unknown}, left ${left}`,
      );
    }
    const code = this.#onlyCode;
    const durationMs = Math.round(this.elapsedMs);
    return {
      operation: facts.operation,
      from: facts.from,
      to: facts.to,
      dryRun: facts.dryRun,
      matched,
      moved,
      skipped,
      failed,
      left,
      unknown,
      durationMs,
      perSec: facts.dryRun || durationMs === 0 ? null : Math.round((moved / durationMs) * 10_000) / 10,
      guarantee: facts.guarantee,
      native: facts.native,
      failures: this.failures,
      complete: facts.complete,
      ...(code === undefined ? {} : { code }),
    };
  }
}
