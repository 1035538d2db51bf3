/** A glob without any of these is the name of one queue. Some mean nothing in a glob: then mq lists and matches. */
const SPECIAL = /[*?[\]{}!\\]/;

/** The names, where no glob has a wildcard: they can be asked for instead of listed. Null: there is one, or no glob. */
export function namesOnly(globs: readonly string[]): readonly string[] | null {
  return globs.length === 0 || globs.some((glob) => SPECIAL.test(glob)) ? null : globs;
}

/** How every name begins that the glob matches. */
export function plainStart(glob: string): string {
  return glob.split(SPECIAL, 1)[0] ?? '';
}
