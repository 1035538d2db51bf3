import { MANIFESTS } from '../backends/registry.ts';
import { redactUrl } from '../config/redact.ts';
import { addressForms } from '../contract/address.ts';
import type { Manifest } from '../contract/backend.ts';
import type { MetadataField } from '../contract/message.ts';

/** The one way from the command line to the backends: their declarations, and how to load one. */
export { allBackends, backendFor, keptManifest, MANIFESTS, manifestOfPackage, register } from '../backends/registry.ts';

/** The addresses of every known broker, as hints name them. */
export function knownForms(): string {
  return addressForms(MANIFESTS);
}

/** A URL that is safe to show: what may be a secret in it is hidden. */
export function shownUrl(url: string): string {
  return redactUrl(url, MANIFESTS);
}

/** `Redis, RabbitMQ, and an embedded one`. */
export function brokerTitles(): string {
  const servers = MANIFESTS.filter(({ file }) => file === undefined).map(({ title }) => title);
  return servers.length === MANIFESTS.length ? servers.join(', ') : `${servers.join(', ')}, and an embedded one`;
}

/** Null: a broker that is not registered, as in tests. */
export function manifestOf(broker: string): Manifest | null {
  return MANIFESTS.find(({ name }) => name === broker) ?? null;
}

/** `text (BullMQ)`: the text, with the brokers or kinds that alone have this field of a message. */
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
