import { MqError } from '../contract/errors.ts';
import { safe } from '../core/safe-text.ts';
import { shellWord } from '../core/shell-word.ts';
import type { Guard } from './guard.ts';
import { declined, type Question } from './question.ts';

/** The person who answers, and the answers that the command line gave already. */
export interface Person {
  /** `--yes` */
  readonly saysYes: boolean;
  /** The names given with `--confirm`. */
  readonly confirms: readonly string[];
  /** A person is there who can read a question and type. */
  readonly isThere: boolean;
  /** Resolves when the lines have reached the person. */
  read(lines: readonly string[]): Promise<void>;
  /** Null: the input ended. */
  answer(prompt: string): Promise<string | null>;
}

/**
 * Asks before something is changed. `--yes` answers it. If the guard wants a name, `--yes` counts only together with
 * `--confirm QUEUE`. Throws `CONFIRMATION_REQUIRED` at once if there is no one to ask, and `CANCELLED` if the answer is
 * no.
 */
export async function confirm(person: Person, question: Question, guard: Guard | null): Promise<void> {
  const { typed } = question;
  if (person.saysYes && !wantsName(guard, typed, person)) return;
  requireSomebodyToAsk(person, guard);
  await person.read(question.lines);
  const prompt = typed === null ? 'Go on? [y/N] ' : `Type the queue's name (${safe(typed)}) to go on: `;
  let answer: string | null = null;
  try {
    answer = await person.answer(prompt);
  } finally {
    // The end of input and Ctrl-C leave the cursor behind the question.
    if (answer === null) await person.read(['']);
  }
  const refusal = declined(question, answer);
  if (refusal !== null) throw refusal;
}

function wantsName(guard: Guard | null, typed: string | null, { confirms }: Person): boolean {
  return typed !== null && guard?.toConfirm.includes(typed) === true && !confirms.includes(typed);
}

/** Called before any work, so that a script without `--yes` fails at once, not after a long look at the queue. */
export function requireSomebodyToAsk(person: Person, guard: Guard | null): void {
  const unconfirmed = guard?.toConfirm.filter((name) => !person.confirms.includes(name)) ?? [];
  if (person.saysYes && unconfirmed.length === 0) return;
  if (person.isThere) return;
  if (guard !== null && unconfirmed.length > 0) {
    const flags = guard.toConfirm.map((name) => `--confirm ${shellWord(name)}`).join(' ');
    const where = guard.confirmingContexts.join(', ');
    throw new MqError(
      'CONFIRMATION_REQUIRED',
      `the context ${where} asks for the queue's name, and there is no one to ask`,
      {
        hint: `--yes works there only together with the name: --yes ${flags}`,
        queue: unconfirmed[0],
      },
    );
  }
  throw new MqError('CONFIRMATION_REQUIRED', 'this needs a confirmation, and there is no one to ask', {
    hint: `add --yes to go on without asking${guard?.hasDryRun === true ? ', or --dry-run to see what would happen' : ''}`,
  });
}
