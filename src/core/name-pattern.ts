import type { QueuePattern } from '../contract/broker.ts';

/**
 * Globs over queue names: `*` any run, `?` one character, `[abc]`, `[a-z]`, `[!x]`, and `\` takes the next character as it is. Unlike in
 * a file glob, `/` and a leading dot are letters like any other, since queue names are not paths. No globs: every queue.
 */
export function queuePattern(globs: readonly string[]): QueuePattern {
  const expressions = globs.map(globExpression);
  return {
    globs,
    matches: (name) => expressions.length === 0 || expressions.some((expression) => expression.test(name)),
  };
}

/** A bracket that is never closed is a letter, and so is a backslash before an ordinary one: `name[` means the queue of that name. */
export function isGlob(text: string): boolean {
  return /[*?]|\[.[^\]]*\]|\\[*?[\]\\]/s.test(text);
}

function globExpression(glob: string): RegExp {
  let source = '';
  for (let at = 0; at < glob.length; at++) {
    const char = glob[at] ?? '';
    const close = char === '[' ? glob.indexOf(']', at + 2) : -1;
    if (char === '*') source += '[^]*';
    else if (char === '?') source += '[^]';
    else if (close > 0) {
      const inner = glob
        .slice(at + 1, close)
        .replaceAll('\\', '\\\\')
        .replaceAll('[', '\\[');
      source += inner.startsWith('!') ? `[^${inner.slice(1)}]` : `[${inner.replace(/^\^/, '\\^')}]`;
      at = close;
    } else {
      const literal = char === '\\' && at + 1 < glob.length ? (glob[++at] ?? '') : char;
      source += literal.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
    }
  }
  return new RegExp(`^${source}$`, 'u');
}
