import type { Queue } from '../../contract/queue.ts';
import type { Connection } from './connection/connection.ts';
import type { Framework } from './framework.ts';
import type { RedisSettings } from './url.ts';

/** Facts that only this backend knows about its handles: a native move recognises a target of its own by them. */
export type Internals =
  | {
      readonly kind: 'list';
      readonly connection: Connection;
      readonly key: string;
      readonly next: 'left' | 'right';
      readonly framework: Framework | null;
    }
  | { readonly kind: 'stream'; readonly connection: Connection; readonly key: string }
  | { readonly kind: 'bullmq'; readonly connection: Connection; readonly key: string };

const known = new WeakMap<Queue, Internals>();

export function rememberHandle<Q extends Queue>(queue: Q, internals: Internals): Q {
  known.set(queue, internals);
  return queue;
}

export function internalsOf(queue: Queue): Internals | null {
  return known.get(queue) ?? null;
}

/** The place of a key in the form of `Queue.place`. */
export function placeOf({ address }: RedisSettings, key: string): string {
  return `${address}#${key}`;
}

/** The dead-letter queue that `?dlq=` names for this queue; null: none, or this is that queue itself. */
export function deadLetterQueueOf(settings: RedisSettings, queue: string): string | null {
  if (settings.dlq === null || isDeadLetterQueue(settings, queue)) return null;
  return settings.dlq.replaceAll('*', queue);
}

/** The queues whose dead letters arrive here, as far as the pattern of `?dlq=` tells. */
export function sourceOf(settings: RedisSettings, queue: string): string | null {
  const star = settings.dlq?.indexOf('*') ?? -1;
  if (settings.dlq === null || star === -1) return null;
  const before = settings.dlq.slice(0, star);
  const after = settings.dlq.slice(star + 1);
  if (!queue.startsWith(before) || !queue.endsWith(after) || queue.length <= before.length + after.length) return null;
  return queue.slice(before.length, queue.length - after.length);
}

export function isDeadLetterQueue(settings: RedisSettings, queue: string): boolean {
  return settings.dlq === queue || sourceOf(settings, queue) !== null;
}
