import { manPage } from '../help/man-page.ts';
import type { PreparedVerb } from '../verb.ts';
import { VERBS } from '../verbs.ts';
import { buildProgram } from './program.ts';

/** The manual page of the whole program, as Markdown, for the build. */
export async function manual(): Promise<string> {
  const loaded = new Map<string, PreparedVerb>();
  for (const { name, load } of VERBS) loaded.set(name, await load());
  const program = buildProgram(
    loaded,
    async () => {},
    () => {},
    80,
  );
  return manPage(program, VERBS, loaded);
}
