import { arranged, indexOfSelected, scrolled } from '../state/arrange.ts';
import type { DeadLettersSeen, DetailState, Tab } from '../state/detail.ts';
import type { Answer, TopEvent } from '../state/event.ts';
import { charOf, type Key, nameOf } from '../state/key.ts';
import { withSnapshot } from '../state/rows.ts';
import type { TopState } from '../state/state.ts';
import { helpEnd } from '../text/help.ts';
import { afterActionKey, escaped } from './action-keys.ts';
import { afterDetailKey, asked } from './detail-keys.ts';
import { afterFilterKey, afterListKey } from './list-keys.ts';

/** The whole behaviour of the view. It is pure, so it is tested as a table of (state, event) → state. */
export function reduce(state: TopState, event: TopEvent): TopState {
  switch (event.type) {
    case 'key':
      return afterKey({ ...state, flash: null }, event.key);
    case 'paste':
      return afterPaste(state, event.text);
    case 'resize': {
      const resized = { ...state, size: event.size };
      return scrolled(resized, indexOfSelected(resized) ?? 0);
    }
    case 'clock':
      // The time after the last sample of a recording is unknown.
      return state.replay === 'ended' ? state : { ...state, now: event.now };
    case 'replayed':
      return { ...state, replay: 'ended', now: event.at };
    case 'snapshot': {
      const { snapshot } = event;
      const brokers = new Map(state.brokers);
      const known = state.brokers.get(snapshot.context);
      const view = withSnapshot(known, snapshot);
      brokers.set(snapshot.context, view);
      const next = { ...state, brokers, now: Math.max(state.now, snapshot.at) };
      const isArranged = view.rows === known?.rows && state.hasChosen;
      return state.frozen !== null || isArranged ? next : arranged(next);
    }
    case 'overview':
    case 'messages':
      return afterAnswer(state, event.type, event.request, (detail) => ({ ...detail, [event.type]: event.answer }));
    case 'dead':
      return afterAnswer(state, event.type, event.request, (detail) => withDeadLetters(detail, event.answer));
    case 'planned': {
      const { action } = state;
      if (action?.step !== 'planning' || action.id !== event.id) return state;
      const { request, id } = action;
      return { ...state, action: { step: 'confirm', request, id, question: event.question, text: '' } };
    }
    case 'progress': {
      const { action } = state;
      if (action?.step !== 'running' && action?.step !== 'stopping') return state;
      return action.id === event.id ? { ...state, action: { ...action, progress: event.progress } } : state;
    }
    case 'finished':
      return afterFinish(state, event);
  }
}

function afterKey(state: TopState, key: Key): TopState {
  if (nameOf(key) === 'ctrl-c') {
    const { action } = state;
    // The first one stops the work. A second one leaves, and then the work is settled before the program ends.
    return action?.step === 'running' ? escaped(state, action) : { ...state, quitting: true };
  }
  if (state.action !== null) return afterActionKey(state, state.action, key);
  if (state.help !== null) return afterHelpKey(state, state.help.offset, key);
  if (state.filter.editing && state.detail === null) return afterFilterKey(state, key);
  if (charOf(key) === 'q') return { ...state, quitting: true };
  if (charOf(key) === '?') return { ...state, help: { offset: 0 } };
  return state.detail === null ? afterListKey(state, key) : afterDetailKey(state, state.detail, key);
}

function afterHelpKey(state: TopState, offset: number, key: Key): TopState {
  const end = helpEnd(state);
  const moved = (by: number): TopState => {
    return { ...state, help: { offset: Math.max(0, Math.min(end, Math.min(end, offset) + by)) } };
  };
  if (nameOf(key) === 'down' || charOf(key) === 'j') return moved(1);
  if (nameOf(key) === 'up' || charOf(key) === 'k') return moved(-1);
  return { ...state, help: null };
}

/** In UTF-16 code units. Longer names do not occur, and drawing a longer line would take long. */
const LONGEST_PASTE = 4_096;

/** Only a line of text takes pasted characters; elsewhere they would run as keys. */
function afterPaste(state: TopState, text: string): TopState {
  const isEntry =
    (state.action === null && state.filter.editing) ||
    state.action?.step === 'amount' ||
    state.action?.step === 'target' ||
    (state.action?.step === 'confirm' && state.action.question.typed !== null);
  if (!isEntry) return state;
  // All of it at once: the list follows each key, and would follow a file that was pasted by mistake for minutes.
  return afterKey(state, { char: text.slice(0, LONGEST_PASTE).replace(/[\r\n]+$/, '') });
}

/** The answer to a question that is no longer asked is dropped. */
function afterAnswer(
  state: TopState,
  what: Tab,
  request: number,
  update: (detail: DetailState) => DetailState,
): TopState {
  const load = state.detail?.[what];
  if (state.detail === null || load?.status !== 'asked' || load.request !== request) return state;
  return { ...state, detail: update(state.detail) };
}

/** The reasons may have changed, or be in another order: the next key must not hit a neighbour of the selected one. */
function withDeadLetters(detail: DetailState, dead: Answer<DeadLettersSeen>): DetailState {
  const again = dead.status === 'ready' ? dead.data.groups.findIndex(({ reason }) => reason === detail.reason) : -1;
  return { ...detail, dead, cursor: detail.tab === 'dead' && again > 0 ? again : detail.cursor };
}

function afterFinish(state: TopState, event: Extract<TopEvent, { readonly type: 'finished' }>): TopState {
  const { action, detail } = state;
  if (action === null || !('id' in action) || action.id !== event.id) return state;
  const done = { step: 'done' as const, request: action.request, lines: event.lines, failed: event.failed };
  const next = { ...state, action: done };
  // The earlier look is outdated. If looking costs something, it is not repeated unless the operator asks.
  return detail?.tab === 'dead' && detail.dead?.status === 'ready' ? asked(next, detail, false) : next;
}
