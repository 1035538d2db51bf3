import { schemeOf } from '../../contract/address.ts';
import type { Manifest, Scheme } from '../../contract/backend.ts';
import { MqError } from '../../contract/errors.ts';
import { type Parameters, readParameters } from './parameters.ts';

/** Where one server listens. */
export interface HostPort {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  /** Null: the URL names none. */
  readonly port: number | null;
}

/** A broker's URL taken apart. Holds the password: never print it. */
export interface BrokerUrl {
  readonly scheme: Scheme;
  /** Decoded; null: missing or empty. */
  readonly user: string | null;
  readonly password: string | null;
  /** All that the URL names; null: it has no `//`. */
  readonly hosts: readonly HostPort[] | null;
  /** As it is written, without its first slash. */
  readonly path: string;
  /** Null: there is no `#`. */
  readonly fragment: string | null;
  /** Checked when they are asked for. Throws as `readParameters` does. */
  parameters(): Parameters;
}

const SHAPE = /^[a-z][a-z0-9+.-]*:(?:\/\/(?:([^/?#]*)@)?([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/is;

/**
 * Reads `SCHEME://[USER[:PASSWORD]@][HOST[:PORT]][,HOST[:PORT]…][/PATH][?PARAMETERS]` by the broker's declaration. `new
 * URL` is not used: it does not know lists of hosts, and its error contains the whole URL with the password. Throws
 * `CONFIG_INVALID` for a part that cannot be read. The error names the part and never quotes it. Null: it is not a URL
 * of this broker.
 */
export function readUrl(manifest: Manifest, text: string): BrokerUrl | null {
  const known = schemeOf(text.trim(), [manifest]);
  const parts = SHAPE.exec(text.trim());
  if (known === null || parts === null) return null;
  const [, userinfo = '', authority, path = '', query = '', fragment] = parts;
  const refuse = (problem: string, hint?: string): never => {
    throw new MqError('CONFIG_INVALID', problem, { hint, backend: manifest.name });
  };
  const decoded = (part: string): string | null => {
    try {
      return part === '' ? null : decodeURIComponent(part);
    } catch {
      const problem = `the user or password in the ${manifest.title} URL has a bad percent escape`;
      return refuse(problem, 'write a percent sign as %25');
    }
  };
  const hostPort = (place: string): HostPort => {
    const [, address, name, port = ''] = /^(?:\[([^\]]+)\]|([^\s:[\]<>\\^|]+))(?::(\d*))?$/.exec(place) ?? [];
    const host = address === undefined ? name : isIpv6(address) ? address : undefined;
    if (host === undefined) {
      const hint = 'expected host:port; percent-encode @ : / ? in the password';
      return refuse(`a host of the ${manifest.title} URL cannot be read`, hint);
    }
    if (port !== '' && !(Number(port) >= 1 && Number(port) <= 65_535)) {
      return refuse(`the port of the ${manifest.title} URL is not between 1 and 65535`);
    }
    return { host, port: port === '' ? null : Number(port) };
  };
  const colon = userinfo.indexOf(':');
  return {
    scheme: known.scheme,
    user: decoded(colon === -1 ? userinfo : userinfo.slice(0, colon)),
    password: decoded(colon === -1 ? '' : userinfo.slice(colon + 1)),
    hosts: authority === undefined ? null : authority === '' ? [] : authority.split(',').map(hostPort),
    path: path.replace(/^\//, ''),
    fragment: fragment ?? null,
    parameters: () => readParameters(manifest, new URLSearchParams(query)),
  };
}

/** With or without a zone. `node:net` could tell, too, but then every command would load it. */
function isIpv6(address: string): boolean {
  return URL.canParse(`http://[${address.replace(/%.*$/, '')}]`);
}

/** `host:5672`, and `[::1]:5672`. */
export function shownHost({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}${port === null ? '' : `:${port}`}`;
}

/** The port that the URL names, else the usual one. */
export function portOf({ port }: HostPort, usual: number | null): number {
  const known = port ?? usual;
  if (known === null) throw new Error('the manifest declares no port for this scheme');
  return known;
}
