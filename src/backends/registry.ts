import { schemeOf } from '../contract/address.ts';
import type { Backend, Manifest, RegisteredBackend } from '../contract/backend.ts';
import { MqError } from '../contract/errors.ts';
import { manifest as rabbitmq } from './rabbitmq/manifest.ts';
import { manifest as redis } from './redis/manifest.ts';
import { manifest as sqlite } from './sqlite/manifest.ts';
import { manifest as sqs } from './sqs/manifest.ts';

/** The only list that names backends. Each is loaded at its first use, because client libraries are heavy. */
const BACKENDS: RegisteredBackend[] = [
  { manifest: sqlite, load: async () => (await import('./sqlite/index.ts')).backend },
  { manifest: redis, load: async () => (await import('./redis/index.ts')).backend },
  { manifest: rabbitmq, load: async () => (await import('./rabbitmq/index.ts')).backend },
  { manifest: sqs, load: async () => (await import('./sqs/index.ts')).backend },
];

const known: Manifest[] = BACKENDS.map(({ manifest }) => manifest);

/** The manifests of all brokers, known without loading their client libraries. */
export const MANIFESTS: readonly Manifest[] = known;

/** Adds third-party backends, before the others are asked for anything. Their code is loaded at the first use. */
export function register(folder: string, others: Readonly<Record<string, Manifest>>): void {
  for (const [name, manifest] of Object.entries(others)) {
    const load = async () => (await import('./third-party/index.ts')).loadThirdParty({ folder, name }, manifest);
    BACKENDS.push({ manifest, load });
    known.push(manifest);
  }
}

/** The manifest of a package that was just installed. Loads its code. Throws `CONFIG_INVALID`. */
export async function manifestOfPackage(folder: string, name: string): Promise<Manifest> {
  return await (await import('./third-party/index.ts')).loadManifest({ folder, name }, MANIFESTS);
}

/**
 * A manifest that was kept in a file. Throws `CONFIG_INVALID` if it is not one, or if it takes a name that is taken.
 */
export async function keptManifest(value: unknown, name: string): Promise<Manifest> {
  return (await import('./third-party/index.ts')).checkedManifest(value, name, MANIFESTS);
}

/**
 * The backend for a URL's scheme. Throws `USAGE` for an unknown one, without repeating the URL, which may contain a
 * password.
 */
export async function backendFor(url: string): Promise<Backend> {
  const known = schemeOf(url, MANIFESTS);
  const backend = BACKENDS.find(({ manifest }) => manifest === known?.manifest);
  if (backend !== undefined) return backend.load();
  const schemes = MANIFESTS.flatMap((manifest) => manifest.schemes.map(({ name }) => `${name}:`));
  throw new MqError('USAGE', 'the address of the broker must begin with a scheme that mq knows', {
    hint: `known are ${schemes.join(', ')}`,
  });
}

/** Every backend, loaded, for the table of abilities. */
export async function allBackends(): Promise<readonly Backend[]> {
  return Promise.all(BACKENDS.map(({ load }) => load()));
}
