import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { schemeOf } from '../../contract/address.ts';
import type { Parameter, Scheme } from '../../contract/backend.ts';
import type { Check } from '../../contract/broker.ts';
import { MANIFESTS } from '../brokers.ts';
import { failed, ok, warning } from './own-checks.ts';

/** For a server that a parameter names: nothing is declared about it. */
const WEB: readonly Scheme[] = [
  { name: 'http', port: 80, encryption: 'plain', encrypted: 'https' },
  { name: 'https', port: 443, encryption: 'tls' },
];

const DAY_MS = 86_400_000;
/** A certificate that ends sooner than this is worth a warning. */
const ENDS_SOON_DAYS = 21;

/**
 * Whether the connection to the broker is encrypted, whether its certificate is trusted (by the authority that the URL
 * names, else by the system's), and how long it lasts. It makes only a handshake. Null: there is no network, or the
 * client library chooses the way itself.
 */
export async function checkTls(url: string, timeoutMs: number, now: number): Promise<Check | null> {
  const parts = URL.parse(url);
  if (parts === null) return null;
  const known = schemeOf(parts.protocol, MANIFESTS);
  const scheme = known?.scheme ?? WEB.find(({ name }) => `${name}:` === parts.protocol);
  if (scheme === undefined || scheme.encryption === 'none') return null;
  const said = (role: NonNullable<Parameter['tls']>) =>
    known?.manifest.parameters.find((one) => one.tls === role && parts.searchParams.has(one.name)) ?? null;
  if (scheme.encryption === 'parameter') {
    const server = said('server');
    return server === null ? null : checkTls(parts.searchParams.get(server.name) ?? '', timeoutMs, now);
  }
  const host = parts.hostname.replace(/^\[|\]$/g, '');
  if (scheme.encryption === 'plain') {
    return isLoopback(host)
      ? ok('encryption', 'none, and the broker is on this machine')
      : warning(
          'encryption',
          `none: passwords and messages cross the network in clear text`,
          scheme.encrypted === undefined ? null : `use ${scheme.encrypted}:// if the broker has it`,
        );
  }
  if (scheme.port === null || host === '') return null;
  const port = parts.port === '' ? scheme.port : Number(parts.port);
  const told = (role: NonNullable<Parameter['tls']>): string | null => {
    const parameter = said(role);
    return parameter === null ? null : parts.searchParams.get(parameter.name);
  };
  const serverName = told('server-name') ?? (isIP(host) === 0 ? host : null);
  const verify = said('verify');
  // Any value but the usual one turns it off.
  const verified = verify === null || parts.searchParams.get(verify.name) === verify.usual;
  let files: Files;
  try {
    files = await readFiles(told);
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
    (socket) =>
      verdict(socket, {
        now,
        unverified: verified ? null : (told('verify') ?? ''),
        hasOwnAuthority: files.ca !== undefined,
        authority: known?.manifest.parameters.find(({ tls }) => tls === 'ca')?.name ?? null,
      }),
  );
}

interface Files {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

async function readFiles(told: (role: keyof Files) => string | null): Promise<Files> {
  const files: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
  for (const part of ['ca', 'cert', 'key'] as const) {
    const path = told(part);
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
      resolve(failed('TLS', 'a certificate or key that the URL names is not a usable PEM file'));
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
  /** The parameter in the URL that makes any certificate acceptable; null: the certificate is verified. */
  readonly unverified: string | null;
  readonly hasOwnAuthority: boolean;
  /** The parameter that names an authority; null: the broker has none. */
  readonly authority: string | null;
}

function verdict(socket: TLSSocket, { now, unverified, hasOwnAuthority, authority }: Expectations): Check {
  const protocol = socket.getProtocol() ?? 'TLS';
  const endsAt = Date.parse(socket.getPeerCertificate().valid_to);
  const days = Math.floor((endsAt - now) / DAY_MS);
  if (Number.isNaN(endsAt)) return warning('TLS', `${protocol}; the broker shows no certificate`);
  if (days < 0) return failed('TLS', `${protocol}; the certificate ended ${-days} days ago`, 'renew it');
  if (unverified !== null) {
    return warning(
      'TLS',
      `${protocol}; ${unverified}: anybody can pose as the broker`,
      authority === null ? null : `name its authority with ${authority}`,
    );
  }
  if (!socket.authorized) {
    return failed(
      'TLS',
      `${protocol}; the certificate is not trusted${hasOwnAuthority ? ' by the authority that the URL names' : ' here'}: ${reasonOf(socket)}`,
      hasOwnAuthority
        ? null
        : `name its authority ${authority === null ? '' : `in the URL (${authority}=FILE) or `}in NODE_EXTRA_CA_CERTS`,
    );
  }
  const trust = hasOwnAuthority ? ', trusted by the authority that the URL names' : '';
  if (days < ENDS_SOON_DAYS)
    return warning('TLS', `${protocol}; the certificate ends in ${days} days${trust}`, 'renew it');
  return ok('TLS', `${protocol}; the certificate is good for ${days} days${trust}`);
}

/**
 * OpenSSL's word for it, such as `DEPTH_ZERO_SELF_SIGNED_CERT`. Node's types say Error, but Node gives the code as
 * text.
 */
function reasonOf(socket: TLSSocket): string {
  const reason: unknown = socket.authorizationError;
  if (typeof reason === 'string') return reason;
  return reason instanceof Error && 'code' in reason && typeof reason.code === 'string' ? reason.code : 'unknown';
}

function isLoopback(host: string): boolean {
  return host === '' || host === 'localhost' || host === '::1' || /^127\./.test(host);
}
