import { Command } from 'commander';
import { exitCodesHelp } from './exit-codes.ts';
import { addGlobalOptions, type Globals } from './globals.ts';
import { TOPICS } from './topics.ts';
import type { Operand, PreparedVerb } from './verb.ts';
import { VERBS } from './verbs.ts';
import { VERSION } from './version.ts';

/** Runs a parsed verb. */
export type Execute = (verb: PreparedVerb, operands: readonly Operand[], flags: object, globals: Globals) => Promise<void>;

/** What commander would print. */
export type Print = (text: string) => void;

/**
 * The command tree. Only the verbs in `loaded` know their options; the others are names with a summary, which is all that the general
 * help and "did you mean" need, so that one verb costs the loading of one.
 */
export function buildProgram(loaded: ReadonlyMap<string, PreparedVerb>, execute: Execute, print: Print): Command {
  const program = new Command('mq')
    .description('one command line for every queue: Redis, RabbitMQ, Amazon SQS, and an embedded one')
    .usage('[--url URL] <verb> <queue> …')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [verb|topic]', 'print help for a verb, or a topic: filters, exit-codes')
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .configureOutput({ writeOut: print, writeErr: () => {}, outputError: () => {} })
    .exitOverride();
  program.addHelpText('after', `\nExit codes:\n${exitCodesHelp()}`);
  addGlobalOptions(program);

  for (const entry of VERBS) {
    const command = program.command(entry.name).summary(entry.summary).helpGroup(entry.group);
    const verb = loaded.get(entry.name);
    if (verb === undefined) {
      command.allowUnknownOption().allowExcessArguments();
      continue;
    }
    command.optionsGroup('Options:');
    verb.declare(command);
    command.helpOption('-h, --help', 'print help');
    command.addHelpText('before', () => heading(entry.name, entry.summary, verb));
    command.addHelpText('after', `\nExit codes:\n${exitCodesHelp()}`);
    command.action((...received: unknown[]) => {
      const operands = received.slice(0, command.registeredArguments.length) as Operand[];
      return execute(verb, operands, command.opts(), program.opts<Globals>());
    });
  }
  return program;
}

function heading(name: string, summary: string, verb: PreparedVerb): string {
  const examples = verb.examples.map((example) => `  $ ${example}`).join('\n');
  return `mq ${name}: ${summary}\n${verb.effect}\n\nExamples:\n${examples}\n`;
}

/** The verb that the arguments ask for, also as `mq help VERB`; null when there is none such. */
export function findVerb(args: readonly string[]): string | null {
  const probe = new Command().exitOverride().configureOutput({ outputError: () => {} });
  addGlobalOptions(probe);
  const { operands } = probe.parseOptions([...args]);
  const name = operands[0] === 'help' ? operands[1] : operands[0];
  return VERBS.some((entry) => entry.name === name) ? (name ?? null) : null;
}

/** The text of `mq help TOPIC`; null when the arguments ask for something else. */
export function findTopic(args: readonly string[]): string | null {
  return args[0] === 'help' && args.length === 2 ? (TOPICS[args[1] ?? ''] ?? null) : null;
}
