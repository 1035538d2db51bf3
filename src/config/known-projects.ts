import { join } from 'node:path';
import type { Context } from './configuration.ts';
import { fingerprint } from './fingerprint.ts';
import type { Places } from './places.ts';
import { appendPrivateLine } from './private-file.ts';
import { readSmallFile } from './small-file.ts';

/**
 * Remembers which contexts of projects a command of the user has connected to. Tab connects to no other. People press
 * it in a clone that they have not looked at yet, and a repository may name anybody's server. A context that was
 * changed counts as another one.
 */
export function isKnownProject(places: Places, context: Context): boolean {
  return linesIn(fileIn(places)).includes(lineOf(context));
}

/** Never throws: Tab then continues not to connect. */
export function rememberProject(places: Places, context: Context): void {
  try {
    if (!isKnownProject(places, context)) appendPrivateLine(fileIn(places), lineOf(context));
  } catch {
    // A folder that cannot be written.
  }
}

function fileIn(places: Places): string {
  return join(places.stateFolder, 'projects');
}

function linesIn(file: string): readonly string[] {
  try {
    return readSmallFile(file).text.split('\n');
  } catch {
    return [];
  }
}

function lineOf({ name, file, url, user }: Context): string {
  return fingerprint(JSON.stringify([file, name, url, user]));
}
