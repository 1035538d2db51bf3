/**
 * A glob without any of these is the name of one queue, and as a pattern matches nothing else. Some of them have no
 * meaning in a glob, or only before another one: then mq lists and matches.
 */
const SPECIAL = /[*?[\]{}!\\]/;

/**
 * The names, if no glob has a wildcard: they can be asked for instead of listed. Null: a glob has one, or there is no
 * glob.
 */
export function namesOnly(globs: readonly string[]): readonly string[] | null {
  return globs.length === 0 || globs.some((glob) => SPECIAL.test(glob)) ? null : globs;
}

/** The text with which every name begins that the glob matches. */
export function plainStart(glob: string): string {
  return glob.split(SPECIAL, 1)[0] ?? '';
}
