import type { JsonValue } from './message.ts';

/** Matches a string of JSON and, if it is a key, its colon. */
const STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/gs;

/**
 * Like `JSON.parse`, but every key is what the text says. Node 24.21 sometimes takes a key that is written with an
 * escape for another key with a backslash, if an earlier object had that one: after `{"a":1,"\\":1}`, the text
 * `{"a":1,"\n":1}` gets the key `\`. So such keys are read separately and put in afterwards. Throws a `SyntaxError`,
 * also for JSON that is nested far deeper than usual: code that walks through it would overflow the stack.
 */
export function parseJson(text: string): JsonValue {
  if (text.length > DEEPEST && depthOf(text) > DEEPEST) throw new SyntaxError(`nested deeper than ${DEEPEST}`);
  if (!text.includes('\\')) return JSON.parse(text);
  const keys = new Map<string, string>();
  const mark = unusedMark(text);
  const plain = text.replace(STRING, (found, colon: string | undefined) => {
    if (colon === undefined || !found.includes('\\')) return found;
    const written = found.slice(0, found.length - colon.length);
    const stand = `${mark}${keys.size}`;
    keys.set(stand, JSON.parse(written));
    return `"${stand}"${colon}`;
  });
  const value: JsonValue = JSON.parse(plain);
  return keys.size === 0 ? value : withKeys(value, keys);
}

const DEEPEST = 1_000;

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (isInString) {
      if (unit === BACKSLASH) at++;
      else if (unit === QUOTE) isInString = false;
    } else if (unit === QUOTE) isInString = true;
    else if (unit === BRACKET || unit === BRACE) deepest = Math.max(deepest, ++depth);
    else if (unit === BRACKET + 2 || unit === BRACE + 2) depth--;
  }
  return deepest;
}

const QUOTE = 0x22;
const BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const BRACE = 0x7b;

/** No key of the text begins with it. */
function unusedMark(text: string): string {
  for (let at = 0; ; at++) if (!text.includes(`key${at}:`)) return `key${at}:`;
}

function withKeys(value: JsonValue, keys: ReadonlyMap<string, string>): JsonValue {
  if (Array.isArray(value)) return value.map((item) => withKeys(item, keys));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [keys.get(key) ?? key, withKeys(item ?? null, keys)]),
  );
}
