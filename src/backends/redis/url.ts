import { readFileSync } from 'node:fs';
import { MqError } from '../../contract/errors.ts';
import type { Parameters } from '../common/parameters.ts';
import { type HostPort, portOf, readUrl, shownHost } from '../common/url.ts';
import { manifest } from './manifest.ts';

export type RedisKind = (typeof manifest.kinds)[number];

/** A Redis URL, checked. It contains the password: never print it. */
export interface RedisSettings {
  readonly tls: { readonly ca?: string; readonly cert?: string; readonly key?: string } | null;
  readonly username: string | null;
  readonly password: string | null;
  /** One for a single server; several for Sentinel or Cluster. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly db: number;
  readonly topology: 'single' | 'cluster' | { readonly sentinel: string };
  readonly sentinelPassword: string | null;
  readonly protocol: 2 | 3;
  /** Forces the kind of every queue; null: found per queue. */
  readonly kind: RedisKind | null;
  /** BullMQ: only queues with this key prefix; null: `bull`, and any other found. */
  readonly prefix: string | null;
  /** Streams: the consumer group that a handle looks through; null: the only one that exists. */
  readonly group: string | null;
  /** Streams and lists: the dead-letter queue. `*` stands for the queue's name. */
  readonly dlq: string | null;
  /** Lists: the end from which consumers take. */
  readonly next: 'left' | 'right' | null;
  /** Lists: treat the dead jobs of this framework as this queue's dead letters. */
  readonly as: 'rq' | 'sidekiq' | 'dramatiq' | null;
  /** Streams: a pending entry is dead from this many deliveries on … */
  readonly deadDeliveries: number;
  /** … if it has also been idle for this long. */
  readonly deadIdleMs: number;
  /** BullMQ: the field of `job.data` that contains the original of a wrapped dead letter; null: no unwrapping. */
  readonly unwrap: string | null;
  /** Listing stops after this time and says that it is partial. */
  readonly scanBudgetMs: number;
  /** The address, without credentials. */
  readonly address: string;
}

const SENTINEL_PORT = 26379;

/**
 * Reads `redis[s]://[user:password@]host[:port][,host[:port]…][/db][?parameters]`.
 * Throws `CONFIG_INVALID`, naming the part but never the URL.
 */
export function parseRedisUrl(url: string): RedisSettings {
  const parts = readUrl(manifest, url);
  if (parts === null || parts.hosts === null || parts.fragment !== null) {
    throw invalid('the Redis URL is not of the form redis://[user:password@]host[:port][/db][?parameters]');
  }
  const { scheme, path } = parts;
  const parameters = parts.parameters();
  const sentinel = parameters.text('sentinel');
  const cluster = parameters.isTrue('cluster');
  if (sentinel !== null && cluster) throw invalid('a Redis URL cannot have both sentinel= and cluster=true');
  const db = wholeNumber(path === '' ? '0' : path, 'the database after the slash', 0);
  if (cluster && db !== 0) throw invalid('a Redis Cluster has only database 0');
  const named: readonly HostPort[] = parts.hosts.length === 0 ? [{ host: 'localhost', port: null }] : parts.hosts;
  const usualPort = sentinel === null ? scheme.port : SENTINEL_PORT;
  const hosts = named.map((place) => ({ host: place.host, port: portOf(place, usualPort) }));
  if (hosts.length > 1 && sentinel === null && !cluster) {
    throw invalid('several hosts in a Redis URL need sentinel=NAME or cluster=true');
  }
  const tls = scheme.encryption === 'tls' ? readTls(parameters) : null;
  return {
    tls,
    username: parts.user,
    password: parts.password,
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
    address: `${scheme.name}://${hosts.map(shownHost).join(',')}/${db}${
      sentinel === null ? '' : `?sentinel=${encodeURIComponent(sentinel)}`
    }`,
  };
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
