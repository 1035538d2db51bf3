import type { Broker } from '../contract/broker.ts';
import type { Notice } from '../contract/queue.ts';

/** A broker to watch, and what the operator's configuration allows on it. */
export interface WatchedBroker {
  /** Its name in the view; unique among those watched. */
  readonly context: string;
  /** The options of the command line that choose it, without secrets: `['-c', 'prod']`. */
  readonly selector: readonly string[];
  /** Refuses every change. */
  readonly readonly: boolean;
  /** Every change asks for the queue's name to be typed. */
  readonly protected: boolean;
  /** Called again after the connection was lost. */
  connect(options: { readonly notice: Notice; readonly signal: AbortSignal }): Promise<Broker>;
}

/** Identity of a row: queue names are unique within a context only. */
export interface RowKey {
  readonly context: string;
  readonly queue: string;
}

export function sameKey(one: RowKey | null, other: RowKey | null): boolean {
  return one !== null && other !== null && one.context === other.context && one.queue === other.queue;
}
