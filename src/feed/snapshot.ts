import type { QueueStats } from '../contract/stats.ts';

/** How far the shown figures of a broker can be trusted. Instants are milliseconds since the epoch. */
export type Condition =
  | { readonly state: 'connecting' }
  | { readonly state: 'fresh' }
  /**
   * The last good sample is from `since` (null: there was none). `retryAt` is null while an answer is still awaited.
   */
  | {
      readonly state: 'stale';
      readonly reason: string;
      readonly since: number | null;
      readonly retryAt: number | null;
    };

/** The result of one poll of one broker. */
export interface Snapshot {
  readonly context: string;
  /** `rabbitmq` …; null until there was a connection. */
  readonly broker: string | null;
  readonly address: string | null;
  readonly at: number;
  /** How long the broker took to answer, in milliseconds; null without an answer. */
  readonly tookMs: number | null;
  /** The time from this reading to the next one, in milliseconds. Absent: it is unknown, or this is no reading. */
  readonly everyMs?: number;
  readonly condition: Condition;
  /** The broker was found to be as it was: what was known before is true at `at`, and only ages have grown. */
  readonly unchanged?: true;
  /** Every queue, with rates; null: nothing new, and what was known before stays. */
  readonly queues: readonly QueueStats[] | null;
  /** The notices of the backend about this reading. Broker text in it is not yet made safe. */
  readonly notices: readonly string[];
}
