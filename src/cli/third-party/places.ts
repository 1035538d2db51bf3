import { statSync } from 'node:fs';
import { join } from 'node:path';
import { type Environment, type Places, placesOf } from '../../config/places.ts';

/** The folder only for packages: nothing is ever looked for in the current folder or in NODE_PATH. */
export function folderOf({ dataFolder }: Places): string {
  return join(dataFolder, 'backends');
}

/** The file with what is known of every package that was installed. */
export function manifestsFile(places: Places): string {
  return join(folderOf(places), 'manifests.json');
}

/** Whether third-party backends may be installed: false only where their file is not there. */
export function hasThirdParty(env: Environment): boolean {
  try {
    return statSync(manifestsFile(placesOf(env)), { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}
