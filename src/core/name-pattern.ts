import type { QueuePattern } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';

/** Longer than any name or URL of a queue. Far longer ones cannot be compiled. */
const LONGEST_GLOB = 10_000;

/**
 * Matches queue names with globs: `*` any run, `?` one character, `[abc]`, `[a-z]`, `[!x]`, and `\` takes the next
 * character as it is. `/` and a leading dot are ordinary letters, unlike in a file glob, because queue names are not
 * paths. Without globs, every queue matches. Throws `USAGE` for a glob that is too long.
 */
export function queuePattern(globs: readonly string[]): QueuePattern {
  const expressions = globs.map(globExpression);
  return {
    globs,
    matches: (name) => expressions.length === 0 || expressions.some((expression) => expression.test(name)),
  };
}

/**
 * A bracket that is never closed is an ordinary letter, and so is a backslash before one: `name[` means the queue of
 * that name.
 */
export function isGlob(text: string): boolean {
  return /[*?]|\[.[^\]]*\]|\\[*?[\]\\]/s.test(text);
}

function globExpression(glob: string): RegExp {
  if (glob.length > LONGEST_GLOB)
    throw new MqError('USAGE', `a pattern has at most ${LONGEST_GLOB} characters; this one has ${glob.length}`);
  let source = '';
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at] ?? '';
    const close = char === '[' ? glob.indexOf(']', at + 2) : -1;
    if (char === '*') source += '[^]*';
    else if (char === '?') source += '[^]';
    else if (close > 0) {
      source += classOf(glob.slice(at + 1, close));
      at = close;
    } else {
      const literal = char === '\\' && at + 1 < glob.length ? (glob[++at] ?? '') : char;
      source += literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, 'u');
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
