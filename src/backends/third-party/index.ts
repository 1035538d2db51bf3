import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Backend, Manifest } from '../../contract/backend.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import { readParameters } from '../common/parameters.ts';
import type { ThirdPartyBackend } from './declaration.ts';
import { checkedManifest } from './manifest.ts';

export { checkedManifest } from './manifest.ts';

/** The version of the contract that this `mq` supports: see `ThirdPartyBackend`. */
const CONTRACT = 1;

/** A package with a backend, installed below `folder/node_modules`. */
export interface InstalledPackage {
  readonly folder: string;
  readonly name: string;
}

/** Loads the code of the package. From then on it can do everything that the user can. Throws `CONFIG_INVALID`. */
export async function loadManifest(installed: InstalledPackage, taken: readonly Manifest[]): Promise<Manifest> {
  return checkedManifest((await loaded(installed)).manifest, installed.name, taken);
}

/** Like `loadManifest`: `manifest` is the copy that was kept at the installation. */
export async function loadThirdParty(installed: InstalledPackage, manifest: Manifest): Promise<Backend> {
  const made = await loaded(installed);
  const kit = await import('./kit.ts');
  const backend = await ofTheirs(installed.name, async () => made.create(kit));
  if (backend.name !== manifest.name)
    throw new MqError(
      'CONFIG_INVALID',
      `${installed.name} calls its backend ${backend.name}, its manifest says otherwise`,
    );
  return {
    name: backend.name,
    kinds: backend.kinds,
    async open(url, options) {
      const query = url.indexOf('?');
      // The same as for every other broker: a misspelt parameter is refused, whoever wrote the backend.
      readParameters(manifest, new URLSearchParams(query === -1 ? '' : url.slice(query + 1)));
      return await ofTheirs(installed.name, () => backend.open(url, options));
    },
  };
}

async function loaded({ folder, name }: InstalledPackage): Promise<ThirdPartyBackend> {
  const entry = entryOf(join(folder, 'node_modules', name));
  const module: { readonly default?: Partial<ThirdPartyBackend> } = await ofTheirs(
    name,
    () => import(pathToFileURL(entry).href),
  );
  const { contract, create } = module.default ?? {};
  if (contract !== CONTRACT || typeof create !== 'function') {
    const why = contract === undefined ? 'exports no backend' : `is for version ${String(contract)} of the contract`;
    throw new MqError('CONFIG_INVALID', `${name} ${why}; this mq speaks version ${CONTRACT}`);
  }
  return module.default as ThirdPartyBackend;
}

/** Only by its own package.json: Node's resolution would also look into other folders. */
function entryOf(root: string): string {
  let manifest: { readonly exports?: unknown; readonly main?: unknown };
  try {
    manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  } catch {
    throw new MqError('CONFIG_INVALID', `there is no package in ${root}`, { hint: "see 'mq backend ls'" });
  }
  const own = manifest.exports as Record<string, unknown> | string | undefined;
  const main = typeof own === 'object' && own !== null && '.' in own ? own['.'] : own;
  const chosen =
    typeof main === 'object' && main !== null
      ? ((main as Record<string, unknown>).import ?? (main as Record<string, unknown>).default)
      : main;
  const entry = typeof chosen === 'string' ? chosen : typeof manifest.main === 'string' ? manifest.main : 'index.js';
  return join(root, entry);
}

/** A failure in their code is reported as theirs, and not as a bug in `mq`. Their own `MqError` is passed on. */
async function ofTheirs<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isMqError(error)) throw error;
    const why = error instanceof Error ? error.message : 'something was thrown';
    throw new MqError('UNEXPECTED_RESPONSE', `the backend of ${name} failed: ${why}`, { cause: error });
  }
}
