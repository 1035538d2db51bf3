import type { Command, Option } from 'commander';
import { EXIT, EXIT_MEANINGS, type ExitName } from '../../core/exit-codes.ts';
import type { PreparedVerb, VerbEntry } from '../verb.ts';
import { TOPIC_TEXTS } from './topic-texts.ts';
import { TOPICS } from './topics.ts';

/**
 * The manual page as Markdown, in the dialect of marked-man, from the same tree and texts as the help. `program`
 * contains every verb of `verbs`, and `loaded` holds these.
 */
export function manPage(
  program: Command,
  verbs: readonly VerbEntry[],
  loaded: ReadonlyMap<string, PreparedVerb>,
): string {
  const lines = [
    `# mq(1) -- one command line for every queue`,
    '',
    '## SYNOPSIS',
    '',
    '`mq` [`--url` *URL* | `--context` *NAME*] *VERB* *QUEUE* …',
    '',
    '## VERBS',
    '',
    ...verbs.flatMap(({ name, summary }) => verbSection(program, name, summary, loaded.get(name))),
    '## GLOBAL OPTIONS',
    '',
    ...options(program),
    '## EXIT CODES',
    '',
    ...(Object.keys(EXIT) as ExitName[]).flatMap((name) => [`* \`${EXIT[name]}\`:`, `  ${plain(EXIT_MEANINGS[name])}`]),
    '',
    ...TOPICS.filter((topic) => topic !== 'exit-codes').flatMap((topic) => [
      `## ${topic.toUpperCase()}`,
      '',
      ...TOPIC_TEXTS[topic].split('\n').map((line) => (line === '' ? '' : `    ${line}`)),
      '',
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

function verbSection(
  program: Command,
  name: string,
  summary: string,
  verb: PreparedVerb | undefined,
): readonly string[] {
  const command = program.commands.find((candidate) => candidate.name() === name);
  if (command === undefined || verb === undefined) return [];
  return [
    `### mq ${name}`,
    '',
    `${plain(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}. ${verb.effect}`)}`,
    '',
    ...verb.examples.map((example) => `    $ ${example}`),
    '',
    ...options(command),
  ];
}

function options(command: Command): readonly string[] {
  const shown = command.createHelp().visibleOptions(command);
  const items = shown.filter(({ long }) => long !== '--help').flatMap((option) => item(option));
  return items.length === 0 ? [] : [...items, ''];
}

function item({ flags, description, argChoices }: Option): readonly string[] {
  const choices = argChoices === undefined ? '' : ` (${argChoices.join(', ')})`;
  return [`* \`${flags}\`:`, `  ${plain(description + choices)}`];
}

/** Text without characters that Markdown would take as markup. */
function plain(text: string): string {
  return text.replace(/[\\`*_<>[\]]/g, '\\$&');
}
