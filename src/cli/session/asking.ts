import { confirm as confirmBy, type Person, requireSomebodyToAsk as requireSomebody } from '../../change/confirm.ts';
import type { Policy } from '../../change/guard.ts';
import { guarded, type Proposal } from '../../change/question.ts';
import type { Session } from './session.ts';

/** A question. Most verbs leave out the context, because they ask about the broker of the line alone. */
export interface SessionQuestion extends Omit<Proposal, 'policies'> {
  /** The other contexts in which something is changed. */
  readonly elsewhere?: Policy | null;
}

/**
 * Asks on the terminal. Throws `CONFIRMATION_REQUIRED` if there is no one to ask, and `CANCELLED` if the answer is no.
 */
export function confirm(session: Session, { elsewhere = null, ...asked }: SessionQuestion): Promise<void> {
  const policies = [session.target().settings, elsewhere];
  return confirmBy(personAt(session), guarded({ ...asked, policies }, session.guard), session.guard);
}

/** Like `confirm`, for a question that concerns no broker. */
export function confirmHere(session: Session, lines: readonly string[]): Promise<void> {
  return confirmBy(personAt(session), { lines, typed: null }, null);
}

/** Called before any work, so that a script without `--yes` fails at once, not after a long look at the queue. */
export function requireSomebodyToAsk(session: Session): void {
  requireSomebody(personAt(session), session.guard);
}

function personAt({ host, globals, messages }: Session): Person {
  return {
    saysYes: globals.yes === true,
    confirms: globals.confirm ?? [],
    isThere: globals.input && host.stdin.isTerminal && host.stderr.isTerminal,
    read(lines) {
      messages.block(lines);
      return messages.flush();
    },
    answer: (prompt) => host.stdin.ask(prompt),
  };
}
