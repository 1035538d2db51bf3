import type { RowKey, WatchedContext } from '../watched.ts';
import type { ActionState } from './action.ts';
import type { DetailState } from './detail.ts';
import type { BrokerView, Row } from './rows.ts';
import type { Sorting } from './sorting.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** All that the view knows. Changed by the reducer only; everything else looks at it. */
export interface TopState {
  readonly size: Size;
  /** Milliseconds since the epoch, moved by events only; in a replay, those of the recording. */
  readonly now: number;
  /** Null: what is shown comes from the brokers. */
  readonly replay: 'running' | 'ended' | null;
  /** Of every context that is watched, in the order in which they were asked for. */
  readonly contexts: ReadonlyMap<string, WatchedContext>;
  /** The names and globs that were asked for; none: every queue. */
  readonly globs: readonly string[];
  readonly brokers: ReadonlyMap<string, BrokerView>;
  /** What a frozen screen goes on showing; null: it is live. */
  readonly frozen: { readonly at: number; readonly brokers: ReadonlyMap<string, BrokerView> } | null;
  readonly sorting: Sorting;
  readonly filter: { readonly text: string; readonly editing: boolean };
  readonly onlyDead: boolean;
  readonly onlyWrong: boolean;
  readonly intervalMs: number;
  /** The rows that pass the filters, in order. Derived; kept because keys move through them. */
  readonly rows: readonly Row[];
  /** The selection follows its queue, not its place on the screen. */
  readonly selected: RowKey | null;
  /**
   * The selection follows its queue: the operator has chosen one, or every broker has answered or failed. Before, it is
   * the first row, whichever that is.
   */
  readonly hasChosen: boolean;
  /** The first row on the screen. */
  readonly offset: number;
  /** Null: the list. */
  readonly detail: DetailState | null;
  readonly help: { readonly offset: number } | null;
  readonly action: ActionState | null;
  /** A sentence at the foot, until the next key. */
  readonly flash: string | null;
  /** Numbers the requests to the world outside, so that a late answer to an old one is recognised. */
  readonly nextRequest: number;
  /** The last text that was to be put into the clipboard; null: none yet. */
  readonly copied: { readonly id: number; readonly text: string } | null;
  readonly quitting: boolean;
}

/** Title, brokers, headings; the line of keys. */
export const LIST_CHROME = 4;

/** How many rows of the list fit. */
export function listHeight(size: Size): number {
  return Math.max(1, size.rows - LIST_CHROME);
}

/** What is on the screen: the frozen picture, or the live one. */
export function shownBrokers(state: TopState): ReadonlyMap<string, BrokerView> {
  return state.frozen?.brokers ?? state.brokers;
}

/** The instant that ages on the screen are counted to. */
export function shownNow(state: TopState): number {
  return state.frozen?.at ?? state.now;
}

export function rowOf(state: TopState, key: RowKey): Row | null {
  return shownBrokers(state).get(key.context)?.rows.get(key.queue) ?? null;
}

export interface InitialOptions {
  readonly size: Size;
  readonly now: number;
  readonly intervalMs: number;
  readonly contexts: ReadonlyMap<string, WatchedContext>;
  readonly globs: readonly string[];
  /** A recording is shown. */
  readonly isReplay: boolean;
}

export function initialState({ size, now, intervalMs, contexts, globs, isReplay }: InitialOptions): TopState {
  return {
    size,
    now,
    replay: isReplay ? 'running' : null,
    contexts,
    globs,
    brokers: new Map(),
    frozen: null,
    sorting: { key: 'trouble', reversed: false },
    filter: { text: '', editing: false },
    onlyDead: false,
    onlyWrong: false,
    intervalMs,
    rows: [],
    selected: null,
    hasChosen: false,
    offset: 0,
    detail: null,
    help: null,
    action: null,
    flash: null,
    nextRequest: 1,
    copied: null,
    quitting: false,
  };
}
