import { join } from 'node:path';
import { CONTEXT_NAME } from './configuration.ts';
import type { Places } from './places.ts';
import { writePrivateFile } from './private-file.ts';
import { readSmallFile } from './small-file.ts';

/** The choice that `mq context use` remembers. It is kept apart from the configuration, which belongs to the user. */
export interface CurrentContext {
  readonly current: string | null;
  /** The context that `-` returns to. */
  readonly previous: string | null;
}

const NONE: CurrentContext = { current: null, previous: null };

/** A missing or damaged file means that no context was chosen. */
export function readCurrentContext(places: Places): CurrentContext {
  try {
    const [current, previous] = readSmallFile(fileIn(places)).text.split('\n').map(nameOrNull);
    return { current: current ?? null, previous: previous ?? null };
  } catch {
    return NONE;
  }
}

/** Throws `PRECONDITION_FAILED` if it cannot be written. */
export async function writeCurrentContext(places: Places, { current, previous }: CurrentContext): Promise<void> {
  await writePrivateFile(fileIn(places), `${current ?? ''}\n${previous ?? ''}\n`);
}

function fileIn(places: Places): string {
  return join(places.stateFolder, 'context');
}

function nameOrNull(line: string): string | null {
  return CONTEXT_NAME.test(line) ? line : null;
}
