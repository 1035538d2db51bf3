import type { QueuePattern } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';

/** Longer than any name or URL of a queue. Far longer ones cannot be compiled. */
const LONGEST_GLOB = 10_000;

/**
 * All that has a meaning in a glob: `*`, `?`, a closed bracket, and a backslash before one of these letters. Everything
 * else is an ordinary letter, so `name[` and `a\b` mean the queues of those names.
 */
const SIGN = /\*|\?|\[(?<letters>.[^\]]*)\]|\\(?<literal>[*?[\]\\])/s;

/**
 * Matches queue names with globs: `*` any run, `?` one character, `[abc]`, `[a-z]`, `[!x]`, and `\*` a star, as `\`
 * takes a sign as it is. `/` and a leading dot are ordinary letters, unlike in a file glob, because queue names are not
 * paths. Without globs, every queue matches. Throws `USAGE` for a glob that is too long.
 */
export function queuePattern(globs: readonly string[]): QueuePattern {
  const expressions = globs.map(globExpression);
  return {
    globs,
    matches: (name) => expressions.length === 0 || expressions.some((expression) => expression.test(name)),
  };
}

/** False: as a pattern, it matches the queue of that name and no other. */
export function isGlob(text: string): boolean {
  return SIGN.test(text);
}

function globExpression(glob: string): RegExp {
  if (glob.length > LONGEST_GLOB)
    throw new MqError('USAGE', `a pattern has at most ${LONGEST_GLOB} characters; this one has ${glob.length}`);
  let source = '';
  let end = 0;
  for (const { 0: sign, index, groups = {} } of glob.matchAll(new RegExp(SIGN, 'gs'))) {
    source += exactly(glob.slice(end, index));
    end = index + sign.length;
    if (groups.letters !== undefined) source += classOf(groups.letters);
    else if (groups.literal !== undefined) source += exactly(groups.literal);
    else source += sign === '*' ? '[^]*' : '[^]';
  }
  return new RegExp(`^${source}${exactly(glob.slice(end))}$`, 'u');
}

function exactly(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/**
 * A reversed range contains no letter, as in a shell. Each letter is written by its number, so that none has a meaning
 * in an expression.
 */
function classOf(inner: string): string {
  const isNegated = inner.startsWith('!');
  const letters = [...(isNegated ? inner.slice(1) : inner)].map((letter) => letter.codePointAt(0) ?? 0);
  let parts = '';
  for (let at = 0; at < letters.length; at++) {
    const from = letters[at] ?? 0;
    const isRange = letters[at + 1] === HYPHEN && at + 2 < letters.length;
    const to = isRange ? (letters[at + 2] ?? 0) : from;
    if (from <= to) parts += `\\u{${from.toString(16)}}-\\u{${to.toString(16)}}`;
    if (isRange) at += 2;
  }
  // Patterns that match nothing, and everything but nothing.
  return `[${isNegated ? '^' : ''}${parts}]`;
}

const HYPHEN = 0x2d;
