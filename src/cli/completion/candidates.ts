import type { Argument, Command, Option } from 'commander';
import type { Settings } from '../../config/load.ts';
import { Secrets } from '../../config/redact.ts';
import { resolveTarget, type Target } from '../../config/target.ts';
import { TOPICS } from '../help/topics.ts';
import type { CompletionHost } from './completion-host.ts';
import { queueNames } from './queue-names.ts';
import type { Cursor } from './walk.ts';

/** A whole word, unquoted, that can follow at the cursor. */
export interface Candidate {
  readonly word: string;
  /** A description that some shells show beside it; empty: none. */
  readonly note: string;
}

export interface CandidatesRequest {
  readonly program: Command;
  readonly cursor: Cursor;
  readonly host: CompletionHost;
  readonly settings: () => Promise<Settings>;
  readonly signal: AbortSignal;
}

/** `files`: the shell completes those best itself. */
export type Candidates = readonly Candidate[] | 'files';

/** The candidates at the cursor that begin with the typed text. */
export async function findCandidates(request: CandidatesRequest): Promise<Candidates> {
  const { expected, typed, onlyOperands } = request.cursor;
  const found = await candidatesFor(request);
  if (found === 'files') return found;
  const prefix = expected.what === 'value' ? expected.prefix : '';
  const isOperand = expected.what === 'operand' && !onlyOperands;
  const matching = found.filter(({ word }) => word.startsWith(typed));
  // A name that begins with a dash would be taken as a flag: it can come only after `--`.
  const safeHere = isOperand ? matching.filter(({ word }) => !word.startsWith('-')) : matching;
  const withMarker =
    isOperand && typed === '' && safeHere.length < matching.length
      ? [...safeHere, { word: '--', note: 'names that begin with - come after it' }]
      : safeHere;
  return withMarker.map(({ word, note }) => ({ word: prefix + word, note }));
}

async function candidatesFor(request: CandidatesRequest): Promise<Candidates> {
  const { program, cursor } = request;
  const { expected } = cursor;
  switch (expected.what) {
    case 'nothing':
      return [];
    case 'verb':
      return verbs(program);
    case 'help':
      return [...verbs(program), ...TOPICS.map((word) => ({ word, note: 'topic' }))];
    case 'flag':
      return expected.options.flatMap(flagsOf);
    case 'value':
      return valuesOf(expected.option, request);
    case 'operand':
      return operandsOf(expected.argument, expected.given, request);
  }
}

function verbs(program: Command): readonly Candidate[] {
  const commands = program.createHelp().visibleCommands(program);
  return commands.map((command) => ({ word: command.name(), note: command.summary() || command.description() }));
}

/** The long form, and also the short one once it is typed. */
function flagsOf({ long, short, description }: Option): readonly Candidate[] {
  return [long, short].flatMap((word) => (word === undefined ? [] : [{ word, note: description }]));
}

async function valuesOf(option: Option, request: CandidatesRequest): Promise<Candidates> {
  if (option.argChoices !== undefined) return option.argChoices.map((word) => ({ word, note: '' }));
  const meaning = /[<[]([^>\].|]+)/.exec(option.flags)?.[1];
  if (meaning === 'context') return contexts(await request.settings());
  if (meaning === 'queue') return queues(request);
  return meaning === 'file' ? 'files' : [];
}

async function operandsOf(
  argument: Argument,
  given: readonly string[],
  request: CandidatesRequest,
): Promise<Candidates> {
  if (argument.argChoices !== undefined) return argument.argChoices.map((word) => ({ word, note: '' }));
  switch (argument.name()) {
    case 'context':
      return given[0] === 'add' ? [] : contexts(await request.settings());
    case 'queue':
    case 'glob':
    case 'from':
    case 'to': {
      const names = await queues(request);
      return names.filter(({ word }) => !given.includes(word));
    }
    case 'file':
      return 'files';
    default:
      return [];
  }
}

function contexts(settings: Settings): readonly Candidate[] {
  return [...settings.configuration.contexts.values()].map(({ name, isReadonly, isProtected }) => ({
    word: name,
    note: isReadonly ? 'readonly' : isProtected ? 'protected' : '',
  }));
}

/** Names of queues on the broker of the line. After an `@`, also names of contexts. */
async function queues({ cursor, host, settings: load, signal }: CandidatesRequest): Promise<readonly Candidate[]> {
  const settings = await load();
  const names = await queueNames({ host, settings, signal, target: targetOf(cursor, host, settings) });
  const found = names.map((word) => ({ word, note: '' }));
  const at = cursor.typed.lastIndexOf('@');
  if (at === -1 || cursor.given.has('--url')) return found;
  const queue = cursor.typed.slice(0, at);
  return [...found, ...contexts(settings).map(({ word, note }) => ({ word: `${queue}@${word}`, note }))];
}

function targetOf({ given }: Cursor, host: CompletionHost, settings: Settings): Target {
  const context = given.get('--context') ?? null;
  const choice = { url: given.get('--url') ?? null, context };
  return resolveTarget(choice, settings, host.env, new Secrets(settings.brokers));
}
