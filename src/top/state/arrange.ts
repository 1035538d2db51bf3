import { sameKey } from '../watched.ts';
import { type Row, upToDate } from './rows.ts';
import { sorted } from './sorting.ts';
import { listHeight, shownBrokers, type TopState } from './state.ts';

/** Filters and sorts the rows of the state again. The selection stays on its queue and on the screen. */
export function arranged(state: TopState): TopState {
  const rows = sorted(passing(state), state.sorting);
  const before = indexOfSelected(state);
  const withRows = { ...state, rows };
  // Until every broker has been asked, the first row depends on which broker answered first.
  if (!state.hasChosen) return scrolled({ ...withRows, hasChosen: haveAllAnswered(state) }, 0);
  // If its queue is gone or filtered out, the selection stays at its position.
  const place = indexOfSelected(withRows) ?? Math.min(before ?? 0, rows.length - 1);
  return scrolled(withRows, place);
}

/** The state with the row at `place` selected, and scrolled as far as needed to show it. */
export function scrolled(state: TopState, place: number): TopState {
  const { rows } = state;
  const height = listHeight(state.size);
  const at = Math.max(0, Math.min(place, rows.length - 1));
  const row = rows[at];
  const lowest = Math.max(0, rows.length - height);
  const offset = Math.min(lowest, Math.max(Math.min(state.offset, at), at - height + 1));
  return { ...state, offset, selected: row === undefined ? null : { context: row.context, queue: row.queue } };
}

/** The same, on the operator's request. */
export function chosenRow(state: TopState, place: number): TopState {
  return scrolled({ ...state, hasChosen: true }, place);
}

function haveAllAnswered(state: TopState): boolean {
  return [...state.contexts.keys()].every((context) => {
    const condition = state.brokers.get(context)?.condition.state;
    return condition !== undefined && condition !== 'connecting';
  });
}

export function indexOfSelected({ rows, selected }: Pick<TopState, 'rows' | 'selected'>): number | null {
  if (selected === null) return null;
  const index = rows.findIndex((row) => sameKey(row, selected));
  return index === -1 ? null : index;
}

function passing(state: TopState): readonly Row[] {
  const wanted = state.filter.text.toLowerCase();
  const rows: Row[] = [];
  for (const broker of shownBrokers(state).values()) {
    for (const known of broker.rows.values()) {
      // Ages grow while nothing else changes, so those of rows that were made at different times cannot be compared.
      const row = state.sorting.key === 'age' ? upToDate(known, broker) : known;
      if (state.onlyDead && !((row.stats.dead ?? 0) > 0)) continue;
      if (state.onlyWrong && row.judgement.faults.length === 0) continue;
      if (wanted !== '' && !`${row.queue} ${row.context}`.toLowerCase().includes(wanted)) continue;
      rows.push(row);
    }
  }
  return rows;
}
