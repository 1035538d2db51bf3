import { appendHistory } from '../config/history-file.ts';
import { findContext, type Target } from '../config/target.ts';
import { MqError } from '../contract/errors.ts';
import type { WatchedBroker } from '../top/watched.ts';
import { ChangeRecord } from './change/change-record.ts';
import { Guard } from './change/guard.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { redactedBy } from './output/body-redaction.ts';
import type { Session } from './session.ts';
import { exitOf } from './transfer/run-plan.ts';

/** The brokers that the command line asks to watch: each `--context`, or the one that any command would work on. */
export async function watchedBrokers(session: Session): Promise<readonly WatchedBroker[]> {
  const { context: names = [], url } = session.globals;
  if (names.length < 2 || url !== undefined) return [await watched(session, session.target())];
  const unique = new Set(names.map((name) => findContext(session.settings, name).name));
  return Promise.all([...unique].map((name) => watched(session, session.target(`@${name}`))));
}

async function watched(session: Session, target: Target): Promise<WatchedBroker> {
  const { context, settings } = target;
  const { url } = session.globals;
  const selector = context !== null ? ['-c', context] : url === undefined ? [] : ['--url', session.secrets.redact(url)];
  // Secrets are fetched here, while a password manager can still ask on the terminal.
  const location = await target.connectionUrl(session.signal);
  return {
    context: context ?? location.slice(0, location.indexOf(':')),
    selector,
    readonly: settings?.isReadonly ?? false,
    ...(settings?.color == null ? {} : { color: settings.color }),
    permit(verb, queue) {
      return new Guard(verb, [{ queue, target }]).toConfirm.length > 0 ? 'type-name' : 'as-usual';
    },
    watch(verb, broker, isConfirmed) {
      return new Guard(verb, []).watch(broker, target, isConfirmed);
    },
    shown: redactedBy(settings?.redact ?? []),
    async remember(change) {
      const { verb, queue, to, selection, broker, durationMs, report, errorCode } = change;
      const now = session.host.now();
      const startedAt = now - durationMs;
      const record = new ChangeRecord({
        verb,
        context,
        queues: [queue],
        to: to === null ? [] : [to],
        flags: selection,
        startedAt,
      });
      record.learnBroker(broker.name, broker.address);
      if (report !== null) record.learnReport(report);
      const code = errorCode !== null ? exitCodeOf(errorCode) : report === null ? EXIT.done : exitOf(report);
      try {
        const entry = session.secrets.redactValue(record.entry(code, errorCode, now)) as object;
        appendHistory(session.settings.places, entry);
        return null;
      } catch {
        return 'the history of changes could not be written';
      }
    },
    async connect({ notice, signal }) {
      const { connectTimeout: connectTimeoutMs, timeout: timeoutMs } = session.globals;
      return session.host.openBroker(location, { connectTimeoutMs, timeoutMs, notice, signal });
    },
  };
}

/** A context of a recording: there is nothing behind it to connect to or to change. */
export function recordedBroker(context: string): WatchedBroker {
  const gone = new MqError('PRECONDITION_FAILED', 'this is a recording: there is no broker behind it');
  return {
    context,
    selector: [],
    readonly: true,
    permit() {
      throw gone;
    },
    watch() {
      throw gone;
    },
    shown: (message) => message,
    remember: () => Promise.resolve(null),
    connect: () => Promise.reject(gone),
  };
}
