import { MANIFESTS } from '../backends/registry.ts';
import type { Manifest, Scheme } from '../contract/backend.ts';
import type { MetadataField } from '../contract/message.ts';

/** The one way from the command line to the backends: what is declared of them, and how one is loaded. */
export { allBackends, backendFor, MANIFESTS } from '../backends/registry.ts';

/** Every broker's addresses, as hints name them: `sqlite:PATH, redis://…`. */
export function addressForms(): string {
  return MANIFESTS.flatMap(({ forms }) => forms.flatMap(({ short }) => short ?? [])).join(', ');
}

/** `Redis, RabbitMQ, and an embedded one`. */
export function brokerTitles(): string {
  const servers = MANIFESTS.filter(({ file }) => file === undefined).map(({ title }) => title);
  return servers.length === MANIFESTS.length ? servers.join(', ') : `${servers.join(', ')}, and an embedded one`;
}

export interface KnownScheme {
  readonly manifest: Manifest;
  readonly scheme: Scheme;
}

/** Null: no broker has it. The colon may be there. */
export function schemeOf(name: string): KnownScheme | null {
  const bare = name.replace(/:$/, '').toLowerCase();
  for (const manifest of MANIFESTS) {
    const scheme = manifest.schemes.find((one) => one.name === bare);
    if (scheme !== undefined) return { manifest, scheme };
  }
  return null;
}

/** Null: a broker that nobody registered, as in tests. */
export function manifestOf(broker: string): Manifest | null {
  return MANIFESTS.find(({ name }) => name === broker) ?? null;
}

/** `text (BullMQ)`: with the brokers or kinds that alone hold this field of a message. */
export function onlyFor(field: MetadataField, text: string): string {
  const holders = MANIFESTS.flatMap(({ holders }) => holders[field] ?? []);
  return holders.length === 0 ? text : `${text} (${holders.join(', ')})`;
}

/** The URL of a database in this file. */
export function urlOfFile(path: string): string {
  const scheme = MANIFESTS.find(({ file }) => file !== undefined)?.schemes[0];
  if (scheme === undefined) throw new Error('no broker keeps its queues in a file');
  return `${scheme.name}:${path}`;
}
