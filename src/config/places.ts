import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where `mq` keeps its files: the XDG base directories, on macOS too, as people expect of tools for the command line.
 */
export interface Places {
  /** Written by the person, and by `mq context add|rm` with its comments kept. */
  readonly configFile: string;
  /** Databases of the embedded queue. */
  readonly dataFolder: string;
  /** The current context and the history of changes: what the program remembers. */
  readonly stateFolder: string;
  /** Names for completion: may be removed at any time. */
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

/** The specification of XDG: a relative path in such a variable is invalid and to be ignored. */
function base(value: string | undefined, home: string, usual: string): string {
  return value?.startsWith('/') ? value : join(home, usual);
}

/** The folder and those above it, the nearest first. */
export function* upwards(folder: string): Generator<string> {
  let current = folder;
  for (;;) {
    yield current;
    const parent = dirname(current);
    if (parent === current) return;
    current = parent;
  }
}
