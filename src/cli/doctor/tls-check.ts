import { isIP } from 'node:net';
import { connect } from 'node:tls';
import type { Check } from '../../contract/broker.ts';
import { failed, ok, warning } from './own-checks.ts';

const TLS_PORTS: Readonly<Record<string, number>> = { 'rediss:': 6379, 'amqps:': 5671, 'https:': 443 };
const PLAIN: ReadonlySet<string> = new Set(['redis:', 'amqp:', 'http:']);

const DAY_MS = 86_400_000;
/** A certificate that ends sooner is worth a word. */
const ENDS_SOON_DAYS = 21;

/**
 * Whether the way to the broker is encrypted, and how long its certificate lasts. Only a handshake is made, with the system's
 * certificates; what the backend itself accepts (an authority of your own in the URL) is shown by whether it connects. Null: no network.
 */
export async function checkTls(url: string, timeoutMs: number, now: number): Promise<Check | null> {
  let parts: URL;
  try {
    parts = new URL(url);
  } catch {
    return null;
  }
  const host = parts.hostname.replace(/^\[|\]$/g, '');
  if (PLAIN.has(parts.protocol)) {
    return isLoopback(host)
      ? ok('encryption', 'none, and the broker is on this machine')
      : warning(
          'encryption',
          `none: passwords and messages cross the network readable`,
          `use ${encrypted(parts.protocol)} if the broker has it`,
        );
  }
  const usualPort = TLS_PORTS[parts.protocol];
  if (usualPort === undefined || host === '') return null;
  const port = parts.port === '' ? usualPort : Number(parts.port);
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
    });
    const finish = (check: Check): void => {
      socket.destroy();
      resolve(check);
    };
    socket.setTimeout(timeoutMs, () => finish(failed('TLS', 'no handshake in time')));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      finish(failed('TLS', `no handshake: ${error.code ?? 'it failed'}`)),
    );
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerCertificate();
      const endsAt = Date.parse(certificate.valid_to);
      const days = Math.floor((endsAt - now) / DAY_MS);
      const protocol = socket.getProtocol() ?? 'TLS';
      if (Number.isNaN(endsAt)) finish(warning('TLS', `${protocol}; the broker shows no certificate`));
      else if (days < 0) finish(failed('TLS', `${protocol}; the certificate ended ${-days} days ago`, 'renew it'));
      else if (!socket.authorized) {
        finish(
          warning(
            'TLS',
            `${protocol}; the certificate is not trusted here: ${String(socket.authorizationError)}`,
            'NODE_EXTRA_CA_CERTS names a file of further authorities',
          ),
        );
      } else if (days < ENDS_SOON_DAYS)
        finish(warning('TLS', `${protocol}; the certificate ends in ${days} days`, 'renew it'));
      else finish(ok('TLS', `${protocol}; the certificate is good for ${days} days`));
    });
  });
}

function encrypted(protocol: string): string {
  return { 'redis:': 'rediss://', 'amqp:': 'amqps://' }[protocol] ?? 'https://';
}

function isLoopback(host: string): boolean {
  return host === '' || host === 'localhost' || host === '::1' || /^127\./.test(host);
}
