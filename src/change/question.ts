import { MqError } from '../contract/errors.ts';
import type { Guard, Policy } from './guard.ts';

/** A question that has to be answered before something is changed. */
export interface Question {
  /** What will happen: broker, queue, count and effect. Broker text in it is not yet made safe. */
  readonly lines: readonly string[];
  /** The name that must be typed if the change cannot be undone or the queue is protected; null: y or n is enough. */
  readonly typed: string | null;
}

/** The question before the guard adds its demands. */
export interface Proposal extends Question {
  /** The queue that the lines speak of; null: they name every queue that could be meant. */
  readonly about: string | null;
  /** The contexts that are changed, in the order in which they are told. Null: a broker without a context. */
  readonly policies: readonly (Policy | null)[];
}

/**
 * Adds what the contexts demand to the question. A queue that has to be confirmed is confirmed by its name. Two queues
 * may have the same name in two contexts, so the lines say where each is.
 */
export function guarded({ lines, typed, about, policies }: Proposal, guard: Guard | null): Question {
  const names = guard?.toConfirm ?? [];
  const [first = null] = names;
  const name = typed !== null && names.includes(typed) ? typed : (first ?? typed);
  return { lines: [...lines, ...contextLine(policies, guard), ...whose(name, about)], typed: name };
}

function contextLine(policies: readonly (Policy | null)[], guard: Guard | null): readonly string[] {
  const names = new Set(policies.flatMap((policy) => policy?.name ?? []));
  if (names.size === 0) return [];
  const told = [...names].map((name) => `${name}${guard?.confirmingContexts.includes(name) ? ' (protected)' : ''}`);
  return [`  context: ${told.join(', to ')}`];
}

/** The name to type is usually that of the queue in the question. If it is not, the lines say which it is. */
function whose(typed: string | null, about: string | null): readonly string[] {
  if (typed === null || about === null || typed === about) return [];
  return [`  ${typed} is protected: type its name`];
}

/** `CANCELLED` unless the answer is yes or the name; else null. The answer is null if the input ended. */
export function declined({ typed }: Pick<Question, 'typed'>, answer: string | null): MqError | null {
  const agreed = typed === null ? answer !== null && /^y(es)?$/i.test(answer.trim()) : answer === typed;
  if (agreed) return null;
  return new MqError('CANCELLED', typed === null ? 'declined' : 'declined: that is not the name of the queue', {
    hint: 'nothing was changed',
  });
}

/** An error in one line, for a place that has room for no more: what failed, and what to try. */
export function inOneLine({ message, hint }: MqError): string {
  return hint === null ? message : `${message} (${hint})`;
}
