import { wholeNumber } from './exact-json.ts';

/** Only a number as long as this can be too large for a double. Others are not examined. */
const MAYBE_LARGE = /[:,[]\s*-?(?:\d{16}|\d+(?:\.\d+)?[eE])/;
/** Matches strings, so that their digits are not taken for a number, and numbers. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/gs;

/**
 * The first number of a JSON text that would change when it is read as a double: 9007199254740993 becomes its
 * neighbour, 1e999 becomes nothing. Null if there is none. Two cases do not count: a number with a fraction, and a
 * number that is written as a double is printed, because it is written again exactly as it stood.
 */
export function roundedNumber(json: string): string | null {
  if (!MAYBE_LARGE.test(json)) return null;
  for (const [token] of json.matchAll(STRING_OR_NUMBER)) if (!token.startsWith('"') && isRounded(token)) return token;
  return null;
}

function isRounded(token: string): boolean {
  const value = Number(token);
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER || JSON.stringify(value) === token) return false;
  return !Number.isFinite(value) || wholeNumber(token) !== BigInt(value);
}
