import type { QueueStats } from '../contract/stats.ts';

/** How far what is shown of a broker can be trusted. Instants are milliseconds since the epoch. */
export type Condition =
  | { readonly state: 'connecting' }
  | { readonly state: 'fresh' }
  /** The last good sample is of `since` (null: there was none). `retryAt` is null while an answer is still awaited. */
  | {
      readonly state: 'stale';
      readonly reason: string;
      readonly since: number | null;
      readonly retryAt: number | null;
    };

/** What one poll of one broker has brought. */
export interface Snapshot {
  readonly context: string;
  /** `rabbitmq` …; null as long as there was no connection. */
  readonly broker: string | null;
  readonly address: string | null;
  readonly at: number;
  /** How long the broker took to answer, milliseconds; null without an answer. */
  readonly tookMs: number | null;
  /** From this reading to the next one, milliseconds. Absent: nobody knows, or it is no reading. */
  readonly everyMs?: number;
  readonly condition: Condition;
  /** Every queue, with rates; null: nothing new, what was known before stays. */
  readonly queues: readonly QueueStats[] | null;
  /** What the backend had to say about this reading. Broker text in it is not yet made safe. */
  readonly notices: readonly string[];
}
