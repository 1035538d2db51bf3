import { type ErrorCode, isMqError, type MqError } from '../contract/errors.ts';

/** One part of what is known of a queue: the part, or why it could not be read. */
export type Told<T> =
  | { readonly value: T; readonly why: null }
  | { readonly value: null; readonly why: string; readonly error: MqError };

/** After one of these errors, nothing more can be read, or there is nothing to read. */
const ENDS_ALL: ReadonlySet<ErrorCode> = new Set(['QUEUE_NOT_FOUND', 'TIMEOUT', 'ABORTED', 'CANCELLED', 'INTERNAL']);

/**
 * For views: they show what can be read, and say why the rest cannot. A missing right or an unclear answer costs only
 * its own part. Code that acts on what it reads calls the queue itself, and is refused.
 */
export async function told<T>(part: Promise<T>): Promise<Told<T>> {
  try {
    return { value: await part, why: null };
  } catch (error) {
    if (!isMqError(error) || ENDS_ALL.has(error.code)) throw error;
    return { value: null, why: error.message, error };
  }
}
