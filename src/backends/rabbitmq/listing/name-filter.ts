/** What the broker reads as the same as we do, in any of its versions and beside any other letter. */
const PLAIN = '[A-Za-z0-9_-]';
const PLAIN_START = new RegExp(`^${PLAIN}*`);
const PLAIN_END = new RegExp(`${PLAIN}*$`);
/** An address has to stay one that every proxy takes. */
const LONGEST = 1_000;

export interface NameFilter {
  /** For the `name` filter of the management API. */
  readonly expression: string;
  /** What the broker lets pass. */
  passes(name: string): boolean;
}

/**
 * A regular expression for the management API which lets pass every queue that one of the globs matches, and mostly no
 * other: how they begin and end. What passes is matched again. Null: all have to be listed.
 */
export function nameFilter(globs: readonly string[]): NameFilter | null {
  const parts: string[] = [];
  for (const glob of globs) {
    const start = PLAIN_START.exec(glob)?.[0] ?? '';
    const end = start === glob ? '' : (PLAIN_END.exec(glob)?.[0] ?? '');
    if (start === '' && end === '') return null;
    parts.push(start === glob ? start : `${start}.*${end}`);
  }
  const whole = `^(?:${parts.join('|')})$`;
  const expression = `(?s)${whole}`;
  if (parts.length === 0 || expression.length > LONGEST) return null;
  const ours = new RegExp(whole, 's');
  return { expression, passes: (name) => ours.test(name) };
}
