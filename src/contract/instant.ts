/**
 * The one way in which a number or a text of a broker becomes an instant, and an instant becomes text.
 *
 * Producers write timestamps in the wrong unit, and brokers pass them on: a Date of JavaScript that is made of such a
 * number throws when it is printed. Here that costs the field, and a note says why.
 */

/** An instant as it was read: milliseconds since the epoch, or null when there is none that can be. */
export interface ReadInstant {
  readonly at: number | null;
  /** Why it is not simply what stands there; absent when it is. */
  readonly note?: string;
}

/** What a broker, or the convention of a framework, says that the number counts. */
export type InstantUnit = 'seconds' | 'milliseconds';

/** RFC 3339 knows years of four digits. */
export const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
/**
 * Only between these is another unit believed: before, there was no broker; later, any number is a date in some unit.
 */
const FIRST_LIKELY = Date.UTC(1990, 0, 1);
const LAST_LIKELY = Date.UTC(2200, 0, 1);

/** Milliseconds in one; from coarse to fine. */
const UNITS = [
  ['seconds', 1e3],
  ['milliseconds', 1],
  ['microseconds', 1e-3],
  ['nanoseconds', 1e-6],
] as const;

/**
 * A number (also as bigint, or as digits in a text) counts `unit`, unless that is certain to be wrong, because the year
 * would have five digits or be 1970, while another unit makes it a date of our time. Any other text is RFC 3339. What
 * is neither, or beyond the calendar, is null; so is what is missing, without a note.
 */
export function readInstant(value: unknown, unit: InstantUnit): ReadInstant {
  if (value === null || value === undefined || value === '') return { at: null };
  if (typeof value === 'string' && !/^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(value)) return ofText(value);
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string') return { at: null };
  const count = Number(value);
  const asSaid = Math.round(count * (unit === 'seconds' ? 1e3 : 1));
  // 0 is what some producers write who know no time, and is left to be seen as what it is.
  if (asSaid === 0) return { at: 0 };
  if (asSaid >= FIRST_LIKELY && asSaid <= LAST_INSTANT) return { at: asSaid };
  for (const [name, ms] of UNITS) {
    const at = Math.round(count * ms);
    if (name !== unit && at >= FIRST_LIKELY && at <= LAST_LIKELY)
      return {
        at,
        note: `${shortened(String(value))} was read as ${name}: in ${unit} it would be no date of our time`,
      };
  }
  if (asSaid > 0 && asSaid <= LAST_INSTANT) return { at: asSaid };
  return { at: null, note: `${shortened(String(value))} ${unit} are beyond the calendar` };
}

function ofText(text: string): ReadInstant {
  const at = Date.parse(text);
  if (Number.isNaN(at)) return { at: null, note: `${JSON.stringify(shortened(text))} is no instant` };
  return at >= 0 && at <= LAST_INSTANT ? { at } : { at: null, note: `${JSON.stringify(text)} is beyond the calendar` };
}

function shortened(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}

/**
 * When something becomes due that the broker itself reckons in milliseconds: its number is right whatever it is. What
 * is due later than can be written is due at the last instant that can, so that a message which nobody was meant to get
 * soon is never taken for one that is due.
 */
export function dueInstant(ms: number | null): ReadInstant {
  if (ms === null || Number.isNaN(ms)) return { at: null };
  if (ms > LAST_INSTANT) return { at: LAST_INSTANT, note: 'it is due later than a date can say' };
  return { at: Math.max(0, Math.round(ms)) };
}

/** RFC 3339, UTC; null for what is unknown or cannot be written. Never throws. */
export function formatInstant(at: number | null | undefined): string | null {
  if (at === null || at === undefined || !(at >= FIRST_WRITABLE && at <= LAST_INSTANT)) return null;
  return new Date(at).toISOString();
}

const FIRST_WRITABLE = Date.parse('0000-01-01T00:00:00.000Z');

/**
 * The notes of a message's fields that were not simply read, by the name of the field; nothing when all were. To be
 * spread into the message.
 */
export function instantNotes(fields: Readonly<Record<string, ReadInstant>>): {
  readonly notes?: Readonly<Record<string, string>>;
} {
  let notes: Record<string, string> | null = null;
  for (const name in fields) {
    const note = fields[name]?.note;
    if (note !== undefined) {
      notes ??= {};
      notes[name] = note;
    }
  }
  return notes === null ? {} : { notes };
}
