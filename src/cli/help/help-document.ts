import type { Command } from 'commander';
import { EXIT, EXIT_MEANINGS, type ExitName } from '../../core/exit-codes.ts';
import type { PreparedVerb, VerbEntry } from '../verb.ts';
import { TOPICS } from './topics.ts';

/**
 * Help for programs: `mq --help -o json`, `mq VERB --help -o json`. Keys are only ever added, as in all our JSON.
 * `name`: the verb that is asked for; null: the program.
 */
export function helpDocument(
  program: Command,
  verbs: readonly VerbEntry[],
  name: string | null,
  verb: PreparedVerb | null,
): object {
  const command = program.commands.find((candidate) => candidate.name() === name);
  const exitCodes = (Object.keys(EXIT) as ExitName[]).map((key) => ({ code: EXIT[key], meaning: EXIT_MEANINGS[key] }));
  if (command === undefined || verb === null) {
    return {
      name: 'mq',
      verbs: verbs.map(({ name: own, summary, group, changes }) => ({
        name: own,
        summary,
        group: group.replace(/:$/, ''),
        changes: changes !== undefined,
      })),
      topics: TOPICS,
      globalOptions: optionsOf(program),
      exitCodes,
    };
  }
  return {
    name: command.name(),
    summary: command.summary(),
    effect: verb.effect,
    changes: verbs.some((entry) => entry.name === command.name() && entry.changes !== undefined),
    examples: verb.examples,
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      description: argument.description,
      required: argument.required,
      variadic: argument.variadic,
      choices: argument.argChoices ?? null,
    })),
    options: optionsOf(command),
    globalOptions: optionsOf(program),
    exitCodes,
  };
}

function optionsOf(command: Command): readonly object[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map((option) => ({
      long: option.long ?? null,
      short: option.short ?? null,
      value: /[<[]([^>\]]+)/.exec(option.flags)?.[1] ?? null,
      description: option.description,
      choices: option.argChoices ?? null,
      default: option.defaultValueDescription ?? option.defaultValue ?? null,
    }));
}
