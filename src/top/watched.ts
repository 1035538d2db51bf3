import type { Policy } from '../change/guard.ts';
import { MqError } from '../contract/errors.ts';
import type { Message } from '../contract/message.ts';
import type { Source } from '../feed/source.ts';

/** What can be done from the view: `CHOICES` in `state/action.ts` says how. */
export type ChangeVerb = 'pause' | 'resume' | 'redrive' | 'purge' | 'move';

/** The features that tell one context from another. */
export type LabelColor = 'red' | 'yellow' | 'green' | 'cyan' | 'blue' | 'magenta' | 'gray';

/** A broker to watch, and what the operator's configuration allows on it. */
export interface WatchedBroker extends Source {
  /** The options of the command line that choose it, without secrets: `['-c', 'prod']`. */
  readonly selector: readonly string[];
  /** The colour of the context in the configuration; absent: none. */
  readonly color?: LabelColor;
  /** What its context allows; null: it has no context, and everything is allowed. */
  readonly policy: Policy | null;
  /** A message as it may be shown: without the parts of its body that the configuration hides. */
  shown(message: Message): Message;
}

/** The part of it that is data. */
export type WatchedContext = Pick<WatchedBroker, 'selector' | 'policy' | 'color'>;

/** Identifies a row: queue names are unique only within a context. */
export interface RowKey {
  readonly context: string;
  readonly queue: string;
}

export function sameKey(one: RowKey | null, other: RowKey | null): boolean {
  return one !== null && other !== null && one.context === other.context && one.queue === other.queue;
}

export function contextsOf(brokers: readonly WatchedBroker[]): ReadonlyMap<string, WatchedContext> {
  return new Map(
    brokers.map(({ context, selector, policy, color }) => [
      context,
      { selector, policy, ...(color === undefined ? {} : { color }) },
    ]),
  );
}

/** The answer to a request on a recording. */
export function notThere(): MqError {
  return new MqError('PRECONDITION_FAILED', 'this is a recording: there is no broker behind it');
}

/** A context of a recording: there is no broker behind it to connect to or to change. */
export function recordedBroker(context: string): WatchedBroker {
  return {
    context,
    selector: [],
    policy: null,
    shown: (message) => message,
    connect: () => Promise.reject(notThere()),
  };
}
