import type { MqError } from '../../../contract/errors.ts';
import type { Argument, Call, CallPlace, Connection } from '../connection/connection.ts';
import { redisError } from '../errors.ts';

/** `refused`: the server said no before the first write, so nothing was done. */
export type MoveAnswer = { readonly reply: unknown } | { readonly refused: MqError };

/** A change is not abandoned: what is in the air is still told. */
type MovePlace = Omit<CallPlace, 'signal'>;

/**
 * Runs one script of a move. The script lets a refusal of its first write end it. Of a later one it tells itself, as
 * then something was done: see `IN_BOTH`. Rejects when the answer was lost.
 */
export function moveScript(
  connection: Connection,
  text: string,
  keys: readonly Argument[],
  args: readonly Argument[],
  place: MovePlace,
): Promise<MoveAnswer> {
  return moveCall(connection, ['EVAL', text, keys.length, ...keys, ...args], place);
}

/** The same for a call that writes first, or not at all. */
export async function moveCall(connection: Connection, call: Call, place: MovePlace): Promise<MoveAnswer> {
  const [answer] = await connection.each([call], place);
  if (answer?.ok === true) return { reply: answer.reply };
  const error = redisError(answer?.error, place);
  if (answer?.refused === true) return { refused: error };
  throw error;
}

/**
 * Why a message is in doubt that a script has put into the target and could not remove: the user's rights were changed
 * meanwhile.
 */
export const IN_BOTH = 'it was added to the target, and the server refused to remove it here: it is in both places';
