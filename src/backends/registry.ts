import type { Backend } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';

/**
 * The only file that names backends. Each is loaded when its scheme is first used, because client libraries are heavy.
 */
const LOADERS = {
  sqlite: { schemes: ['sqlite'], load: () => import('./sqlite/index.ts') },
  redis: { schemes: ['redis', 'rediss'], load: () => import('./redis/index.ts') },
  rabbitmq: { schemes: ['amqp', 'amqps'], load: () => import('./rabbitmq/index.ts') },
  sqs: { schemes: ['sqs'], load: () => import('./sqs/index.ts') },
} as const satisfies Readonly<
  Record<string, { readonly schemes: readonly string[]; readonly load: () => Promise<{ readonly backend: Backend }> }>
>;

/**
 * The backend for a URL's scheme. Throws `USAGE` for an unknown one; the URL, which may hold a password, is not
 * repeated.
 */
export async function backendFor(url: string): Promise<Backend> {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(url)?.[1]?.toLowerCase();
  for (const { schemes, load } of Object.values(LOADERS)) {
    const known: readonly string[] = schemes;
    if (scheme !== undefined && known.includes(scheme)) return (await load()).backend;
  }
  const schemes = Object.values(LOADERS).flatMap((loader): readonly string[] => loader.schemes);
  throw new MqError('USAGE', 'the address of the broker must begin with a scheme that mq knows', {
    hint: `known are ${schemes.map((known) => `${known}:`).join(', ')}`,
  });
}

/** Every backend, loaded, for the table of abilities. */
export async function allBackends(): Promise<readonly Backend[]> {
  return Promise.all(Object.values(LOADERS).map(async ({ load }) => (await load()).backend));
}
