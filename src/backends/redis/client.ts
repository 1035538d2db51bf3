import type { Cluster, Redis } from 'ioredis';
import type { RedisSettings } from './url.ts';

export type Client = Redis | Cluster;
export type Library = Pick<typeof import('ioredis'), 'Redis' | 'Cluster' | 'Command'>;

/** A client of the library that is not connected yet: to a server, to a master found by Sentinel, or to a cluster. */
export function createClient(ioredis: Library, settings: RedisSettings, connectTimeoutMs: number): Client {
  const common = {
    lazyConnect: true,
    connectTimeout: connectTimeoutMs,
    enableReadyCheck: false,
    maxRetriesPerRequest: 1,
    // A command whose answer was lost may have been done: sending it again could do it twice.
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    disableClientInfo: true,
    connectionName: 'mq',
    // Servers before 6 and some proxies have no HELLO, and both protocols answer alike here.
    protocol: settings.protocol,
    ...(settings.username === null ? {} : { username: settings.username }),
    ...(settings.password === null ? {} : { password: settings.password }),
    ...(settings.tls === null ? {} : { tls: { ...settings.tls } }),
  };
  if (settings.topology === 'cluster') {
    return new ioredis.Cluster([...settings.hosts], {
      lazyConnect: true,
      clusterRetryStrategy: () => null,
      slotsRefreshTimeout: connectTimeoutMs,
      enableReadyCheck: true,
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
      db: settings.db,
      name: settings.topology.sentinel,
      sentinels: [...settings.hosts],
      sentinelRetryStrategy: () => null,
      ...(settings.sentinelPassword === null ? {} : { sentinelPassword: settings.sentinelPassword }),
      ...(settings.tls === null ? {} : { enableTLSForSentinelMode: true, sentinelTLS: { ...settings.tls } }),
    });
  }
  const [host] = settings.hosts;
  return new ioredis.Redis({ ...common, ...host, retryStrategy, db: settings.db });
}
