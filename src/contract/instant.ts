/**
 * The one way in which a number or a text of a broker becomes an instant, and an instant becomes text.
 *
 * Producers write timestamps in the wrong unit, and brokers pass them on. A JavaScript Date that is made from such a
 * number throws when it is printed. Here only the field is lost, and a note says why.
 */

/** An instant as it was read: milliseconds since the epoch; null: there is none, or it cannot be read. */
export interface ReadInstant {
  readonly at: number | null;
  /** Why it differs from the original value; absent if it does not. */
  readonly note?: string;
}

/** The unit of the number, as the broker or the convention of a framework defines it. */
export type InstantUnit = 'seconds' | 'milliseconds';

/** RFC 3339 has years of four digits. */
export const LAST_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
/**
 * Another unit is assumed only for a date between these. Before them there was no broker, and later almost any number
 * is a date in some unit.
 */
const FIRST_LIKELY = Date.UTC(1990, 0, 1);
const LAST_LIKELY = Date.UTC(2200, 0, 1);

/** The milliseconds in one of each, from coarse to fine. */
const UNITS = [
  ['seconds', 1e3],
  ['milliseconds', 1],
  ['microseconds', 1e-3],
  ['nanoseconds', 1e-6],
] as const;

/**
 * A number (also as bigint, or as digits in a text) is in `unit`, unless that is certainly wrong: the year would have
 * five digits or be 1970, and another unit gives a date of our time. Any other text is RFC 3339. Any other value, or
 * one beyond the calendar, is null. A missing value is null too, without a note.
 */
export function readInstant(value: unknown, unit: InstantUnit): ReadInstant {
  if (value === null || value === undefined || value === '') return { at: null };
  if (typeof value === 'string' && !/^[+-]?\d+(\.\d*)?(e[+-]?\d+)?$/i.test(value)) return ofText(value);
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string') return { at: null };
  const count = Number(value);
  const asSaid = Math.round(count * (unit === 'seconds' ? 1e3 : 1));
  // Some producers write 0 if they do not know the time. It is kept, so that it can be seen.
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
 * When something becomes due that the broker itself computes in milliseconds: any number is right. A time that is too
 * late to be written becomes the last instant that can be. So a message that is far from due is never taken for one
 * that is due.
 */
export function dueInstant(ms: number | null): ReadInstant {
  if (ms === null || Number.isNaN(ms)) return { at: null };
  if (ms > LAST_INSTANT) return { at: LAST_INSTANT, note: 'it is due later than a date can say' };
  return { at: Math.max(0, Math.round(ms)) };
}

/** RFC 3339, UTC; null: unknown, or it cannot be written. Never throws. */
export function formatInstant(at: number | null | undefined): string | null {
  if (at === null || at === undefined || !(at >= FIRST_WRITABLE && at <= LAST_INSTANT)) return null;
  return new Date(at).toISOString();
}

const FIRST_WRITABLE = Date.parse('0000-01-01T00:00:00.000Z');

/**
 * The notes of a message's fields that were not simply read, by the name of the field; empty if all were. Spread it
 * into the message.
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
