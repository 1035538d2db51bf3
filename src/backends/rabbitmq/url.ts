import { MqError } from '../../contract/errors.ts';
import type { Parameters } from '../common/parameters.ts';
import { portOf, readUrl, shownHost } from '../common/url.ts';
import { manifest } from './manifest.ts';

/** The parts of a RabbitMQ URL. It contains the password: never print one of these. */
export interface Address {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly vhost: string;
  readonly management: ManagementAddress;
  readonly trust: TrustOptions;
  readonly tuning: Tuning;
  /** Safe to print. */
  readonly label: string;
}

/**
 * Further settings of RabbitMQ's URI query specification. The smaller of this value and that of the server or the
 * command line applies. Null: not given.
 */
export interface Tuning {
  /** Seconds; 0: none. */
  readonly heartbeatS: number | null;
  readonly connectTimeoutMs: number | null;
  readonly channelMax: number | null;
}

export interface ManagementAddress {
  readonly tls: boolean;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** A path before `/api`, without the last slash; usually empty. */
  readonly prefix: string;
  /** False if the address was derived from the AMQP one, so that its silence is not the operator's mistake. */
  readonly explicit: boolean;
  readonly label: string;
}

/**
 * The TLS parameters of RabbitMQ's own URI query specification (https://www.rabbitmq.com/docs/uri-query-parameters).
 */
export interface TrustOptions {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly serverName: string | null;
  readonly verify: boolean;
}

const HINT =
  'the form is amqp[s]://user:password@host[:port]/vhost[?management=http://host:15672], with special characters percent-encoded';

/** Throws `CONFIG_INVALID`, and never quotes the URL. */
export function parseAddress(text: string): Address {
  refuseHostList(text);
  const url = readUrl(manifest, text);
  if (url === null) throw invalid('the RabbitMQ URL must begin with amqp:// or amqps://');
  const [first] = url.hosts ?? [];
  if (first === undefined) throw invalid('the RabbitMQ URL names no host');
  const { scheme, path } = url;
  const tls = scheme.encryption === 'tls';
  const isNamed = url.user !== null || url.password !== null;
  const user = isNamed ? (url.user ?? '') : 'guest';
  const password = isNamed ? (url.password ?? '') : 'guest';
  if (path.includes('/'))
    throw invalid('the vhost in the RabbitMQ URL holds a slash', 'write a slash within a vhost as %2F');
  const vhost = path === '' ? '/' : decode(path, 'vhost');
  const parameters = url.parameters();
  const amqp = { tls, host: first.host, user, password };
  return {
    ...amqp,
    port: portOf(first, scheme.port),
    vhost,
    management: managementAddress(parameters, amqp),
    trust: trustOptions(parameters),
    tuning: tuningOf(parameters),
    label: `${scheme.name}://${shownHost(first)}${vhost === '/' ? '' : `/${encodeURIComponent(vhost)}`}`,
  };
}

/**
 * The URI specification has one host (https://www.rabbitmq.com/docs/uri-spec). Some libraries add lists, each in its
 * own way. `mq` would not know on which of the nodes it acts.
 */
function refuseHostList(text: string): void {
  const authority = /^[^:]*:\/\/([^/?#]*)/.exec(text)?.[1] ?? '';
  const hosts = authority.slice(authority.lastIndexOf('@') + 1);
  const isRepeated = /[,;\s]\s*amqps?:\/\//i.test(text);
  if (!isRepeated && !/[,;]/.test(hosts)) return;
  throw invalid(
    'the RabbitMQ URL names several hosts, and an AMQP URI has one',
    'name one node, or the load balancer before them: every node of a cluster leads to all its queues',
  );
}

function tuningOf(parameters: Parameters): Tuning {
  const mechanism = parameters.text('auth_mechanism');
  if (mechanism !== null && mechanism.toLowerCase() !== 'plain')
    throw invalid('mq logs in to RabbitMQ by password only', 'leave auth_mechanism out of the URL, or write plain');
  return {
    heartbeatS: parameters.number('heartbeat'),
    // Milliseconds, as in the specification. 0 would mean for ever.
    connectTimeoutMs: parameters.number('connection_timeout') || null,
    channelMax: parameters.number('channel_max'),
  };
}

function managementAddress(
  parameters: Parameters,
  amqp: { readonly tls: boolean; readonly host: string; readonly user: string; readonly password: string },
): ManagementAddress {
  const given = parameters.text('management');
  if (given === null) {
    const port = amqp.tls ? 15671 : 15672;
    const label = `${amqp.tls ? 'https' : 'http'}://${shownHost({ host: amqp.host, port })}`;
    return { ...amqp, port, prefix: '', explicit: false, label };
  }
  const address = parseUrl(given, 'the address after management=');
  const tls = address.protocol === 'https:';
  const named = address.username !== '';
  return {
    tls,
    host: bareHost(address),
    port: address.port === '' ? (tls ? 443 : 80) : Number(address.port),
    user: named ? decode(address.username, 'user') : amqp.user,
    password: named ? decode(address.password, 'password') : amqp.password,
    prefix: address.pathname.replace(/\/(api\/?)?$/, ''),
    explicit: true,
    label: `${address.protocol}//${address.host}`,
  };
}

function trustOptions(parameters: Parameters): TrustOptions {
  return {
    caFile: parameters.text('cacertfile'),
    certFile: parameters.text('certfile'),
    keyFile: parameters.text('keyfile'),
    serverName: parameters.text('server_name_indication'),
    verify: parameters.choice('verify', ['verify_none']) === null,
  };
}

function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

function parseUrl(text: string, what: string): URL {
  // The error of `new URL` has the whole text in `input`, with the password: it must not leave this function.
  const url = URL.parse(text);
  if (url === null) throw invalid(`${what} is not a valid URL`);
  return url;
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`the ${what} in the RabbitMQ URL is not properly percent-encoded`);
  }
}

function invalid(message: string, hint: string = HINT): MqError {
  return new MqError('CONFIG_INVALID', message, { hint, backend: 'rabbitmq' });
}
