import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../free-port.ts';
import type { Program } from '../provision.ts';
import { accepts, type ServerProcess, serverFolder, startProcess, untilReady } from '../server-process.ts';
import { type Certificates, makeCertificates } from '../tls.ts';

export interface RedisOptions {
  /**
   * Lines of `redis.conf`, an array for several of one name: `{ maxmemory: '4mb', user: ['bob on >secret ~* +@all',
   * 'default off'] }`.
   */
  readonly settings?: Readonly<Record<string, string | readonly string[]>>;
  /** TLS only, with a certificate for localhost and 127.0.0.1 that is signed by `certificates.authority`. */
  readonly tls?: boolean;
}

export interface RedisServer {
  /** `redis://127.0.0.1:PORT` or `rediss://…`, without credentials. */
  readonly url: string;
  readonly port: number;
  /** The folder of its files. */
  readonly folder: string;
  /** With `tls` only. */
  readonly certificates: Certificates | null;
  /** Kills it (SIGKILL). `restart` starts it again on the same port and folder. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a Redis (or Valkey) that keeps everything in memory unless `settings` say otherwise. The caller stops it. */
export async function startRedis(program: Program, options: RedisOptions = {}): Promise<RedisServer> {
  const folder = serverFolder('redis');
  const port = await freePort();
  const certificates = options.tls === true ? await makeCertificates(folder) : null;
  const settings: Record<string, string | readonly string[]> = {
    bind: '127.0.0.1',
    dir: folder,
    save: '',
    appendonly: 'no',
    ...(certificates === null ? { port: String(port) } : tlsSettings(port, certificates)),
    ...options.settings,
  };
  const lines = Object.entries(settings).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name} ${one === '' ? '""' : one}\n`),
  );
  const configuration = join(folder, 'redis.conf');
  await writeFile(configuration, lines.join(''));
  let server: ServerProcess;
  const start = async () => {
    server = startProcess(program, [configuration], folder);
    try {
      await untilReady('redis-server', server, 20_000, () => accepts(port));
    } catch (error) {
      await server.stop();
      throw error;
    }
  };
  await start();
  return {
    url: `${certificates === null ? 'redis' : 'rediss'}://127.0.0.1:${port}`,
    port,
    folder,
    certificates,
    kill: () => server.stop({ keepFolder: true }),
    restart: async () => {
      await server.stop({ keepFolder: true });
      await start();
    },
    stop: () => server.stop(),
  };
}

function tlsSettings(port: number, certificates: Certificates): Readonly<Record<string, string>> {
  return {
    port: '0',
    'tls-port': String(port),
    'tls-cert-file': certificates.certificate,
    'tls-key-file': certificates.key,
    'tls-ca-cert-file': certificates.authority,
    'tls-auth-clients': 'no',
  };
}

export interface RedisCluster {
  /** The masters, each with a third of the slots. */
  readonly masters: readonly RedisServer[];
  stop(): Promise<void>;
}

/** Three masters without replicas that have agreed on the slots. */
export async function startRedisCluster(program: Program): Promise<RedisCluster> {
  const masters: RedisServer[] = [];
  const stop = async () => {
    await Promise.all(masters.map((master) => master.stop()));
  };
  try {
    for (let index = 0; index < 3; index++) masters.push(await startClusterNode(program));
    await joinCluster(masters);
  } catch (error) {
    await stop();
    throw error;
  }
  return { masters, stop };
}

async function startClusterNode(program: Program): Promise<RedisServer> {
  const busPort = await freePort();
  return startRedis(program, {
    settings: { 'cluster-enabled': 'yes', 'cluster-port': String(busPort), 'cluster-node-timeout': '5000' },
  });
}

const SLOTS = 16_384;

async function joinCluster(masters: readonly RedisServer[]): Promise<void> {
  const clients = masters.map((master) => new Redis(master.url));
  try {
    for (const [index, client] of clients.entries()) {
      const first = Math.floor((SLOTS * index) / clients.length);
      const last = Math.floor((SLOTS * (index + 1)) / clients.length) - 1;
      await client.call('CLUSTER', 'ADDSLOTSRANGE', first, last);
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    }
    for (const [index, master] of masters.entries()) {
      if (index === 0) continue;
      const bus = busPortOf(String(await clients[index]?.call('CLUSTER', 'NODES')));
      await clients[0]?.call('CLUSTER', 'MEET', '127.0.0.1', master.port, bus);
    }
    const deadline = Date.now() + 20_000;
    for (const client of clients) {
      while (!String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok')) {
        if (Date.now() > deadline) throw new Error('the Redis cluster did not come up within 20 s');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
}

/** `<id> 127.0.0.1:<port>@<bus port>,… myself,master …` */
function busPortOf(nodes: string): number {
  const own = nodes.split('\n').find((line) => line.includes('myself'));
  const port = /@(\d+)/.exec(own ?? '')?.[1];
  if (port === undefined) throw new Error(`no bus port in CLUSTER NODES: ${nodes}`);
  return Number(port);
}

/** The version in `INFO server`, with the server's own name: `Redis 7.0.15`, `Valkey 8.1.1`. */
export async function redisVersion(url: string): Promise<string> {
  const client = new Redis(url, { maxRetriesPerRequest: 1, retryStrategy: () => null });
  // Each failure is also in the rejected call below; without a listener ioredis prints it.
  client.on('error', () => {});
  try {
    const info = await client.info('server');
    const valkey = /valkey_version:(\S+)/.exec(info)?.[1];
    const redis = /redis_version:(\S+)/.exec(info)?.[1];
    if (valkey !== undefined) return `Valkey ${valkey}`;
    if (redis === undefined) throw new Error('INFO server names no version');
    return `Redis ${redis}`;
  } finally {
    client.disconnect();
  }
}
