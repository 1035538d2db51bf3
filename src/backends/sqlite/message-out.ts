import { type MetadataField, metadataOf, type OutgoingMessage } from '../../contract/message.ts';
import { MAX_BODY_BYTES, SQLITE_CAPABILITIES } from './capabilities.ts';

export interface Misfit {
  readonly field: MetadataField | 'body';
  readonly phrase: string;
}

/** A larger value plus the present time would leave the range in which numbers are exact. */
const LONGEST_MS = 100 * 365 * 24 * 3_600_000;
/** Keeps the negated priority well inside the exact range, too. */
const HIGHEST_PRIORITY = 2 ** 31 - 1;

/**
 * The parts of the message that cannot be held, and why. For the body only the size can be wrong, and then no part of
 * it can be sent.
 */
export function misfitsOf(message: OutgoingMessage): readonly Misfit[] {
  const misfits: Misfit[] = [];
  const refuse = (field: Misfit['field'], phrase: string): void => void misfits.push({ field, phrase });
  for (const field of metadataOf(message)) {
    if (!SQLITE_CAPABILITIES.holds.includes(field)) refuse(field, `${field}: a sqlite queue does not keep it`);
  }
  const { body, priority, attempts } = message;
  if (body.byteLength > MAX_BODY_BYTES)
    refuse('body', `body: ${body.byteLength} bytes are more than ${MAX_BODY_BYTES}`);
  if (priority !== null && !(Number.isInteger(priority) && Math.abs(priority) <= HIGHEST_PRIORITY)) {
    refuse('priority', `priority: must be a whole number of at most ${HIGHEST_PRIORITY} either way`);
  }
  if (attempts !== null && !(Number.isSafeInteger(attempts) && attempts >= 1)) {
    refuse('attempts', 'attempts: must be a whole number of at least 1');
  }
  for (const field of ['ttlMs', 'delayMs'] as const) {
    const value = message[field];
    if (value !== null && !(Number.isInteger(value) && value >= 0 && value <= LONGEST_MS)) {
      refuse(field, `${field}: must be a whole number of milliseconds from 0 to 100 years`);
    }
  }
  for (const field of ['id', 'contentType', 'deduplicationId', 'name'] as const) {
    const value = message[field];
    if (value !== null && !(value.isWellFormed() && !value.includes('\0'))) {
      refuse(field, `${field}: must be Unicode text without NUL`);
    }
  }
  return misfits;
}

/** The message without the parts that cannot be held. */
export function withoutMisfits(message: OutgoingMessage, misfits: readonly Misfit[]): OutgoingMessage {
  if (misfits.length === 0) return message;
  return { ...message, ...Object.fromEntries(misfits.map(({ field }) => [field, null])) };
}
