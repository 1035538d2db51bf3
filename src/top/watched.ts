import type { Broker } from '../contract/broker.ts';
import type { ErrorCode } from '../contract/errors.ts';
import type { Message } from '../contract/message.ts';
import type { AnyReport } from '../core/report.ts';
import type { Source } from '../feed/source.ts';

/** What can be done from the view. */
export const CHANGE_VERBS = ['pause', 'resume', 'redrive', 'purge', 'move'] as const;
export type ChangeVerb = (typeof CHANGE_VERBS)[number];

/** What was done from the view, for the history of changes. */
export interface Change {
  readonly verb: ChangeVerb;
  readonly queue: string;
  readonly to: string | null;
  /** Which messages, as the verb's options say it. */
  readonly selection: Readonly<Record<string, string | number>>;
  readonly broker: { readonly name: string; readonly address: string };
  readonly durationMs: number;
  /** Null for pausing and resuming, and when it failed as a whole. */
  readonly report: AnyReport | null;
  /** The error that ended it; null: none did. */
  readonly errorCode: ErrorCode | null;
}

/** What a context can be told apart by. */
export type LabelColor = 'red' | 'yellow' | 'green' | 'cyan' | 'blue' | 'magenta' | 'gray';

/** A broker to watch, and what the operator's configuration allows on it. */
export interface WatchedBroker extends Source {
  /** The options of the command line that choose it, without secrets: `['-c', 'prod']`. */
  readonly selector: readonly string[];
  /** The colour that the configuration gives to the context; absent: none. */
  readonly color?: LabelColor;
  /** Refuses every change: said before anything is asked. */
  readonly readonly: boolean;
  /**
   * What the configuration says of a change of this queue, with the same rules as for the verbs; throws when it refuses
   * it. `type-name`: the queue's name has to be typed first.
   */
  permit(verb: ChangeVerb, queue: string): 'as-usual' | 'type-name';
  /**
   * The broker for one action, which applies the same rules to each queue that it opens, under the name by which the
   * broker knows it: neither an alias nor the origin of dead letters leads around them. `isConfirmed`, asked each time:
   * a name was typed, or will be.
   */
  watch(verb: ChangeVerb, broker: Broker, isConfirmed: () => boolean): Broker;
  /** A message as it may be shown: without what the configuration hides of its body. */
  shown(message: Message): Message;
  /** Writes the history; resolves to a sentence when that was not possible, and never rejects. */
  remember(change: Change): Promise<string | null>;
}

/** The part of it that is data. */
export type Policy = Pick<WatchedBroker, 'selector' | 'readonly' | 'color'>;

/** Identity of a row: queue names are unique within a context only. */
export interface RowKey {
  readonly context: string;
  readonly queue: string;
}

export function sameKey(one: RowKey | null, other: RowKey | null): boolean {
  return one !== null && other !== null && one.context === other.context && one.queue === other.queue;
}

export function policiesOf(brokers: readonly WatchedBroker[]): ReadonlyMap<string, Policy> {
  return new Map(
    brokers.map(({ context, selector, readonly, color }) => [
      context,
      { selector, readonly, ...(color === undefined ? {} : { color }) },
    ]),
  );
}
