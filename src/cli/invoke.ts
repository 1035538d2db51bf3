import type { Command } from 'commander';
import { appendHistory, historyFile } from '../config/history-file.ts';
import { emptySettings, loadSettings } from '../config/load.ts';
import { errnoOf } from '../config/private-file.ts';
import type { Secrets } from '../config/redact.ts';
import type { Target } from '../config/target.ts';
import { isMqError } from '../contract/errors.ts';
import { shownUrl } from './brokers.ts';
import { ChangeRecord } from './change/change-record.ts';
import { confirm } from './change/confirm.ts';
import { changedQueues, Guard } from './change/guard.ts';
import { type ExitCode, exitCodeOf } from './exit-codes.ts';
import { finalCode } from './final-code.ts';
import type { Host } from './host/host.ts';
import { KNOWN } from './known.ts';
import { addressQueues, type NamedQueue } from './line/addressing.ts';
import { withDefaults } from './line/global-defaults.ts';
import type { Globals } from './line/globals.ts';
import type { Operand } from './line/operand.ts';
import { isUrl } from './line/queue-words.ts';
import { type RunCommandLine, Session } from './session.ts';
import type { PreparedVerb } from './verb.ts';
import { type VerbEntry, verbNamed } from './verbs.ts';

/** A parsed line, on its way to the verb. */
export interface Invocation {
  readonly program: Command;
  readonly command: Command;
  readonly verb: PreparedVerb;
  readonly operands: readonly Operand[];
  readonly flags: object;
  readonly globals: Globals;
}

export interface InvokeTools {
  readonly host: Host;
  readonly secrets: Secrets;
  readonly runCommandLine: RunCommandLine;
  /** Told of the global options as soon as the defaults are in them, for the report of errors. */
  readonly onGlobals: (globals: Globals) => void;
}

/**
 * Runs a verb: reads the configuration, finds the context, applies what it forbids and wants confirmed, and writes a
 * change into the history.
 */
export async function invoke(
  invocation: Invocation,
  { host, secrets, runCommandLine, onGlobals }: InvokeTools,
): Promise<ExitCode> {
  const { program, command, verb } = invocation;
  const entry = verbNamed(command.name());
  const settings =
    entry?.needsNoConfiguration === true
      ? emptySettings(host.env, KNOWN)
      : await loadSettings(host.env, host.cwd, KNOWN, host.signal);
  const { globals, outputIsAsked, timeoutIsAsked } = withDefaults(
    invocation.globals,
    program,
    settings.configuration.defaults,
    host.env,
  );
  onGlobals(globals);
  const { operands, flags, context, queues } = addressQueues({
    command,
    operands: invocation.operands,
    flags: invocation.flags,
    hasUrl: globals.url !== undefined,
    hasContext: globals.context !== undefined,
    hasNoBroker:
      globals.url === undefined &&
      globals.context === undefined &&
      !(host.env.MQ_URL || host.env.MQ_CONTEXT || settings.current || settings.configuration.defaultContext),
    settings,
  });
  const session = new Session({
    host,
    globals,
    secrets,
    runCommandLine,
    settings,
    context,
    outputIsAsked,
    timeoutIsAsked,
  });
  const { warnings, notices } = settings.configuration;
  // `context ls` and `doctor` list them all.
  if (command.name() !== 'context') for (const notice of notices) session.messages.note(notice);
  for (const warning of warnings) if (!notices.includes(warning)) session.messages.verbose(1, warning);

  const name = command.name();
  if (entry?.changes === undefined || ('dryRun' in flags && flags.dryRun === true)) {
    return verb.execute(operands, flags, session);
  }
  await guardChange(session, entry, queues, flags);
  session.change = new ChangeRecord({
    verb: name,
    context: session.target().context,
    queues: queues.filter(({ role }) => role === 'from').map(({ queue }) => queue),
    to: queues.filter(({ role }) => role === 'to').map(({ queue }) => queue),
    flags,
    startedAt: host.now(),
  });
  try {
    const code = await verb.execute(operands, flags, session);
    remember(session, session.change, code, null);
    return code;
  } catch (error) {
    const code = isMqError(error) ? error.code : 'INTERNAL';
    // Declined, or a URL in the place of a queue, which may hold a password: nothing was changed.
    const isRefused = code === 'CANCELLED' || (code === 'QUEUE_NOT_FOUND' && queues.some(({ queue }) => isUrl(queue)));
    if (!isRefused) remember(session, session.change, exitCodeOf(code), code);
    throw error;
  }
}

async function guardChange(
  session: Session,
  { name: verb, changes }: VerbEntry,
  queues: readonly NamedQueue[],
  flags: object,
): Promise<void> {
  const toUrl = 'toUrl' in flags && typeof flags.toUrl === 'string' ? flags.toUrl : undefined;
  const targetOf = ({ role }: NamedQueue) => (role === 'to' ? session.target(toUrl) : session.target());
  const guard = new Guard(verb, changedQueues(verb, queues, targetOf), { hasDryRun: changes?.hasDryRun === true });
  session.guard = guard;
  sayProjects(session, [session.target(), ...(toUrl === undefined ? [] : [session.target(toUrl)])]);
  if (guard.toConfirm.length === 0 || changes?.asks === true) return;
  const where = guard.confirmingContexts.join(', ');
  for (const queue of guard.toConfirm)
    await confirm(session, { lines: [`${verb} ${queue} on ${where}?`], typed: queue });
}

/** A change that goes where a repository says, and not the person: once for each broker. */
function sayProjects(session: Session, targets: readonly Target[]): void {
  for (const settings of new Set(targets.map((target) => target.settings))) {
    if (settings?.isFromProject !== true) continue;
    const address = settings.url.from === 'text' ? ` (${shownUrl(settings.url.text)})` : '';
    session.messages.note(`${settings.file} says where this goes: context ${settings.name}${address}`);
  }
}

/** A history that cannot be written is said, and changes nothing of what was done. */
function remember(session: Session, change: ChangeRecord, code: ExitCode, error: string | null): void {
  if (!change.hasBegun || code === exitCodeOf('USAGE')) return;
  const { settings, secrets, host, messages } = session;
  try {
    const entry = change.entry(finalCode(code, host.stopCause()), error, host.now());
    appendHistory(settings.places, secrets.redactValue(entry) as object);
  } catch (failure) {
    messages.note(`the history could not be written: ${historyFile(settings.places)}: ${errnoOf(failure)}`);
  }
}
