import { urlAt } from '../../config/redact.ts';
import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import { MANIFESTS, manifestOf } from '../brokers.ts';

/**
 * Refuses a URL where a queue is expected: `--url` was forgotten. A queue that is created by its first message would
 * store the URL with its password. A URL after an `@` is refused, too. An address without a host has no slashes.
 */
export function isUrl(name: string): boolean {
  return urlAt(name) !== -1 || hasScheme(name, schemesWithoutHost());
}

/** A URL by which some broker knows its queues. */
export function isQueueUrl(name: string): boolean {
  return hasScheme(name, queueSchemes()) && name.includes('://');
}

function schemesWithoutHost(): readonly string[] {
  return MANIFESTS.flatMap(({ schemes }) => schemes.filter(({ encryption }) => encryption === 'none')).map(
    ({ name }) => name,
  );
}

function queueSchemes(): readonly string[] {
  return MANIFESTS.flatMap(({ queueUrls }) => queueUrls);
}

function hasScheme(name: string, schemes: readonly string[]): boolean {
  return schemes.some((scheme) => name.slice(0, scheme.length + 1).toLowerCase() === `${scheme}:`);
}

/** The broker. It neither opens nor creates a queue whose name is a URL, unless it names its queues by URL. */
export function withoutUrls(broker: Broker): Broker {
  if ((manifestOf(broker.name)?.queueUrls.length ?? 0) > 0) return broker;
  return new Proxy(broker, {
    get(real, key) {
      const member: unknown = Reflect.get(real, key, real);
      if (typeof member !== 'function') return member;
      if (key !== 'queue' && key !== 'create') return member.bind(real);
      return async (name: string, ...more: readonly unknown[]) =>
        isUrl(name) ? refuseUrl(name) : Reflect.apply(member, real, [name, ...more]);
    },
  });
}

/** Throws `QUEUE_NOT_FOUND`. */
export function refuseUrl(name: string): never {
  throw new MqError('QUEUE_NOT_FOUND', `no queue ${name}: that is a URL`, {
    hint: 'that is the address of a broker: mq --url URL VERB QUEUE',
    queue: name,
  });
}
