import { ITEM_MARK } from '../help/layout.ts';
import { TOPIC_TEXTS } from '../help/topic-texts.ts';
import type { PreparedVerb } from '../verb.ts';
import { VERBS } from '../verbs.ts';
import { HELP_OF_ALL } from './at-once.ts';
import { buildProgram } from './program.ts';

/** Every help text by its subject, for the build, in the form that `layOut` wraps: see `RENDERED_HELP`. */
export async function renderHelp(): Promise<Readonly<Record<string, string>>> {
  const rendered: Record<string, string> = { ...TOPIC_TEXTS, [HELP_OF_ALL]: helpOf(new Map()) };
  for (const { name, load } of VERBS) rendered[name] = helpOf(new Map([[name, await load()]]));
  return rendered;
}

function helpOf(loaded: ReadonlyMap<string, PreparedVerb>): string {
  let text = '';
  const program = buildProgram(
    loaded,
    async () => {},
    (part) => {
      text += part;
    },
    0,
  );
  const [name] = loaded.keys();
  const command = program.commands.find((candidate) => candidate.name() === name) ?? program;
  command.configureHelp({
    ...command.configureHelp(),
    formatItem: (term, width, description) =>
      description === '' ? `  ${term}` : `${ITEM_MARK}  ${term.padEnd(width)}  ${ITEM_MARK}${description}`,
  });
  command.outputHelp();
  return text;
}
