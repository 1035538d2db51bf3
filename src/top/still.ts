import type { Snapshot } from '../feed/snapshot.ts';
import { reduce } from './reducer/reducer.ts';
import type { BrokerView } from './state/rows.ts';
import { type InitialOptions, initialState, LIST_CHROME, type TopState } from './state/state.ts';
import { wholeReasons } from './text/brokers.ts';
import { screenLines } from './text/screen.ts';
import type { Theme } from './text/theme.ts';

/**
 * One frame as text: as wide as allowed, and as high as needed to show every queue. It has no control sequences but
 * colours.
 */
export function frameText(state: TopState, theme: Theme, columns: number): string {
  const below = wholeReasons(state, Math.max(1, columns), theme).length;
  const sized = {
    ...state,
    size: { columns: columns + 1, rows: Math.max(1, state.rows.length) + below + LIST_CHROME },
    offset: 0,
  };
  const lines = screenLines({ ...sized, selected: null }, theme);
  // The last line holds the keys, which have no meaning in a still.
  return lines
    .slice(0, -1)
    .map(({ text }) => `${text.trimEnd()}\n`)
    .join('');
}

/** The state for a frame that no further snapshot follows. */
export function stateAfter(snapshots: Iterable<Snapshot>, options: Omit<InitialOptions, 'size'>): TopState {
  let state = initialState({ ...options, size: { columns: 120, rows: 40 } });
  for (const snapshot of snapshots) state = reduce(state, { type: 'snapshot', snapshot });
  return { ...state, brokers: new Map([...state.brokers].map(([context, view]) => [context, ended(view)])) };
}

/** Nothing is tried again. */
function ended(broker: BrokerView): BrokerView {
  const { condition } = broker;
  return condition.state === 'stale' ? { ...broker, condition: { ...condition, retryAt: null } } : broker;
}
