import type { WatchedBroker } from '../top/watched.ts';
import type { Session } from './session.ts';

/** The brokers that the command line asks to watch. */
export function watchedBrokers(session: Session): readonly WatchedBroker[] {
  const target = session.target();
  const { url } = session.globals;
  return [
    {
      context: target.context ?? schemeOf(target.url),
      selector: url === undefined ? [] : ['--url', session.secrets.redact(url)],
      readonly: false,
      permit: () => 'as-usual',
      connect: ({ notice, signal }) =>
        session.host.openBroker(target.url, { connectTimeoutMs: session.globals.connectTimeout, notice, signal }),
    },
  ];
}

function schemeOf(url: string): string {
  return url.slice(0, url.indexOf(':'));
}
