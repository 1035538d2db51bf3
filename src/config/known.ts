import type { Manifest } from '../contract/backend.ts';

/** The names that a configuration may use. */
export interface Known {
  /** The declarations of every broker. */
  readonly brokers: readonly Manifest[];
  /** The verbs that a rule can forbid: those that change something. */
  readonly verbs: readonly string[];
}
