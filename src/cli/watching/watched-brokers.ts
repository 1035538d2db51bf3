import { findContext, type Target } from '../../config/target.ts';
import type { WatchedBroker } from '../../top/watched.ts';
import { redactedBy } from '../output/body-redaction.ts';
import type { Session } from '../session/session.ts';

/** The brokers that the command line asks to watch: each `--context`, or the one broker that any command would use. */
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
    policy: settings,
    ...(settings?.color == null ? {} : { color: settings.color }),
    shown: redactedBy(settings?.redact ?? []),
    async connect({ notice, signal }) {
      const { connectTimeout: connectTimeoutMs, timeout: timeoutMs } = session.globals;
      return session.host.openBroker(location, { connectTimeoutMs, timeoutMs, notice, signal });
    },
  };
}
