import { readFileSync } from 'node:fs';
import { MqError } from '../../contract/errors.ts';
import { type Parameters, readParameters } from '../common/parameters.ts';
import { manifest } from './manifest.ts';

interface HostPort {
  readonly host: string;
  readonly port: number;
}

export type RedisKind = (typeof manifest.kinds)[number];

/** What a Redis URL says, checked. Holds the password: never print it. */
export interface RedisSettings {
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null;
  readonly username: string | null;
  readonly password: string | null;
  /** One for a single server; several for Sentinel or Cluster. */
  readonly hosts: readonly HostPort[];
  readonly db: number;
  readonly topology: 'single' | 'cluster' | { readonly sentinel: string };
  readonly sentinelPassword: string | null;
  readonly protocol: 2 | 3;
  /** Forces the kind of every queue; null: found per queue. */
  readonly kind: RedisKind | null;
  /** BullMQ: only queues with this key prefix; null: `bull`, and any other found. */
  readonly prefix: string | null;
  /** Streams: the consumer group that a handle looks through; null: the only one there is. */
  readonly group: string | null;
  /** Streams and lists: the dead-letter queue; `*` stands for the queue's name. */
  readonly dlq: string | null;
  /** Lists: the end from which consumers take. */
  readonly next: 'left' | 'right' | null;
  /** Lists: treat the dead jobs of this framework as this queue's dead letters. */
  readonly as: 'rq' | 'sidekiq' | 'dramatiq' | null;
  /** Streams: a pending entry is dead from so many deliveries on … */
  readonly deadDeliveries: number;
  /** … when it has also been idle for so long. */
  readonly deadIdleMs: number;
  /** BullMQ: the field of `job.data` that holds the original of a wrapped dead letter; null: no unwrapping. */
  readonly unwrap: string | null;
  /** Listing stops after so long and says that it is partial. */
  readonly scanBudgetMs: number;
  /** Where it is, without credentials. */
  readonly address: string;
}

const SHAPE = /^(rediss?):\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;

/**
 * Reads `redis[s]://[user:password@]host[:port][,host[:port]…][/db][?parameters]`. Not `new URL`: it knows no host
 * lists, and its error object carries the whole URL, password and all. Throws `CONFIG_INVALID`, naming the part but
 * never the URL.
 */
export function parseRedisUrl(url: string): RedisSettings {
  const parts = SHAPE.exec(url);
  if (parts === null) {
    throw invalid('the Redis URL is not of the form redis://[user:password@]host[:port][/db][?parameters]');
  }
  const [, scheme, userinfo, authority = '', path = '', query = ''] = parts;
  const parameters = readParameters(manifest, new URLSearchParams(query));
  const sentinel = parameters.text('sentinel');
  const cluster = parameters.isTrue('cluster');
  if (sentinel !== null && cluster) throw invalid('a Redis URL cannot have both sentinel= and cluster=true');
  const [username, password] = readUserinfo(userinfo);
  const db = wholeNumber(path === '' ? '0' : path, 'the database after the slash', 0);
  if (cluster && db !== 0) throw invalid('a Redis Cluster has only database 0');
  const hosts = readHosts(authority, sentinel === null ? DEFAULT_PORT : DEFAULT_SENTINEL_PORT);
  if (hosts.length > 1 && sentinel === null && !cluster) {
    throw invalid('several hosts in a Redis URL need sentinel=NAME or cluster=true');
  }
  const tls = scheme === 'rediss' ? readTls(parameters) : null;
  return {
    tls,
    username,
    password,
    hosts,
    db,
    topology: sentinel !== null ? { sentinel } : cluster ? 'cluster' : 'single',
    sentinelPassword: parameters.text('sentinelPassword'),
    protocol: parameters.choice('protocol', ['3']) === null ? 2 : 3,
    kind: parameters.choice('kind', manifest.kinds),
    prefix: parameters.text('prefix'),
    group: parameters.text('group'),
    dlq: parameters.text('dlq'),
    next: parameters.choice('next', ['left', 'right']),
    as: parameters.choice('as', ['rq', 'sidekiq', 'dramatiq']),
    deadDeliveries: parameters.number('deadDeliveries') ?? 5,
    deadIdleMs: parameters.durationMs('deadIdle') ?? 60_000,
    unwrap: parameters.text('unwrap'),
    scanBudgetMs: parameters.durationMs('scanBudget') ?? 5_000,
    address: `${scheme}://${hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')}/${db}${
      sentinel === null ? '' : `?sentinel=${encodeURIComponent(sentinel)}`
    }`,
  };
}

function readUserinfo(userinfo: string | undefined): readonly [string | null, string | null] {
  if (userinfo === undefined || userinfo === '') return [null, null];
  const colon = userinfo.indexOf(':');
  const user = decode(colon === -1 ? userinfo : userinfo.slice(0, colon));
  const password = colon === -1 ? null : decode(userinfo.slice(colon + 1));
  return [user === '' ? null : user, password === '' ? null : password];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('the user or password in the Redis URL has a bad percent escape', 'write a percent sign as %25');
  }
}

function readHosts(authority: string, defaultPort: number): readonly HostPort[] {
  const hosts = authority === '' ? ['localhost'] : authority.split(',');
  return hosts.map((text) => {
    const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(text);
    const host = match?.[1] ?? match?.[2];
    if (host === undefined) {
      throw invalid(
        'a host of the Redis URL cannot be read',
        'expected host:port; percent-encode @ : / ? in the password',
      );
    }
    const port = match?.[3] === undefined ? defaultPort : wholeNumber(match[3], 'the port', 1);
    if (port > 65_535) throw invalid('the port of the Redis URL is not between 1 and 65535');
    return { host, port };
  });
}

function readTls(parameters: Parameters): RedisSettings['tls'] {
  const tls: { ca?: string; cert?: string; key?: string } = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const file = parameters.text(name);
    if (file === null) continue;
    try {
      tls[name] = readFileSync(file, 'utf8');
    } catch {
      throw invalid(`the file named by the parameter "${name}" of the Redis URL cannot be read`);
    }
  }
  return tls;
}

function wholeNumber(text: string, what: string, least: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least)) throw invalid(`${what} in the Redis URL is not a whole number of at least ${least}`);
  return value;
}

function invalid(message: string, hint?: string): MqError {
  return new MqError('CONFIG_INVALID', message, { hint, backend: 'redis' });
}
