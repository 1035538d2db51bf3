import { type Command, CommanderError } from 'commander';
import { nearest } from '../../config/nearest.ts';
import { Secrets } from '../../config/redact.ts';
import { type ErrorCode, isMqError, MqError } from '../../contract/errors.ts';
import { EXIT, type ExitCode, exitCodeOf } from '../../core/exit-codes.ts';
import { MANIFESTS } from '../brokers.ts';
import { TOPICS, topicText } from '../help/topics.ts';
import { finalCode } from '../host/final-code.ts';
import type { Host } from '../host/host.ts';
import type { Globals, OutputFormat } from '../line/globals.ts';
import { Messages } from '../session/messages.ts';
import type { PreparedVerb } from '../verb.ts';
import { VERBS } from '../verbs.ts';
import { invoke } from './invoke.ts';
import { buildProgram, findAsked } from './program.ts';

/** Runs one command line to its end and returns its exit code. Never rejects. */
export async function runCommandLine(
  args: readonly string[],
  host: Host,
  secrets: Secrets = new Secrets(MANIFESTS),
): Promise<ExitCode> {
  for (const word of [...args, host.env.MQ_CONTEXT ?? '']) secrets.learnWord(word);
  let globals: ErrorGlobals = guessGlobals(args);
  let printed = '';
  let outcome: ExitCode = EXIT.done;
  let verb: string | null = null;
  try {
    const asked = findAsked(args);
    verb = asked.verb;
    const loaded = await loadVerb(verb);
    const program = buildProgram(
      loaded,
      async (invocation) => {
        globals = invocation.globals;
        outcome = await invoke(invocation, {
          host,
          secrets,
          runCommandLine,
          onGlobals: (effective) => {
            globals = effective;
          },
        });
      },
      (text) => {
        printed += text;
      },
      host.stdout.columns,
    );
    const { topic } = asked;
    if (topic !== null) {
      const text = await topicText(topic);
      printed = globals.output === undefined ? text : `${JSON.stringify({ topic, text })}\n`;
    } else if (globals.output !== undefined && asked.help) {
      const { helpDocument } = await import('../help/help-document.ts');
      const document = helpDocument(program, VERBS, verb, verb === null ? null : (loaded.get(verb) ?? null));
      printed = `${JSON.stringify(document, null, globals.output === 'json' ? 2 : undefined)}\n`;
    } else if (args.length === 0) program.outputHelp();
    else if (asked.helpWord !== null) outputHelp(program, asked.helpWord);
    else await program.parseAsync([...args], { from: 'user' });
    if (printed !== '') await host.stdout.write(printed);
  } catch (error) {
    outcome = await report(error, host, new Messages(host.stderr, globals, secrets), printed, verb);
  }
  if (host.stopCause() === 'stdout-failed') {
    const messages = new Messages(host.stderr, globals, secrets);
    messages.error(new MqError('PRECONDITION_FAILED', 'stdout cannot be written', { hint: 'is the disk full?' }));
    await messages.flush();
  }
  return finalCode(outcome, host.stopCause());
}

/** For an error that was not caught: a bug of ours. */
export async function reportBug(error: unknown, host: Host, secrets: Secrets): Promise<void> {
  const messages = new Messages(host.stderr, { color: 'auto' }, secrets);
  messages.bug(error);
  await messages.flush();
}

type ErrorGlobals = Pick<Globals, 'quiet' | 'verbose' | 'color' | 'output'>;

async function loadVerb(name: string | null): Promise<ReadonlyMap<string, PreparedVerb>> {
  const entry = VERBS.find((candidate) => candidate.name === name);
  return entry === undefined ? new Map() : new Map([[entry.name, await entry.load()]]);
}

/** How to report a failed parse. The options themselves are not known then, so only the format is looked for. */
function guessGlobals(args: readonly string[]): ErrorGlobals {
  const joined = args.join('\n');
  const format = /(?:^|\n)(?:-o\n?|--output[=\n])(json|ndjson)(?:\n|$)/.exec(joined)?.[1] as OutputFormat | undefined;
  return { color: 'auto', ...(format === undefined ? {} : { output: format }) };
}

async function report(
  error: unknown,
  host: Host,
  messages: Messages,
  printed: string,
  verb: string | null,
): Promise<ExitCode> {
  if (error instanceof CommanderError && error.exitCode === 0) {
    await host.stdout.write(printed);
    return EXIT.done;
  }
  const known = error instanceof CommanderError ? usageError(error, verb) : error;
  if (!isMqError(known)) {
    messages.bug(known);
  } else if (known.code !== 'ABORTED' || host.stopCause() === null) {
    messages.error(withHint(known));
  }
  await messages.flush();
  return isMqError(known) ? exitCodeOf(known.code) : EXIT.internal;
}

/** What to try next, for errors that have no hint of their own. */
function withHint(error: MqError): MqError {
  const hint = error.hint ?? HINTS[error.code];
  return hint === undefined ? error : new MqError(error.code, error.message, { hint, queue: error.queue ?? undefined });
}

const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  QUEUE_NOT_FOUND: "'mq ls' lists the queues that are there",
  MESSAGE_NOT_FOUND: "'mq peek' shows the messages that are there",
  UNAVAILABLE: 'is the broker running, and the address right? (--url, MQ_URL)',
  UNAUTHENTICATED: 'check the user and the password in the URL',
  NOT_SUPPORTED: "'mq backends' shows what each kind of queue can do",
};

/**
 * `mq help` and `mq help VERB`. Commander's own way ends with the exit code of the process at that moment, and until
 * the end that code says that `mq` did not finish.
 */
function outputHelp(program: Command, word: string): void {
  const command = word === '' ? program : program.commands.find((candidate) => candidate.name() === word);
  if (command === undefined) throw new MqError('USAGE', 'there is no such verb or topic', { hint: helpHint(word) });
  command.outputHelp();
}

/** Suggests the verb or topic that is most similar. */
function helpHint(word: string): string {
  const guess = nearest(word, [...VERBS.map(({ name }) => name), ...TOPICS]);
  return guess === null ? `see 'mq --help'; topics are ${TOPICS.join(', ')}` : `did you mean ${guess}?`;
}

/** Commander's sentence in our form. Its "(Did you mean …?)" becomes the hint. */
function usageError(error: CommanderError, verb: string | null): MqError {
  if (error.code === 'commander.help')
    return new MqError('USAGE', 'a verb is missing', { hint: `see 'mq --help'; topics are ${TOPICS.join(', ')}` });
  const [sentence, suggestion] = error.message.replace(/^error: /, '').split('\n');
  const hint =
    suggestion?.replace(/^\((.*)\)$/, '$1').replace(/^Did/, 'did') ??
    `see 'mq ${verb === null ? '' : `${verb} `}--help'`;
  return new MqError('USAGE', (sentence ?? '').replace(/\.$/, ''), { hint });
}
