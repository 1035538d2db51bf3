import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import type { Program } from '../provision.ts';
import { accepts, type ServerProcess, serverFolder, startProcess, untilReady } from '../server-process.ts';
import { managementRequest } from './management.ts';

export interface RabbitmqOptions {
  /** Further lines of `rabbitmq.conf`. */
  readonly configuration?: readonly string[];
  /** Beside the management plugin and the shovel, with which other tools' moves are compared. */
  readonly plugins?: readonly string[];
  /** Figures as rarely as RabbitMQ collects them by itself, for benchmarks; the tests have them four times a second. */
  readonly usualFigures?: true;
}

export interface RabbitmqServer {
  /** `amqp://guest:guest@127.0.0.1:PORT`, vhost `/`. */
  readonly url: string;
  /** `http://guest:guest@127.0.0.1:PORT`. */
  readonly managementUrl: string;
  readonly version: string;
  /**
   * Resolves when the queues that were declared before survive a kill. RabbitMQ on Mnesia answers when a declaration's
   * transaction is in its log on disk, but not yet the decision to commit it, which the log keeps in memory for up to 2
   * s: a broker killed before takes the transaction for aborted, and forgets the queue with its confirmed messages
   * (seen on 3.10.8: the log without the decision, in about one kill of ten).
   */
  declarationsWritten(): Promise<void>;
  /**
   * Evaluates an Erlang expression in the broker, for what no client can bring about. Rejects with what `rabbitmqctl`
   * said when that failed.
   */
  evaluate(expression: string): Promise<void>;
  /** Kills it (SIGKILL), its port mapper too. `restart` starts it again with the same ports, messages and settings. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a RabbitMQ of one node, all of it on 127.0.0.1 and in one folder, in 4 to 12 s. The caller stops it. */
export async function startRabbitmq(program: Program, options: RabbitmqOptions = {}): Promise<RabbitmqServer> {
  const folder = serverFolder('rabbitmq');
  const [port, managementPort, nodePort, mapperPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const files = {
    configuration: join(folder, 'rabbitmq.conf'),
    advanced: join(folder, 'advanced.config'),
    plugins: join(folder, 'enabled_plugins'),
  };
  const plugins = ['rabbitmq_management', 'rabbitmq_shovel', ...(options.plugins ?? [])];
  await writeFile(files.plugins, `[${plugins.join(',')}].\n`);
  await writeFile(
    files.configuration,
    [
      `listeners.tcp.1 = 127.0.0.1:${port}`,
      'management.tcp.ip = 127.0.0.1',
      `management.tcp.port = ${managementPort}`,
      // The default of 5 s, as below, would make every test of the management API's figures that slow. Nothing may rely
      // on either.
      ...(options.usualFigures === true ? [] : ['collect_statistics_interval = 250']),
      'disk_free_limit.absolute = 50MB',
      ...(options.configuration ?? []),
      '',
    ].join('\n'),
  );
  await writeFile(files.advanced, options.usualFigures === true ? '[].\n' : FAST_FIGURES);
  const env = {
    HOME: folder,
    // An address instead of a name: a bare machine may not resolve even `localhost`.
    RABBITMQ_NODENAME: `mq-test-${port}@127.0.0.1`,
    RABBITMQ_USE_LONGNAME: 'true',
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(nodePort),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_PID_FILE: join(folder, 'pid'),
    RABBITMQ_CONFIG_FILE: files.configuration,
    RABBITMQ_ADVANCED_CONFIG_FILE: files.advanced,
    RABBITMQ_ENABLED_PLUGINS_FILE: files.plugins,
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    ERL_EPMD_PORT: String(mapperPort),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    // No busy waiting of idle schedulers: the tests need the processor.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
      '+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
  };
  const managementUrl = `http://guest:guest@127.0.0.1:${managementPort}`;
  const erlang = { ...env, MQ_TEST_SERVER: program.place === 'here' ? program.path : 'rabbitmq-server' };
  let server: ServerProcess;
  let version = '';
  const start = async () => {
    server = startProcess(asShell(program), ['-c', WITH_OWN_MAPPER], folder, erlang);
    try {
      await untilReady('rabbitmq-server', server, 90_000, async () => {
        version = (await versionOf(managementUrl)) ?? '';
        return version !== '' && (await accepts(port));
      });
    } catch (error) {
      await server.stop();
      throw error;
    }
  };
  await start();
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    managementUrl,
    version,
    declarationsWritten: async () => {
      // The declaration of one more queue has the log written, with all that stands in it before. (That of an exchange
      // has not: measured.)
      const path = `/api/queues/%2F/written-${randomUUID()}`;
      await managementRequest(managementUrl, 'PUT', path, { durable: true });
      await managementRequest(managementUrl, 'DELETE', path);
    },
    evaluate: async (expression) => {
      const cookie = await readFile(join(folder, '.erlang.cookie'), 'utf8');
      const settings = { ...env, MQ_TEST_COOKIE: cookie.trim(), MQ_TEST_EXPRESSION: expression };
      const control = startProcess(asShell(program), ['-c', EVALUATE], serverFolder('rabbitmqctl'), settings);
      await control.ended;
      if (!control.lastWords().endsWith(EVALUATED)) throw new Error(control.lastWords());
    },
    kill: () => server.stop({ keepFolder: true }),
    restart: async () => {
      await server.stop({ keepFolder: true });
      await start();
    },
    stop: () => server.stop(),
  };
}

const SAMPLES = '[{global, [{600, 1}]}, {basic, [{600, 1}]}, {detailed, [{10, 1}]}]';
/**
 * Quorum queues and streams tell their figures at every tick; the management API shows them in steps of its shortest
 * sample, in seconds.
 */
const FAST_FIGURES = `[
  {rabbit, [{quorum_tick_interval, 250}, {stream_tick_interval, 250}]},
  {rabbitmq_management, [{sample_retention_policies, ${SAMPLES}}]},
  {rabbitmq_management_agent, [{sample_retention_policies, ${SAMPLES}}]}
].
`;

/**
 * The port mapper (epmd) that Erlang would start by itself detaches and outlives the broker. Started here first, in the
 * foreground and in the same process group, it ends with the broker.
 */
const WITH_OWN_MAPPER = `
# Debian's program in /usr/sbin changes the user; the one that it calls does not.
PATH=/usr/lib/rabbitmq/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
epmd -address "$ERL_EPMD_ADDRESS" -port "$ERL_EPMD_PORT" &
until epmd -port "$ERL_EPMD_PORT" -names >/dev/null 2>&1; do sleep 0.05; done
exec "$MQ_TEST_SERVER"
`;

const EVALUATED = 'evaluated';
const EVALUATE = `
PATH=/usr/lib/rabbitmq/bin:$PATH:/usr/local/sbin:/usr/sbin:/sbin
rabbitmqctl --longnames --node "$RABBITMQ_NODENAME" --erlang-cookie "$MQ_TEST_COOKIE" eval "$MQ_TEST_EXPRESSION" && echo ${EVALUATED}
`;

function asShell(program: Program): Program {
  switch (program.place) {
    case 'here':
      return { place: 'here', path: '/bin/sh' };
    case 'chroot':
      return { ...program, path: '/bin/sh' };
    case 'container':
      return { ...program, command: 'sh' };
  }
}

/** Null while the API does not answer. */
async function versionOf(managementUrl: string): Promise<string | null> {
  try {
    const overview = await managementRequest(managementUrl, 'GET', '/api/overview');
    if (typeof overview !== 'object' || overview === null || !('rabbitmq_version' in overview)) return null;
    return String(overview.rabbitmq_version);
  } catch {
    return null;
  }
}
