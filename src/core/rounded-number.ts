import { wholeNumber } from './exact-json.ts';

/** Only such numbers may be too large for a double; the rest is not looked at twice. */
const MAYBE_LARGE = /[:,[]\s*-?(?:\d{16}|\d+(?:\.\d+)?[eE])/;
/** Texts, so that no digits in them are taken for a number, and numbers. */
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/gs;

/**
 * The first number of a JSON text that reading it as doubles would change (9007199254740993 becomes its neighbour,
 * 1e999 nothing at all); null: there is none. A fraction is what a double makes of it, and so is a number as a double
 * is printed: it is written again as it stood.
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
