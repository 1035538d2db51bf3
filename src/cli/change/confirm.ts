import { MqError } from '../../contract/errors.ts';
import { safe } from '../output/safe.ts';
import { shellWord } from '../output/shell-word.ts';
import type { Session } from '../session.ts';

export interface Question {
  /** What will happen: broker, queue, count and effect. */
  readonly lines: readonly string[];
  /** The name that must be typed for what cannot be undone; null: y or n is enough. */
  readonly typed: string | null;
}

/**
 * Asks before messages are removed or moved. `--yes` answers it; on a protected context the queue's name has to be
 * typed, and `--yes` counts only together with `--confirm QUEUE`. Throws `CONFIRMATION_REQUIRED` at once when nobody
 * can be asked, and `CANCELLED` when the answer is no.
 */
export async function confirm(session: Session, question: Question): Promise<void> {
  const { host, globals, messages } = session;
  const guarded = guardedName(session, question.typed);
  if (globals.yes === true && (guarded === null || isConfirmed(session, guarded))) return;
  requireSomebodyToAsk(session);
  const typed = guarded ?? question.typed;
  messages.block([...question.lines, ...contextLines(session)]);
  await messages.flush();
  const prompt = typed === null ? 'Go on? [y/N] ' : `Type the queue's name (${safe(typed)}) to go on: `;
  let answer: string | null = null;
  try {
    answer = await host.stdin.ask(prompt);
  } finally {
    // The end of input and Ctrl-C leave the cursor behind the question.
    if (answer === null) messages.block(['']);
  }
  const agreed = typed === null ? answer !== null && /^y(es)?$/i.test(answer.trim()) : answer === typed;
  if (!agreed) {
    throw new MqError('CANCELLED', typed === null ? 'declined' : 'declined: that is not the name of the queue', {
      hint: 'nothing was changed',
    });
  }
}

/** Called before any work, so that a script without `--yes` fails at once and not after a long look at the queue. */
export function requireSomebodyToAsk(session: Session): void {
  const { host, globals, guard } = session;
  const unconfirmed = guard?.toConfirm.filter((name) => !isConfirmed(session, name)) ?? [];
  if (globals.yes === true && unconfirmed.length === 0) return;
  if (globals.input && host.stdin.isTerminal && host.stderr.isTerminal) return;
  if (guard !== null && unconfirmed.length > 0) {
    const flags = guard.toConfirm.map((name) => `--confirm ${shellWord(name)}`).join(' ');
    const where = guard.confirmingContexts.join(', ');
    throw new MqError(
      'CONFIRMATION_REQUIRED',
      `the context ${where} asks for the queue's name, and nobody can be asked`,
      {
        hint: `there --yes works only together with the name: --yes ${flags}`,
        queue: unconfirmed[0],
      },
    );
  }
  throw new MqError('CONFIRMATION_REQUIRED', 'this needs a confirmation and nobody can be asked', {
    hint: `add --yes to go on without asking${guard?.hasDryRun === true ? ', or --dry-run to see what would happen' : ''}`,
  });
}

/** The name that a protected context wants for this question; null: it wants none. */
function guardedName({ guard }: Session, typed: string | null): string | null {
  const names = guard?.toConfirm ?? [];
  return typed !== null && names.includes(typed) ? typed : (names[0] ?? null);
}

function isConfirmed({ globals }: Session, name: string): boolean {
  return globals.confirm?.includes(name) ?? false;
}

function contextLines(session: Session): readonly string[] {
  const { context } = session.target();
  if (context === null) return [];
  return [`  context: ${context}${session.guard?.confirmingContexts.includes(context) ? ' (protected)' : ''}`];
}
