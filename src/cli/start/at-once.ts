import type { Environment } from '../../config/places.ts';
import { layOut } from '../help/layout.ts';
import { RENDERED_HELP } from '../help/rendered-texts.ts';
import { TOPICS } from '../help/topics.ts';
import { hasThirdParty } from '../third-party/places.ts';
import { VERSION } from '../version.ts';

/** The subject of `mq --help`. */
export const HELP_OF_ALL = 'mq';
export const MOST_HELP_COLUMNS = 120;

/**
 * What is printed and nothing else, known since the build: the version, and help in its usual forms. Null: the whole
 * program has to find it out, because more is on the line, or because third-party backends add to the help.
 */
export async function knownAnswer(
  args: readonly string[],
  env: Environment,
  columns: () => number,
): Promise<string | null> {
  if (args.length === 1 && args[0] === '--version') return `${VERSION}\n`;
  const subject = helpSubject(args);
  const load = subject !== null && Object.hasOwn(RENDERED_HELP, subject) ? RENDERED_HELP[subject] : undefined;
  if (load === undefined || hasThirdParty(env)) return null;
  return layOut((await load()).text, Math.min(columns(), MOST_HELP_COLUMNS));
}

/** Of `mq`, `mq --help`, `mq help`, `mq help WORD` and `mq VERB --help`, which are most of what people type. */
function helpSubject(args: readonly string[]): string | null {
  const [first, second] = args;
  if (first === undefined) return HELP_OF_ALL;
  if (args.length === 1) return isHelp(first) || first === 'help' ? HELP_OF_ALL : null;
  if (args.length > 2 || second === undefined) return null;
  if (first === 'help') return second === HELP_OF_ALL ? null : second;
  const isVerb = first !== HELP_OF_ALL && !TOPICS.some((topic) => topic === first);
  return isVerb && isHelp(second) ? first : null;
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h';
}
