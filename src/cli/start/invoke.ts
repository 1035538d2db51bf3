import type { Command } from 'commander';
import { act } from '../../change/act.ts';
import { Guard } from '../../change/guard.ts';
import { History } from '../../change/history.ts';
import { ChangeRecord } from '../../change/record.ts';
import { emptySettings, loadSettings } from '../../config/load.ts';
import type { Secrets } from '../../config/redact.ts';
import type { Target } from '../../config/target.ts';
import { isMqError } from '../../contract/errors.ts';
import type { ExitCode } from '../../core/exit-codes.ts';
import { shownUrl } from '../brokers.ts';
import { finalCode } from '../host/final-code.ts';
import type { Host } from '../host/host.ts';
import { addressQueues, type NamedQueue } from '../line/addressing.ts';
import { withDefaults } from '../line/global-defaults.ts';
import type { Globals } from '../line/globals.ts';
import type { Operand } from '../line/operand.ts';
import { isUrl } from '../line/queue-words.ts';
import { confirm } from '../session/asking.ts';
import { type RunCommandLine, Session } from '../session/session.ts';
import type { PreparedVerb, VerbEntry } from '../verb.ts';
import { verbNamed } from '../verbs.ts';
import { KNOWN } from './known.ts';

/** A parsed line on its way to the verb. */
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
  /** Called with the global options as soon as the defaults are in them, for the report of errors. */
  readonly onGlobals: (globals: Globals) => void;
}

/**
 * Runs a verb: reads the configuration, finds the context, applies what it forbids and wants confirmed, and writes a
 * change to the history.
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
    queues,
  });
  const { warnings, notices } = settings.configuration;
  // `context ls` and `doctor` list all of them.
  if (command.name() !== 'context') for (const notice of notices) session.messages.note(notice);
  for (const warning of warnings) if (!notices.includes(warning)) session.messages.verbose(1, warning);

  const name = command.name();
  if (entry?.changes === undefined || ('dryRun' in flags && flags.dryRun === true)) {
    return verb.execute(operands, flags, session);
  }
  const guard = guardOf(session, entry, queues, flags);
  const record = new ChangeRecord({
    verb: name,
    context: session.target().context,
    queues: queues.filter(({ role }) => role === 'from').map(({ queue }) => queue),
    to: queues.filter(({ role }) => role === 'to').map(({ queue }) => queue),
    flags,
  });
  session.guard = guard;
  session.change = record;
  return act({
    guard,
    record,
    history: new History(settings.places, secrets),
    confirm: () => (entry.changes?.asks === true ? Promise.resolve() : askForNames(session, guard)),
    async run() {
      try {
        return await verb.execute(operands, flags, session);
      } catch (error) {
        const isAddress = queues.some(({ queue }) => isUrl(queue));
        if (isAddress && isMqError(error) && error.code === 'QUEUE_NOT_FOUND') record.forget();
        throw error;
      }
    },
    exitOf: (code) => code,
    finalOf: (code) => finalCode(code, host.stopCause()),
    note: session.notice,
    now: () => host.now(),
  });
}

/** Throws `USAGE` if a context refuses the change: nothing was attempted, and no broker was contacted. */
function guardOf(
  session: Session,
  { name: verb, changes }: VerbEntry,
  queues: readonly NamedQueue[],
  flags: object,
): Guard {
  const toUrl = 'toUrl' in flags && typeof flags.toUrl === 'string' ? flags.toUrl : undefined;
  const guard = new Guard(verb, { hasDryRun: changes?.hasDryRun === true });
  for (const { queue, role } of queues) {
    // A copy does not change its source.
    if (verb === 'copy' && role === 'from') continue;
    guard.admit({ queue, policy: session.target(role === 'to' ? toUrl : undefined).settings });
  }
  sayProjects(session, [session.target(), ...(toUrl === undefined ? [] : [session.target(toUrl)])]);
  return guard;
}

/** For a verb that does not ask by itself. */
async function askForNames(session: Session, guard: Guard): Promise<void> {
  const where = guard.confirmingContexts.join(', ');
  for (const queue of guard.toConfirm) {
    await confirm(session, { lines: [`${guard.verb} ${queue} on ${where}?`], typed: queue, about: queue });
  }
}

/** Says, once for each broker, that a repository and not the user chose where a change goes. */
function sayProjects(session: Session, targets: readonly Target[]): void {
  for (const settings of new Set(targets.map((target) => target.settings))) {
    if (settings?.isFromProject !== true) continue;
    const address = settings.url.from === 'text' ? ` (${shownUrl(settings.url.text)})` : '';
    session.messages.note(`${settings.file} says where this goes: context ${settings.name}${address}`);
  }
}
