import type { Manifest } from '../contract/backend.ts';

/** What a configuration may speak of. */
export interface Known {
  /** What is declared of every broker. */
  readonly brokers: readonly Manifest[];
  /** The verbs that a rule can forbid: those that change something. */
  readonly verbs: readonly string[];
}
