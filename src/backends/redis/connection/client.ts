import type { Cluster, Redis } from 'ioredis';
import type { RedisSettings } from '../url.ts';
import { CONNECTION_NAME, isOwnLogin } from './own-login.ts';

export type Client = Redis | Cluster;
export type Library = Pick<typeof import('ioredis'), 'Redis' | 'Cluster' | 'Command'>;

export interface Patience {
  readonly connectTimeoutMs: number;
  /** For one answer. */
  readonly timeoutMs: number;
}

/**
 * The library skips a node with an empty host in an answer of a cluster, so the empty host is replaced by this; see
 * `natMap` below.
 */
const SAME_HOST = 'the-host-that-was-asked.invalid';

/** Replies of CLUSTER SLOTS without null and empty hosts: the library would ignore such nodes. */
function withHosts(reply: unknown): unknown {
  if (!Array.isArray(reply)) return reply;
  return reply.map((range: unknown) =>
    Array.isArray(range)
      ? range.map((node: unknown) =>
          Array.isArray(node) && (node[0] === null || String(node[0]) === '') ? [SAME_HOST, ...node.slice(1)] : node,
        )
      : range,
  );
}

/** A client of the library that is not connected yet: to a server, to a master found by Sentinel, or to a cluster. */
export function createClient(ioredis: Library, settings: RedisSettings, patience: Patience): Client {
  const { connectTimeoutMs, timeoutMs } = patience;
  const common = {
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    // If no byte comes for this long while an answer is awaited, the socket is dead, whatever it says.
    socketTimeout: timeoutMs,
    disconnectTimeout: 100,
    enableReadyCheck: false,
    maxRetriesPerRequest: 1,
    // A command whose answer was lost may have been done: sending it again could do it twice.
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    disableClientInfo: true,
    ...(isOwnLogin(settings) ? {} : { connectionName: CONNECTION_NAME }),
    // Servers before 6 and some proxies have no HELLO, and both protocols give the same answers here.
    protocol: settings.protocol,
    ...(settings.username === null || isOwnLogin(settings) ? {} : { username: settings.username }),
    ...(settings.password === null || isOwnLogin(settings) ? {} : { password: settings.password }),
    ...(settings.tls === null ? {} : { tls: { ...settings.tls } }),
  };
  if (settings.topology === 'cluster') {
    ioredis.Command.setReplyTransformer('cluster', withHosts);
    const asked = settings.hosts[0]?.host ?? 'localhost';
    return new ioredis.Cluster([...settings.hosts], {
      lazyConnect: true,
      clusterRetryStrategy: () => null,
      slotsRefreshTimeout: Math.min(connectTimeoutMs, timeoutMs),
      // A command whose answer was lost may have been done: sending it again could do it twice.
      retryDelayOnFailover: 0,
      natMap: (key: string) => {
        const [, port] = /^(?:the-host-that-was-asked\.invalid|):(\d+)$/.exec(key) ?? [];
        return port === undefined ? null : { host: asked, port: Number(port) };
      },
      // It asks a random node, which may be silent. Each call reports what the cluster cannot serve.
      enableReadyCheck: false,
      // Certificates name hosts, not the addresses that CLUSTER SLOTS may give.
      ...(settings.tls === null
        ? {}
        : { dnsLookup: (address: string, done: (e: null, a: string) => void) => done(null, address) }),
      redisOptions: common,
    });
  }
  const retryStrategy = () => null;
  if (typeof settings.topology === 'object') {
    return new ioredis.Redis({
      ...common,
      retryStrategy,
      sentinelCommandTimeout: connectTimeoutMs,
      db: settings.db,
      name: settings.topology.sentinel,
      sentinels: [...settings.hosts],
      sentinelRetryStrategy: () => null,
      ...(settings.sentinelPassword === null ? {} : { sentinelPassword: settings.sentinelPassword }),
      ...(settings.tls === null ? {} : { enableTLSForSentinelMode: true, sentinelTLS: { ...settings.tls } }),
    });
  }
  const [host] = settings.hosts;
  const db = isOwnLogin(settings) ? 0 : settings.db;
  return new ioredis.Redis({ ...common, ...host, retryStrategy, db });
}
