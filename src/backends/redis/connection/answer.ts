import { type ErrorPlace, isRefusal, redisError } from '../errors.ts';

/** The outcome of one of many calls that were sent together. */
export type Answer =
  | { readonly ok: true; readonly reply: unknown }
  /** `refused`: the server said no, so it was certainly not done. Otherwise the answer was lost. */
  | { readonly ok: false; readonly refused: boolean; readonly error: unknown };

/** The answer of a call as an outcome. Never rejects. */
export async function settle(promise: Promise<unknown>): Promise<Answer> {
  try {
    return { ok: true, reply: await promise };
  } catch (error) {
    return { ok: false, refused: isRefusal(error), error };
  }
}

/** Throws the first that is not an answer. */
export function replies(answers: readonly Answer[], place: ErrorPlace): readonly unknown[] {
  return answers.map((answer) => {
    if (answer.ok) return answer.reply;
    throw redisError(answer.error, place);
  });
}
