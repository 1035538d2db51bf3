import { CHOICES } from '../state/action.ts';
import { type DetailState, openable, selectedReason, TABS, type Tab } from '../state/detail.ts';
import { charOf, type Key, nameOf } from '../state/key.ts';
import type { TopState } from '../state/state.ts';
import { scrollEnd } from '../text/detail.ts';
import { chosen, openMenu } from './action-keys.ts';
import { toggledFreeze, withInterval } from './list-keys.ts';

export function afterDetailKey(state: TopState, detail: DetailState, key: Key): TopState {
  const name = nameOf(key);
  const char = charOf(key);
  const page = Math.max(1, state.size.rows - 6);
  if (name === 'escape' || name === 'left' || name === 'backspace') {
    return { ...state, detail: detail.open === null ? null : { ...detail, open: null } };
  }
  if (name === 'up' || char === 'k') return moved(state, detail, -1);
  if (name === 'down' || char === 'j') return moved(state, detail, 1);
  if (name === 'pageup') return moved(state, detail, -page);
  if (name === 'pagedown') return moved(state, detail, page);
  if (name === 'home' || char === 'g') return moved(state, detail, Number.NEGATIVE_INFINITY);
  if (name === 'end' || char === 'G') return moved(state, detail, Number.POSITIVE_INFINITY);
  if (name === 'tab') return toTab(state, detail, TABS[(TABS.indexOf(detail.tab) + 1) % TABS.length] ?? 'overview');
  if (name === 'enter' || name === 'right') return opened(state, detail);
  switch (char) {
    case '1':
    case '2':
    case '3':
      return toTab(state, detail, TABS[Number(char) - 1] ?? 'overview');
    case 'o':
      return asked(state, detail, true);
    case 'l':
      return asked(state, detail, false);
    case 'n':
      return turned(state, detail, 1);
    case 'N':
      return turned(state, detail, -1);
    case ' ':
      return toggledFreeze(state);
    case '+':
    case '=':
      return withInterval(state, 1);
    case '-':
      return withInterval(state, -1);
    case 'a':
      return openMenu(state, detail.key);
    default: {
      const choice = CHOICES.find((candidate) => candidate.key === char);
      if (choice === undefined) return state;
      return chosen(state, choice, detail.key, choice.verb === 'redrive' ? selectedReason(detail) : null);
    }
  }
}

function moved(state: TopState, detail: DetailState, by: number): TopState {
  const { open } = detail;
  const end = scrollEnd(state, detail);
  const within = (at: number, last: number): number => Math.max(0, Math.min(last, Math.min(last, at) + by));
  if (end === null)
    return { ...state, detail: { ...detail, cursor: within(detail.cursor, openable(detail).length - 1) } };
  // The end may have moved up since: scrolling beyond it does not count.
  if (open === null) return { ...state, detail: { ...detail, cursor: within(detail.cursor, end) } };
  return { ...state, detail: { ...detail, open: { ...open, offset: within(open.offset, end) } } };
}

/** The message after or before the open one. */
function turned(state: TopState, detail: DetailState, by: number): TopState {
  if (detail.open === null) return state;
  const index = Math.max(0, Math.min(openable(detail).length - 1, detail.open.index + by));
  return { ...state, detail: { ...detail, cursor: index, open: { index, offset: 0 } } };
}

function opened(state: TopState, detail: DetailState): TopState {
  if (openable(detail)[detail.cursor] === undefined) return state;
  return { ...state, detail: { ...detail, open: { index: detail.cursor, offset: 0 } } };
}

/** Looking is requested when a tab is first opened. The code that fetches says the price first, if there is one. */
function toTab(state: TopState, detail: DetailState, tab: Tab): TopState {
  const there = { ...detail, tab, cursor: 0, open: null };
  if (tab === 'overview' || there[tab] !== null) return { ...state, detail: there };
  return asked(state, there, false);
}

/** `consented`: the operator has read the price and still wants to look. */
export function asked(state: TopState, detail: DetailState, consented: boolean): TopState {
  const { tab } = detail;
  const before = detail[tab];
  if (before?.status === 'asked' || (consented && before?.status !== 'priced')) return state;
  const request = state.nextRequest;
  const load = { status: 'asked' as const, request, consented };
  const reason = selectedReason(detail) ?? detail.reason;
  return { ...state, nextRequest: request + 1, detail: { ...detail, [tab]: load, reason, cursor: 0, open: null } };
}
