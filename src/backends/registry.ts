import { schemeOf } from '../contract/address.ts';
import type { Backend, Manifest, RegisteredBackend } from '../contract/backend.ts';
import { MqError } from '../contract/errors.ts';
import { manifest as rabbitmq } from './rabbitmq/manifest.ts';
import { manifest as redis } from './redis/manifest.ts';
import { manifest as sqlite } from './sqlite/manifest.ts';
import { manifest as sqs } from './sqs/manifest.ts';

/** The only list that names backends. Each is loaded when it is first used, because client libraries are heavy. */
const BACKENDS: readonly RegisteredBackend[] = [
  { manifest: sqlite, load: async () => (await import('./sqlite/index.ts')).backend },
  { manifest: redis, load: async () => (await import('./redis/index.ts')).backend },
  { manifest: rabbitmq, load: async () => (await import('./rabbitmq/index.ts')).backend },
  { manifest: sqs, load: async () => (await import('./sqs/index.ts')).backend },
];

/** What is known of every broker without loading its client library. */
export const MANIFESTS: readonly Manifest[] = BACKENDS.map(({ manifest }) => manifest);

/**
 * The backend for a URL's scheme. Throws `USAGE` for an unknown one; the URL, which may hold a password, is not
 * repeated.
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
