import { statSync } from 'node:fs';
import { type Environment, type Places, placesOf } from '../../config/places.ts';
import { readSmallFileOrPipe } from '../../config/small-file.ts';
import type { Manifest } from '../../contract/backend.ts';
import { isMqError } from '../../contract/errors.ts';
import { keptManifest, register } from '../brokers.ts';
import { type AllInstalled, readInstalled } from './installed.ts';
import { folderOf } from './places.ts';

/**
 * Makes the third-party backends known that are installed and that the user's own configuration names. Loads none of
 * their code. Resolves to the warnings: a damaged backend affects only itself.
 */
export async function registerNamed(env: Environment): Promise<readonly string[]> {
  const places = placesOf(env);
  let installed: AllInstalled;
  try {
    installed = readInstalled(places);
  } catch (error) {
    if (isMqError(error)) return [error.message];
    throw error;
  }
  // Nothing more is read if no backend was ever installed.
  if (Object.keys(installed).length === 0) return [];
  const told: string[] = [];
  const known: Record<string, Manifest> = {};
  for (const name of await namesIn(places)) {
    const kept = Object.hasOwn(installed, name) ? installed[name] : undefined;
    if (kept === undefined) {
      told.push(`the configuration names the backend ${name}, which is not installed: mq backend add ${name}`);
      continue;
    }
    try {
      known[name] = await keptManifest(kept.manifest, name);
    } catch (error) {
      if (!isMqError(error)) throw error;
      told.push(error.message);
    }
  }
  register(folderOf(places), known);
  return told;
}

/**
 * The names under `backends:`. An error of reading the file is told by the code that needs the rest of it. A file that
 * can be read only once (a pipe) names no backends.
 */
export async function namesIn({ configFile }: Places): Promise<readonly string[]> {
  try {
    if (!statSync(configFile).isFile()) return [];
    const { text } = await readSmallFileOrPipe(configFile, null);
    const { parse } = await import('yaml');
    const read: unknown = parse(text, { maxAliasCount: 100 });
    const names = typeof read === 'object' && read !== null && 'backends' in read ? read.backends : [];
    return Array.isArray(names) ? [...new Set(names.filter((name) => typeof name === 'string'))] : [];
  } catch {
    return [];
  }
}
