import { Command } from 'commander';
import { brokerTitles, MANIFESTS } from '../brokers.ts';
import { formatHelp, type HelpTexts } from '../help/help.ts';
import { TOPICS, type Topic } from '../help/topics.ts';
import { addGlobalOptions, type Globals } from '../line/globals.ts';
import type { Operand } from '../line/operand.ts';
import type { PreparedVerb } from '../verb.ts';
import { VERBS } from '../verbs.ts';
import { VERSION } from '../version.ts';
import { MOST_HELP_COLUMNS } from './at-once.ts';
import type { Invocation } from './invoke.ts';

/** Runs a parsed verb. */
export type Execute = (invocation: Invocation) => Promise<void>;

/** The text that commander would print. */
export type Print = (text: string) => void;

/**
 * The command tree. With one verb loaded, the tree is that verb alone, because nothing else can be on the line.
 * Otherwise a verb that is not in `loaded` is a name with a summary. The general help and "did you mean" need no more,
 * so a command loads only its own verb.
 */
export function buildProgram(
  loaded: ReadonlyMap<string, PreparedVerb>,
  execute: Execute,
  print: Print,
  width: number,
): Command {
  const program = new Command('mq')
    .usage('[--url URL] <verb> <queue> …')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [verb|topic]', `help for a verb, or a topic: ${TOPICS.join(', ')}`)
    .configureOutput({
      writeOut: print,
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => Math.min(width, MOST_HELP_COLUMNS),
    })
    .exitOverride();
  showHelp(program, {
    summary: `mq: one command line for every queue: ${brokerTitles()}`,
    effect: 'Each verb says in its own help whether it only reads.',
    examples: ['mq enqueue orders \'{"order":42}\'', 'mq redrive orders --dry-run', 'mq help redrive'],
  });
  addGlobalOptions(program);

  for (const entry of loaded.size === 1 ? VERBS.filter(({ name }) => loaded.has(name)) : VERBS) {
    const command = program.command(entry.name).summary(entry.summary).helpGroup(entry.group);
    const verb = loaded.get(entry.name);
    if (verb === undefined) {
      command.allowUnknownOption().allowExcessArguments();
      continue;
    }
    verb.declare(command);
    command.helpOption('-h, --help', 'print help');
    const { effect } = verb;
    const examples = [...verb.examples, ...MANIFESTS.flatMap((manifest) => manifest.examples[entry.name] ?? [])];
    showHelp(command, { summary: `mq ${entry.name}: ${entry.summary}`, effect, examples });
    command.action((...received: unknown[]) => {
      const operands = received.slice(0, command.registeredArguments.length) as Operand[];
      return execute({ program, command, verb, operands, flags: command.opts(), globals: program.opts<Globals>() });
    });
  }
  return program;
}

function showHelp(command: Command, texts: HelpTexts): void {
  command.configureHelp({
    showGlobalOptions: true,
    formatHelp: (shown, help) => formatHelp(shown, help, texts),
  });
}

/** What a command line is about, as far as that is known before the verb's own options. */
export interface Asked {
  /** The verb, also of `mq help VERB`; null if there is no such verb. */
  readonly verb: string | null;
  /** The topic of `mq help TOPIC`. */
  readonly topic: Topic | null;
  /** True for a request for help on the program or a verb. */
  readonly help: boolean;
  /** By the word `help`, and of which word: `mq help WORD`; '' where none follows, null where help is no verb here. */
  readonly helpWord: string | null;
}

export function findAsked(args: readonly string[]): Asked {
  const probe = new Command().exitOverride().configureOutput({ outputError: () => {} });
  addGlobalOptions(probe);
  const { operands } = probe.parseOptions([...args]);
  const isHelp = operands[0] === 'help';
  const name = isHelp ? operands[1] : operands[0];
  const end = args.indexOf('--');
  const flags = end === -1 ? args : args.slice(0, end);
  return {
    verb: VERBS.some((entry) => entry.name === name) ? (name ?? null) : null,
    topic: (isHelp && operands.length === 2 && TOPICS.find((candidate) => candidate === name)) || null,
    help: isHelp || flags.includes('--help') || flags.includes('-h'),
    helpWord: isHelp ? (name ?? '') : null,
  };
}
