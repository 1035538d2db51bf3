import type { Command, Help } from 'commander';
import { exitCodesHelp } from '../../core/exit-codes.ts';
import { GLOBAL_OPTIONS } from '../line/globals.ts';

/** The parts of a verb that commander does not know. */
export interface HelpTexts {
  readonly summary: string;
  readonly effect: string;
  readonly examples: readonly string[];
}

/** The order of every help text: summary, examples, usage, verbs, arguments, options, exit codes. */
export function formatHelp(command: Command, help: Help, texts: HelpTexts): string {
  const width = help.padWidth(command, help);
  const item = (term: string, description: string): string => help.formatItem(term, width, description, help);
  const group = (heading: string, items: readonly string[]): readonly string[] =>
    items.length === 0 ? [] : [heading, ...items, ''];
  const options = (items: ReturnType<Help['visibleOptions']>): readonly string[] =>
    items.map((option) => item(help.optionTerm(option), help.optionDescription(option)));

  const commands = help.groupItems(
    [...command.commands],
    help.visibleCommands(command),
    (sub) => sub.helpGroup() || 'More:',
  );
  const optionGroups = help.groupItems(
    [...command.options],
    help.visibleOptions(command).filter(isOwn),
    (option) => option.helpGroupHeading ?? 'Options:',
  );
  return [
    texts.summary,
    texts.effect,
    '',
    ...group(
      'Examples:',
      texts.examples.map((example) => `  $ ${example}`),
    ),
    `Usage: ${help.commandUsage(command)}`,
    '',
    ...[...commands].flatMap(([heading, subs]) =>
      group(
        heading,
        subs.map((sub) => item(help.subcommandTerm(sub), help.subcommandDescription(sub))),
      ),
    ),
    ...group(
      'Arguments:',
      help
        .visibleArguments(command)
        .map((argument) => item(help.argumentTerm(argument), help.argumentDescription(argument))),
    ),
    ...[...optionGroups].flatMap(([heading, items]) => group(heading, options(items))),
    ...group(
      GLOBAL_OPTIONS,
      options([...help.visibleGlobalOptions(command), ...help.visibleOptions(command)].filter(isGlobal)),
    ),
    'Exit codes:',
    exitCodesHelp(),
    '',
  ].join('\n');
}

type Flag = ReturnType<Help['visibleOptions']>[number];

/** The help option belongs to the global ones, whatever group a command has when it is added. */
function isOwn(option: Flag): boolean {
  return !isGlobal(option) && option.long !== '--version';
}

function isGlobal(option: Flag): boolean {
  return option.long === '--help' || option.helpGroupHeading === GLOBAL_OPTIONS;
}
