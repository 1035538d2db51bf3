import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where `mq` keeps its files: the XDG base directories. They are used on macOS too, as people expect of command-line
 * tools.
 */
export interface Places {
  /** The user writes it, and so does `mq context add|rm`, which keeps its comments. */
  readonly configFile: string;
  /** The databases of the embedded queue. */
  readonly dataFolder: string;
  /** The current context and the history of changes. */
  readonly stateFolder: string;
  /** Names for completion. They may be removed at any time. */
  readonly cacheFolder: string;
}

export function placesOf(env: Environment): Places {
  const home = env.HOME || homedir();
  const asked = env.MQ_CONFIG === '' ? undefined : env.MQ_CONFIG;
  return {
    configFile: asked ?? join(base(env.XDG_CONFIG_HOME, home, '.config'), 'mq', 'config.yaml'),
    dataFolder: join(base(env.XDG_DATA_HOME, home, '.local/share'), 'mq'),
    stateFolder: join(base(env.XDG_STATE_HOME, home, '.local/state'), 'mq'),
    cacheFolder: join(base(env.XDG_CACHE_HOME, home, '.cache'), 'mq'),
  };
}

/** The XDG specification says that a relative path in such a variable is invalid and must be ignored. */
function base(value: string | undefined, home: string, usual: string): string {
  return value?.startsWith('/') ? value : join(home, usual);
}

/** The folder and its parents, the nearest first. */
export function* upwards(folder: string): Generator<string> {
  let current = folder;
  for (;;) {
    yield current;
    const parent = dirname(current);
    if (parent === current) return;
    current = parent;
  }
}
