/** Characters that every version of the broker reads as we do, beside any other character. */
const PLAIN = '[A-Za-z0-9_-]';
const PLAIN_START = new RegExp(`^${PLAIN}*`);
const PLAIN_END = new RegExp(`${PLAIN}*$`);
/** The address must stay short enough for every proxy. */
const LONGEST = 1_000;

export interface NameFilter {
  /** For the `name` filter of the management API. */
  readonly expression: string;
  /** The pattern that the broker matches. */
  passes(name: string): boolean;
}

/**
 * A regular expression for the management API. It lets pass every queue that one of the globs matches, and usually no
 * other: it checks how names begin and end. Names that pass are matched again. Null: all have to be listed.
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
