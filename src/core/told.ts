import { type ErrorCode, isMqError, type MqError } from '../contract/errors.ts';

/** One part of what is known of a queue: the part, or why it could not be read. */
export type Told<T> =
  | { readonly value: T; readonly why: null }
  | { readonly value: null; readonly why: string; readonly error: MqError };

/** After these nothing more can be read, or nothing is there to be read. */
const ENDS_ALL: ReadonlySet<ErrorCode> = new Set(['QUEUE_NOT_FOUND', 'TIMEOUT', 'ABORTED', 'CANCELLED', 'INTERNAL']);

/**
 * For views, which show what can be read and say of the rest why not: a right that is missing, or an answer that is not
 * clear, costs its own part. Whoever acts on what it reads calls the queue itself, and is refused.
 */
export async function told<T>(part: Promise<T>): Promise<Told<T>> {
  try {
    return { value: await part, why: null };
  } catch (error) {
    if (!isMqError(error) || ENDS_ALL.has(error.code)) throw error;
    return { value: null, why: error.message, error };
  }
}
