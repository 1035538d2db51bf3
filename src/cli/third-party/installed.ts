import { readFileSync, statSync } from 'node:fs';
import type { Places } from '../../config/places.ts';
import { errnoOf, writePrivateFile } from '../../config/private-file.ts';
import type { Manifest } from '../../contract/backend.ts';
import { MqError } from '../../contract/errors.ts';
import { manifestsFile } from './places.ts';

/** A package with a backend, with the facts from its installation. */
export interface Installed {
  readonly version: string;
  /** Kept so that help and completion load nothing of the package. */
  readonly manifest: Manifest;
}

/** By the names of the packages. */
export type AllInstalled = Readonly<Record<string, Installed>>;

/** Empty if nothing was installed. Throws `CONFIG_INVALID` if the file is not one of ours. */
export function readInstalled(places: Places): AllInstalled {
  const file = manifestsFile(places);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return {};
    throw new MqError('CONFIG_INVALID', `cannot read ${file}: ${errnoOf(error)}`);
  }
  // Anyone who can write to it decides which code is run.
  if ((statSync(file).mode & 0o022) !== 0)
    throw new MqError('CONFIG_INVALID', `${file} can be written by others: chmod 600 ${file}`);
  try {
    const read: unknown = JSON.parse(text);
    if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read as AllInstalled;
  } catch {
    // Reported below.
  }
  throw new MqError('CONFIG_INVALID', `${file} is damaged`, { hint: 'mq backend add NAME writes it anew' });
}

export async function writeInstalled(places: Places, installed: AllInstalled): Promise<void> {
  await writePrivateFile(manifestsFile(places), `${JSON.stringify(installed, null, 2)}\n`);
}
