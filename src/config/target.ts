import { homedir } from 'node:os';
import { join } from 'node:path';
import { MqError } from '../contract/errors.ts';

/** The broker that a command talks to. Contexts (named targets of the configuration file) resolve to the same shape. */
export interface Target {
  /** May hold a password: see `Secrets`. */
  readonly url: string;
  /** The name of the context that it came from; null: from a flag, the environment or the default. */
  readonly context: string | null;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Order: flag → `MQ_URL` → the embedded default under `XDG_DATA_HOME/mq`. Throws `CONFIG_INVALID`. */
export function resolveTarget(flagUrl: string | undefined, env: Environment): Target {
  const source = flagUrl === undefined ? 'MQ_URL' : '--url';
  const url = flagUrl ?? (env.MQ_URL === '' ? undefined : env.MQ_URL) ?? 'sqlite:';
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) {
    throw new MqError('CONFIG_INVALID', `${source} is not a URL: it has no scheme`, {
      hint: 'write sqlite:PATH, redis://…, amqp://… or sqs://REGION',
    });
  }
  return { url: url === 'sqlite:' ? `sqlite:${defaultDatabasePath(env)}` : url, context: null };
}

function defaultDatabasePath(env: Environment): string {
  // The XDG base directory specification: a relative path there is invalid and to be ignored.
  const dataHome = env.XDG_DATA_HOME?.startsWith('/')
    ? env.XDG_DATA_HOME
    : join(env.HOME || homedir(), '.local', 'share');
  return join(dataHome, 'mq', 'mq.db');
}
