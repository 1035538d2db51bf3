import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { Check } from '../../contract/broker.ts';
import { failed, ok, warning } from './own-checks.ts';

const TLS_PORTS: Readonly<Record<string, number>> = { 'rediss:': 6379, 'amqps:': 5671, 'https:': 443 };
const PLAIN: ReadonlySet<string> = new Set(['redis:', 'amqp:', 'http:']);
/** The URL parameters by which a context brings PEM files of its own; each backend's are described with its URL. */
const FILE_PARAMETERS: readonly (readonly [string, 'ca' | 'cert' | 'key'])[] = [
  ['ca', 'ca'],
  ['cert', 'cert'],
  ['key', 'key'],
  ['cacertfile', 'ca'],
  ['certfile', 'cert'],
  ['keyfile', 'key'],
];

const DAY_MS = 86_400_000;
/** A certificate that ends sooner is worth a word. */
const ENDS_SOON_DAYS = 21;

/**
 * Whether the way to the broker is encrypted, whether its certificate is trusted (by the authority that the URL names,
 * else by the system's), and how long it lasts. Only a handshake is made. Null: no network, or a way that the client
 * library chooses itself.
 */
export async function checkTls(url: string, timeoutMs: number, now: number): Promise<Check | null> {
  const parts = URL.parse(url);
  if (parts === null) return null;
  if (parts.protocol === 'sqs:') {
    const endpoint = parts.searchParams.get('endpoint');
    return endpoint === null ? null : checkTls(endpoint, timeoutMs, now);
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
  const serverName = parts.searchParams.get('server_name_indication') ?? (isIP(host) === 0 ? host : null);
  const verified = parts.searchParams.get('verify') !== 'verify_none';
  let files: Files;
  try {
    files = await readFiles(parts.searchParams);
  } catch {
    return failed('TLS', 'a certificate file that the URL names cannot be read');
  }
  return handshake(
    {
      host,
      port,
      ...(serverName === null ? {} : { servername: serverName }),
      ...files,
      rejectUnauthorized: false,
    },
    timeoutMs,
    (socket) => verdict(socket, { now, verified, hasOwnAuthority: files.ca !== undefined }),
  );
}

interface Files {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

async function readFiles(parameters: URLSearchParams): Promise<Files> {
  const files: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  for (const [parameter, part] of FILE_PARAMETERS) {
    const path = parameters.get(parameter);
    if (path !== null) files[part] = await readFile(path);
  }
  return files;
}

function handshake(options: ConnectionOptions, timeoutMs: number, judge: (socket: TLSSocket) => Check): Promise<Check> {
  return new Promise((resolve) => {
    let socket: TLSSocket;
    try {
      socket = connect(options);
    } catch {
      resolve(failed('TLS', 'a certificate or key that the URL names is no PEM file that can be used'));
      return;
    }
    const finish = (check: Check): void => {
      socket.destroy();
      resolve(check);
    };
    socket.setTimeout(timeoutMs, () => finish(failed('TLS', 'no handshake in time')));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      finish(failed('TLS', `no handshake: ${error.code ?? 'it failed'}`)),
    );
    socket.once('secureConnect', () => finish(judge(socket)));
  });
}

interface Expectations {
  readonly now: number;
  /** False: the URL says `verify_none`. */
  readonly verified: boolean;
  readonly hasOwnAuthority: boolean;
}

function verdict(socket: TLSSocket, { now, verified, hasOwnAuthority }: Expectations): Check {
  const protocol = socket.getProtocol() ?? 'TLS';
  const endsAt = Date.parse(socket.getPeerCertificate().valid_to);
  const days = Math.floor((endsAt - now) / DAY_MS);
  if (Number.isNaN(endsAt)) return warning('TLS', `${protocol}; the broker shows no certificate`);
  if (days < 0) return failed('TLS', `${protocol}; the certificate ended ${-days} days ago`, 'renew it');
  if (!verified) {
    return warning(
      'TLS',
      `${protocol}; verify_none: anybody can pose as the broker`,
      'name its authority with cacertfile',
    );
  }
  if (!socket.authorized) {
    return failed(
      'TLS',
      `${protocol}; the certificate is not trusted${hasOwnAuthority ? ' by the authority that the URL names' : ' here'}: ${reasonOf(socket)}`,
      hasOwnAuthority
        ? null
        : 'name its authority in the URL (ca=FILE, RabbitMQ: cacertfile=FILE) or in NODE_EXTRA_CA_CERTS',
    );
  }
  const trust = hasOwnAuthority ? ', trusted by the authority that the URL names' : '';
  if (days < ENDS_SOON_DAYS)
    return warning('TLS', `${protocol}; the certificate ends in ${days} days${trust}`, 'renew it');
  return ok('TLS', `${protocol}; the certificate is good for ${days} days${trust}`);
}

/**
 * OpenSSL's word for it, such as `DEPTH_ZERO_SELF_SIGNED_CERT`: the types of Node say Error, and Node gives the code as
 * text.
 */
function reasonOf(socket: TLSSocket): string {
  const reason: unknown = socket.authorizationError;
  if (typeof reason === 'string') return reason;
  return reason instanceof Error && 'code' in reason && typeof reason.code === 'string' ? reason.code : 'unknown';
}

function encrypted(protocol: string): string {
  return { 'redis:': 'rediss://', 'amqp:': 'amqps://' }[protocol] ?? 'https://';
}

function isLoopback(host: string): boolean {
  return host === '' || host === 'localhost' || host === '::1' || /^127\./.test(host);
}
