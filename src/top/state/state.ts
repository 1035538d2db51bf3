import type { RowKey, WatchedContext } from '../watched.ts';
import type { ActionState } from './action.ts';
import type { DetailState } from './detail.ts';
import { type BrokerView, type Row, upToDate } from './rows.ts';
import type { Sorting } from './sorting.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Everything that the view knows. Only the reducer changes it; everything else reads it. */
export interface TopState {
  readonly size: Size;
  /** Milliseconds since the epoch, moved only by events. In a replay, the time of the recording. */
  readonly now: number;
  /** Null: the figures come from the brokers. */
  readonly replay: 'running' | 'ended' | null;
  /** Every watched context, in the order in which they were given. */
  readonly contexts: ReadonlyMap<string, WatchedContext>;
  /** The names and globs that were given; none: every queue. */
  readonly globs: readonly string[];
  readonly brokers: ReadonlyMap<string, BrokerView>;
  /** The picture that a frozen screen keeps showing; null: it is live. */
  readonly frozen: { readonly at: number; readonly brokers: ReadonlyMap<string, BrokerView> } | null;
  readonly sorting: Sorting;
  readonly filter: { readonly text: string; readonly editing: boolean };
  readonly onlyDead: boolean;
  readonly onlyWrong: boolean;
  readonly intervalMs: number;
  /** The rows that pass the filters, in order. They are derived, and kept because keys move through them. */
  readonly rows: readonly Row[];
  /** The selection follows its queue, not its position on the screen. */
  readonly selected: RowKey | null;
  /**
   * The selection follows its queue: the operator has chosen one, or every broker has answered or failed. Before that,
   * it is the first row, whichever that is.
   */
  readonly hasChosen: boolean;
  /** The first row on the screen. */
  readonly offset: number;
  /** Null: the list. */
  readonly detail: DetailState | null;
  readonly help: { readonly offset: number } | null;
  readonly action: ActionState | null;
  /** A sentence in the last line, until the next key. */
  readonly flash: string | null;
  /** Numbers the requests to the outside, so that a late answer to an old one is recognised. */
  readonly nextRequest: number;
  /** The last text for the clipboard; null: none yet. */
  readonly copied: { readonly id: number; readonly text: string } | null;
  readonly quitting: boolean;
}

/** Title, brokers, headings; the line of keys. */
export const LIST_CHROME = 4;

/** How many rows of the list fit. */
export function listHeight(size: Size): number {
  return Math.max(1, size.rows - LIST_CHROME);
}

/** The content of the screen: the frozen picture, or the live one. */
export function shownBrokers(state: TopState): ReadonlyMap<string, BrokerView> {
  return state.frozen?.brokers ?? state.brokers;
}

/** The instant up to which ages on the screen are counted. */
export function shownNow(state: TopState): number {
  return state.frozen?.at ?? state.now;
}

export function rowOf(state: TopState, key: RowKey): Row | null {
  const broker = shownBrokers(state).get(key.context);
  const row = broker?.rows.get(key.queue);
  return broker === undefined || row === undefined ? null : upToDate(row, broker);
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
