import { urlAt } from '../../config/redact.ts';
import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';

/**
 * A URL stands where a queue is expected: `--url` was forgotten, and where a queue comes into being with its first
 * message it would be stored with its password. Also behind an `@`. The embedded database has an address without
 * slashes.
 */
export function isUrl(name: string): boolean {
  return urlAt(name) !== -1 || /^sqlite:/i.test(name);
}

/** The one scheme in which a broker may know its queues (SQS). */
export function isWebAddress(name: string): boolean {
  return /^https?:\/\//i.test(name);
}

/** The broker, which neither opens nor makes a queue whose name is a URL, unless it knows its queues so. */
export function withoutUrls(broker: Broker): Broker {
  if (broker.queuesByUrl === true) return broker;
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
