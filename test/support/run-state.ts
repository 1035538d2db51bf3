import { ServerDesk } from './server-desk.ts';

interface RunState {
  readonly desk: ServerDesk;
  /** Why the newer releases are not tested in this run; null: they are. */
  newerMissing: string | null;
}

const KEY = Symbol.for('mq tests: state of this run');

/**
 * What the projects' set-ups and the reporter share. Vitest loads this module once for each of them, in one process.
 */
export function runState(): RunState {
  const place = globalThis as { [KEY]?: RunState };
  place[KEY] ??= { desk: new ServerDesk(), newerMissing: null };
  return place[KEY];
}
