import { CHOICES } from '../state/action.ts';
import { arranged, chosenRow, indexOfSelected } from '../state/arrange.ts';
import { charOf, type Key, nameOf, typedInto } from '../state/key.ts';
import { SORT_KEYS } from '../state/sorting.ts';
import { listHeight, type TopState } from '../state/state.ts';
import { chosen, openMenu } from './action-keys.ts';

/** The intervals that `+` and `-` step through, in milliseconds. */
const INTERVALS_MS = [250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];

export function afterListKey(state: TopState, key: Key): TopState {
  const place = indexOfSelected(state) ?? 0;
  const page = listHeight(state.size);
  switch (nameOf(key)) {
    case 'up':
      return chosenRow(state, place - 1);
    case 'down':
      return chosenRow(state, place + 1);
    case 'pageup':
      return chosenRow(state, place - page);
    case 'pagedown':
      return chosenRow(state, place + page);
    case 'home':
      return chosenRow(state, 0);
    case 'end':
      return chosenRow(state, state.rows.length - 1);
    case 'enter':
    case 'right':
      return openDetail(state);
    case 'escape':
      return arranged({ ...state, filter: { text: '', editing: false }, onlyDead: false, onlyWrong: false });
    case null:
      return afterListCharacter(state, charOf(key), place);
    default:
      return state;
  }
}

function afterListCharacter(state: TopState, char: string, place: number): TopState {
  switch (char) {
    case 'k':
      return chosenRow(state, place - 1);
    case 'j':
      return chosenRow(state, place + 1);
    case 'g':
      return chosenRow(state, 0);
    case 'G':
      return chosenRow(state, state.rows.length - 1);
    case 's':
      return resorted(state, 1);
    case 'S':
      return resorted(state, -1);
    case 'r':
      return arranged({ ...state, sorting: { ...state.sorting, reversed: !state.sorting.reversed } });
    case '/':
      return { ...state, filter: { ...state.filter, editing: true } };
    case 'd':
      return arranged({ ...state, onlyDead: !state.onlyDead });
    case '!':
      return arranged({ ...state, onlyWrong: !state.onlyWrong });
    case ' ':
      return toggledFreeze(state);
    case '+':
    case '=':
      return withInterval(state, 1);
    case '-':
      return withInterval(state, -1);
    case 'a':
      return openMenu(state, state.selected);
    default: {
      const choice = CHOICES.find((candidate) => candidate.key === char);
      return choice === undefined ? state : chosen(state, choice, state.selected, null);
    }
  }
}

/** Keys while the filter is typed. The list follows each of them. */
export function afterFilterKey(state: TopState, key: Key): TopState {
  const name = nameOf(key);
  if (name === 'enter') return { ...state, filter: { ...state.filter, editing: false } };
  if (name === 'escape') return arranged({ ...state, filter: { text: '', editing: false } });
  if (name === 'up' || name === 'down') return afterListKey(state, key);
  const text = typedInto(state.filter.text, key);
  return text === null ? state : arranged({ ...state, filter: { text, editing: true } });
}

export function toggledFreeze(state: TopState): TopState {
  if (state.frozen !== null) return arranged({ ...state, frozen: null });
  return { ...state, frozen: { at: state.now, brokers: state.brokers } };
}

/** `+` means more often: a shorter interval. */
export function withInterval(state: TopState, direction: 1 | -1): TopState {
  const { intervalMs } = state;
  const next =
    direction === 1
      ? INTERVALS_MS.findLast((candidate) => candidate < intervalMs)
      : INTERVALS_MS.find((candidate) => candidate > intervalMs);
  return { ...state, intervalMs: next ?? intervalMs };
}

function resorted(state: TopState, direction: 1 | -1): TopState {
  const place = SORT_KEYS.indexOf(state.sorting.key) + direction;
  const key = SORT_KEYS[(place + SORT_KEYS.length) % SORT_KEYS.length] ?? 'trouble';
  return arranged({ ...state, sorting: { ...state.sorting, key } });
}

function openDetail(state: TopState): TopState {
  if (state.selected === null) return state;
  const request = state.nextRequest;
  return {
    ...state,
    nextRequest: request + 1,
    detail: {
      key: state.selected,
      tab: 'overview',
      overview: { status: 'asked', request, consented: false },
      dead: null,
      messages: null,
      reason: null,
      cursor: 0,
      open: null,
    },
  };
}
