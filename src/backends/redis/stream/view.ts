import { MqError } from '../../../contract/errors.ts';
import type { Death } from '../../../contract/message.ts';
import type { Connection } from '../connection/connection.ts';
import { deadLetterQueueOf, isDeadLetterQueue, sourceOf } from '../handle.ts';
import { plainDeath } from '../list/message.ts';
import { type Group, type PendingEntry, positionOf, type StreamFacts } from './facts.ts';
import { compareIds } from './ids.ts';

/** One stream as it is seen through one group, or through none. */
export interface StreamView {
  readonly connection: Connection;
  readonly key: string;
  readonly group: string | null;
  readonly dlq: string | null;
  /** The queues whose dead letters arrive here, if this is a dead-letter queue. */
  readonly source: string | null;
  /** The form of an entry's death if this stream holds dead letters; null: it does not. */
  readonly death: Death | null;
}

export function viewOf(connection: Connection, key: string, group: string | null): StreamView {
  const { settings } = connection;
  const source = sourceOf(settings, key);
  return {
    connection,
    key,
    group,
    dlq: deadLetterQueueOf(settings, key),
    source,
    death: isDeadLetterQueue(settings, key) ? plainDeath(source) : null,
  };
}

/** Redis has no dead letters: the operator says from how many deliveries and how much idle time on an entry is one. */
export function isDead({ connection, dlq }: StreamView, { deliveries, idleMs }: PendingEntry): boolean {
  const { deadDeliveries, deadIdleMs } = connection.settings;
  return dlq === null && deliveries >= deadDeliveries && idleMs >= deadIdleMs;
}

export function pendingDeath({ key }: StreamView, { deliveries, idleMs }: PendingEntry): Death {
  return { ...plainDeath(key), reason: 'delivery_limit', at: Date.now() - idleMs, count: deliveries };
}

export function groupOf(facts: StreamFacts, name: string | null): Group | null {
  return facts.groups.find((group) => group.name === name) ?? null;
}

/**
 * An entry is shared by all groups of the stream: deleting it takes it from those that have not finished with it. A
 * paused group counts from the position that it will have when it is resumed. If that position is unknown, it needs all
 * entries: then this throws `PRECONDITION_FAILED`.
 */
export async function refuseIfOthersNeed(
  view: StreamView,
  facts: StreamFacts,
  operation: string,
  signal: AbortSignal,
): Promise<void> {
  if (facts.lastId === null) return;
  const waiting: string[] = [];
  for (const group of facts.groups) {
    if (group.name === view.group) continue;
    const { after } = await positionOf(view.connection, view.key, group, signal);
    if (group.pending > 0 || after === null || compareIds(after, facts.lastId) < 0) waiting.push(group.name);
  }
  if (waiting.length === 0) return;
  throw new MqError(
    'PRECONDITION_FAILED',
    `cannot ${operation} ${view.key}: taking entries out would take them from its other groups too, which have not finished with them: ${waiting.join(', ')}`,
    { hint: 'copy leaves them where they are', backend: 'redis', operation, queue: view.key },
  );
}
