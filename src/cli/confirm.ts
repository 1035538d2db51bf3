import { MqError } from '../contract/errors.ts';
import type { Session } from './session.ts';

export interface Question {
  /** What will happen: broker, queue, count and effect. */
  readonly lines: readonly string[];
  /** The name that must be typed for what cannot be undone; null: y or n is enough. */
  readonly typed: string | null;
}

/**
 * Asks before messages are removed or moved. `--yes` answers it. Throws `CONFIRMATION_REQUIRED` at once when nobody can be asked, and
 * `CANCELLED` when the answer is no.
 */
export async function confirm(session: Session, question: Question): Promise<void> {
  const { host, globals, messages } = session;
  if (globals.yes === true) return;
  requireSomebodyToAsk(session);
  messages.block(question.lines);
  await messages.flush();
  const prompt = question.typed === null ? 'Go on? [y/N] ' : "Type the queue's name to go on: ";
  let answer: string | null = null;
  try {
    answer = await host.stdin.ask(prompt);
  } finally {
    // The end of input and Ctrl-C leave the cursor behind the question.
    if (answer === null) messages.block(['']);
  }
  const agreed =
    question.typed === null ? answer !== null && /^y(es)?$/i.test(answer.trim()) : answer === question.typed;
  if (!agreed) {
    throw new MqError(
      'CANCELLED',
      question.typed === null ? 'declined' : 'declined: that is not the name of the queue',
      {
        hint: 'nothing was changed',
      },
    );
  }
}

/** Called before any work, so that a script without `--yes` fails at once and not after a long look at the queue. */
export function requireSomebodyToAsk(session: Session): void {
  const { host, globals } = session;
  if (globals.yes === true || (globals.input && host.stdin.isTerminal && host.stderr.isTerminal)) return;
  throw new MqError('CONFIRMATION_REQUIRED', 'this needs a confirmation and nobody can be asked', {
    hint: 'add --yes to go on without asking, or --dry-run to see what would happen where the command has it',
  });
}
