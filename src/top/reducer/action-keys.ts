import { readonlyRefusal } from '../../change/guard.ts';
import { declined, inOneLine } from '../../change/question.ts';
import type { MqError } from '../../contract/errors.ts';
import { type ActionChoice, type ActionRequest, type ActionState, CHOICES } from '../state/action.ts';
import { commandLine } from '../state/command-line.ts';
import { charOf, type Key, nameOf, typedInto } from '../state/key.ts';
import type { TopState } from '../state/state.ts';
import { type ChangeVerb, notThere, type RowKey } from '../watched.ts';

export function openMenu(state: TopState, key: RowKey | null): TopState {
  return key === null ? state : { ...state, action: { step: 'choose', key, cursor: 0 } };
}

/** An action was chosen for a queue, in the menu or by its key. A read-only context refuses at once. */
export function chosen(state: TopState, choice: ActionChoice, key: RowKey | null, group: string | null): TopState {
  if (key === null) return state;
  const request = requestFor(choice, key, group);
  const refusal = refusalOf(state, choice.verb, key);
  if (refusal !== null) return { ...state, action: null, flash: inOneLine(refusal) };
  if (choice.verb === 'redrive') return { ...state, action: { step: 'amount', request, text: '', problem: null } };
  if (choice.verb === 'move') return { ...state, action: { step: 'target', request, text: '', problem: null } };
  return planning(state, request);
}

function refusalOf(state: TopState, verb: ChangeVerb, { context }: RowKey): MqError | null {
  if (state.replay !== null) return notThere();
  return readonlyRefusal(verb, state.contexts.get(context)?.policy ?? null);
}

function requestFor(choice: ActionChoice, key: RowKey, group: string | null): ActionRequest {
  return { verb: choice.verb, key, group, max: null, state: choice.state, to: null };
}

function planning(state: TopState, request: ActionRequest): TopState {
  return {
    ...state,
    nextRequest: state.nextRequest + 1,
    action: { step: 'planning', request, id: state.nextRequest },
  };
}

export function afterActionKey(state: TopState, action: ActionState, key: Key): TopState {
  if (nameOf(key) === 'escape') return escaped(state, action);
  switch (action.step) {
    case 'choose':
      return afterMenuKey(state, action, key);
    case 'amount':
    case 'target':
      return afterEntryKey(state, action, key);
    case 'confirm':
      return afterAnswer(state, action, key);
    case 'done':
      return dismissed(state, action);
    default:
      return state;
  }
}

/** Nothing was changed yet, except in `running`: there, what is in the air is settled first. */
export function escaped(state: TopState, action: ActionState): TopState {
  if (action.step === 'running') return { ...state, action: { ...action, step: 'stopping' } };
  if (action.step === 'done') return dismissed(state, action);
  return action.step === 'stopping' ? state : { ...state, action: null };
}

/** The key may have been meant for work that ended before it. The outcome is still told in the last line. */
function dismissed(state: TopState, { lines, failed }: Step<'done'>): TopState {
  const [first = ''] = lines;
  return { ...state, action: null, flash: failed ? `error: ${first}` : first };
}

type Step<S extends ActionState['step']> = Extract<ActionState, { readonly step: S }>;

function afterMenuKey(state: TopState, action: Step<'choose'>, key: Key): TopState {
  const char = charOf(key);
  const move = (by: number): TopState => {
    const cursor = Math.max(0, Math.min(CHOICES.length - 1, action.cursor + by));
    return { ...state, action: { ...action, cursor } };
  };
  if (nameOf(key) === 'up' || char === 'k') return move(-1);
  if (nameOf(key) === 'down' || char === 'j') return move(1);
  const under = CHOICES[action.cursor];
  if (under === undefined) return state;
  if (nameOf(key) === 'enter') return chosen(state, under, action.key, null);
  if (char === 'c') return copied(state, requestFor(under, action.key, null));
  const choice = CHOICES.find((candidate) => candidate.key === char);
  return choice === undefined ? state : chosen(state, choice, action.key, null);
}

function afterEntryKey(state: TopState, action: Step<'amount' | 'target'>, key: Key): TopState {
  const { request } = action;
  if (nameOf(key) !== 'enter') {
    const text = typedInto(action.text, key);
    return text === null ? state : { ...state, action: { ...action, text, problem: null } };
  }
  const text = action.text.trim();
  if (action.step === 'target') {
    if (text === '') return { ...state, action: { ...action, problem: 'write the name of a queue' } };
    const { queue, context } = request.key;
    if (text === queue || text === `${queue}@${context}`) {
      return {
        ...state,
        action: { ...action, problem: 'write the name of another queue: they are in this one already' },
      };
    }
    return planning(state, { ...request, to: text });
  }
  if (text === '') return planning(state, request);
  const max = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(max) || max < 1) {
    return { ...state, action: { ...action, problem: 'write a whole number of at least 1, or nothing for all' } };
  }
  return planning(state, { ...request, max });
}

function afterAnswer(state: TopState, action: Step<'confirm'>, key: Key): TopState {
  const { request, id, question } = action;
  const answered = (answer: string): TopState => {
    const refusal = declined(question, answer);
    if (refusal !== null) return { ...state, action: null, flash: inOneLine(refusal) };
    return { ...state, action: { step: 'running', request, id, answer, progress: null } };
  };
  if (question.typed === null) {
    if (charOf(key) === 'c') return copied(state, request);
    return charOf(key) === '' && nameOf(key) !== 'enter' ? state : answered(charOf(key));
  }
  if (nameOf(key) === 'enter') return answered(action.text);
  const text = typedInto(action.text, key);
  return text === null ? state : { ...state, action: { ...action, text } };
}

function copied(state: TopState, request: ActionRequest): TopState {
  const text = commandLine(request, state.contexts.get(request.key.context)?.selector ?? []);
  return {
    ...state,
    nextRequest: state.nextRequest + 1,
    copied: { id: state.nextRequest, text },
    flash: `copied: ${text}`,
  };
}
