/**
 * The verbs that change something on a broker, and so are guarded (`readonly`, `protected`, rules) and written to the
 * history. A test compares the list with what each verb says of itself.
 */
export const CHANGING_VERBS = [
  'enqueue',
  'drain',
  'redrive',
  'move',
  'copy',
  'purge',
  'pause',
  'resume',
  'create',
  'delete',
] as const;
export type ChangingVerb = (typeof CHANGING_VERBS)[number];

/** Those that ask of their own accord, with the counts that they have found. */
const ASKING: ReadonlySet<ChangingVerb> = new Set(['redrive', 'move', 'purge', 'delete']);

/** Those with `--dry-run`. A test compares them with the options of each verb. */
const DRY: ReadonlySet<ChangingVerb> = new Set(['drain', 'redrive', 'move', 'copy', 'purge']);

export function isChanging(verb: string): verb is ChangingVerb {
  return CHANGING_VERBS.some((candidate) => candidate === verb);
}

export function asksItself(verb: ChangingVerb): boolean {
  return ASKING.has(verb);
}

export function hasDryRun(verb: ChangingVerb): boolean {
  return DRY.has(verb);
}
