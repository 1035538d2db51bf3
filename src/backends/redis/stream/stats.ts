import { MqError } from '../../../contract/errors.ts';
import { formatInstant } from '../../../contract/instant.ts';
import type { QueueDescription } from '../../../contract/queue.ts';
import { depthOf, type QueueStats } from '../../../contract/stats.ts';
import type { Call, Connection } from '../connection/connection.ts';
import { asInteger, asList, asPairs, asText, asTextOrNull } from '../connection/reply.ts';
import { countAfter, type Group, positionOf, readFacts, type StreamFacts } from './facts.ts';
import { countPending, MOST_PENDING } from './ghosts.ts';
import { compareIds, MIN_ID, nextId } from './ids.ts';
import { readEntries, timeOf } from './message.ts';
import { groupOf, type StreamView } from './view.ts';

export async function streamStats(view: StreamView, signal: AbortSignal): Promise<QueueStats> {
  const { connection, key, dlq } = view;
  const facts = await readFacts(connection, key, signal);
  if (!facts.exists && view.death === null) {
    throw new MqError('QUEUE_NOT_FOUND', `the stream ${key} no longer exists`, {
      backend: 'redis',
      operation: 'stats',
      queue: key,
    });
  }
  const group = groupOf(facts, view.group);
  const seen = group === null ? await withoutGroup(view, facts, signal) : await withGroup(view, facts, group, signal);
  const dead = dlq !== null ? await lengthOf(connection, dlq, signal) : seen.dead;
  return {
    queue: key,
    broker: 'redis',
    kind: 'stream',
    state: seen.state,
    ready: seen.ready,
    ...(seen.inFlight === undefined ? {} : { inFlight: seen.inFlight }),
    ...(dead === undefined ? {} : { dead }),
    depth: depthOf(seen.ready, seen.inFlight),
    consumers:
      facts.groups.length === 0
        ? null
        : (group?.consumers ?? facts.groups.reduce((sum, { consumers }) => sum + consumers, 0)),
    oldestAgeMs: seen.oldestAgeMs,
    counters: { enqueued: facts.entriesAdded, acked: seen.acked, failed: null },
    approximate: seen.approximate ?? [],
    notes: {
      ...(facts.clock.note === null ? {} : { oldestAgeMs: facts.clock.note }),
      rates: 'Redis counts no failures',
      ...(facts.groups.length === 0
        ? { consumers: 'the stream has no consumer group; readers outside groups leave no trace' }
        : {}),
      ...seen.notes,
    },
    sampledAt: facts.clock.now,
    ...facts.clock.brokerTime,
  };
}

interface Seen {
  readonly state: string;
  readonly ready: number | null;
  readonly inFlight?: number | null;
  readonly dead?: number | null;
  readonly oldestAgeMs: number | null;
  readonly acked: number | null;
  readonly approximate?: QueueStats['approximate'];
  readonly notes: QueueStats['notes'];
}

async function withoutGroup(view: StreamView, facts: StreamFacts, signal: AbortSignal): Promise<Seen> {
  const { group: wanted } = view.connection.settings;
  const missing = wanted === null ? '' : `it has no group ${wanted}; `;
  if (facts.groups.length === 0) {
    return {
      state: 'running',
      ready: facts.length,
      oldestAgeMs: ageOf(facts.firstId, facts),
      acked: null,
      notes: missing === '' ? {} : { ready: `${missing}all entries are counted` },
    };
  }
  const lags = await Promise.all(facts.groups.map((group) => unreadOf(view, facts, group, signal)));
  const names = facts.groups.map(({ name }) => name).join(', ');
  return {
    state: 'running',
    ready: lags.some((lag) => lag.count === null) ? null : Math.max(...lags.map(({ count }) => count ?? 0)),
    inFlight: facts.groups.reduce((sum, { pending }) => sum + pending, 0),
    oldestAgeMs: null,
    acked: null,
    notes: {
      ready: `${missing}that of the group furthest behind, of ${names}; name one with ?group=`,
      inFlight: 'of all groups together',
      oldestAgeMs: 'differs from group to group; name one with ?group=',
    },
  };
}

async function withGroup(view: StreamView, facts: StreamFacts, group: Group, signal: AbortSignal): Promise<Seen> {
  const unread = await unreadOf(view, facts, group, signal);
  const pending = await countPending(view, facts, group, signal);
  const ghosts = pending === null || pending.ghosts === 0 ? null : ghostNote(pending.ghosts);
  const { position } = unread;
  const [next] =
    position.after === null
      ? []
      : readEntries(
          await view.connection.call(['XRANGE', view.key, nextId(position.after), '+', 'COUNT', 1], {
            operation: 'read',
            queue: view.key,
            bytes: true,
            signal,
          }),
        );
  const read = position.isPaused ? (position.saved?.entriesRead ?? null) : group.entriesRead;
  const since =
    position.saved?.at === null || position.saved === null ? '' : ` since ${formatInstant(position.saved.at) ?? '?'}`;
  return {
    state: position.isPaused ? 'paused' : 'running',
    ready: unread.count,
    inFlight: pending === null ? (view.dlq === null ? null : group.pending) : pending.inFlight,
    ...(view.dlq === null ? { dead: pending?.dead ?? null } : {}),
    oldestAgeMs: ageOf(next?.id ?? null, facts),
    approximate:
      pending !== null && pending.unsure > 0 ? ['inFlight', ...(view.dlq === null ? (['dead'] as const) : [])] : [],
    acked: read === null ? null : Math.max(0, read - group.pending),
    notes: {
      ...(position.isPaused
        ? {
            state: [
              `paused by ${position.saved === null ? 'something other than mq' : 'mq'}${since}`,
              position.saved?.reason ?? null,
            ]
              .filter((note) => note !== null)
              .join(': '),
          }
        : {}),
      ...(unread.count === null ? { ready: `Redis does not know how far group ${group.name} is behind` } : {}),
      ...(pending === null && view.dlq === null ? { dead: `more than ${MOST_PENDING} entries are pending` } : {}),
      ...(ghosts === null ? {} : view.dlq === null ? { dead: ghosts } : { inFlight: ghosts }),
    },
  };
}

function ghostNote(count: number): string {
  return count === 1
    ? '1 pending entry was deleted from the stream, holds nothing and is not counted; purge --dead acknowledges it once it is dead'
    : `${count} pending entries were deleted from the stream, hold nothing and are not counted; purge --dead acknowledges those that are dead`;
}

async function unreadOf(view: StreamView, facts: StreamFacts, group: Group, signal: AbortSignal) {
  const position = await positionOf(view.connection, view.key, group, signal);
  const { after } = position;
  // At the highest id, Redis knows no lag or says 0. Both are wrong while the group is paused.
  const lag = position.isPaused || !isPlausible(facts, group) ? null : group.lag;
  const count = lag ?? (after === null ? null : await countAfter(view.connection, view.key, facts, after, signal));
  return { count, position };
}

/**
 * Redis 7.0 and Valkey 8.1 still count entries as unread that were trimmed before the group had read them (measured;
 * Redis 8.0 does not). At the end of the stream no counting is needed. In the middle, the group has read an entry that
 * exists, so at most all the others can be unread.
 */
function isPlausible({ length, firstId, lastId }: StreamFacts, { lag, lastDeliveredId }: Group): boolean {
  if (lag === null || firstId === null || lastId === null) return false;
  return compareIds(lastDeliveredId, firstId) >= 0 && compareIds(lastDeliveredId, lastId) < 0 && lag < length;
}

/** 0 for a stream that does not exist yet: its first dead letter creates it. */
async function lengthOf(connection: Connection, key: string, signal: AbortSignal): Promise<number> {
  return asInteger(await connection.call(['XLEN', key], { operation: 'read the stats', queue: key, signal }));
}

function ageOf(id: string | null, { clock }: StreamFacts): number | null {
  const at = id === null || id === MIN_ID ? null : timeOf(id);
  return at === null ? null : Math.max(0, clock.now - at);
}

export async function describeStream(view: StreamView, signal: AbortSignal): Promise<QueueDescription> {
  const facts = await readFacts(view.connection, view.key, signal);
  const replies = await view.connection.all(
    facts.groups.map(({ name }): Call => ['XINFO', 'CONSUMERS', view.key, name]),
    { operation: 'describe', queue: view.key, signal },
  );
  const positions = await Promise.all(
    facts.groups.map((group) => positionOf(view.connection, view.key, group, signal)),
  );
  const consumers = facts.groups.flatMap(({ name }, index) =>
    asList(replies[index]).map((reply) => {
      const consumer = asPairs(reply);
      return {
        group: name,
        name: asText(consumer.get('name')),
        inFlight: asInteger(consumer.get('pending')),
        idleMs: asInteger(consumer.get('idle')),
      };
    }),
  );
  const { deadDeliveries, deadIdleMs } = view.connection.settings;
  return {
    configuration: { group: view.group, deadLetterQueue: view.dlq, deadDeliveries, deadIdleMs },
    details: {
      length: facts.length,
      entriesAdded: facts.entriesAdded,
      firstId: facts.firstId,
      lastId: facts.lastId,
      lastGeneratedId: facts.lastGeneratedId,
      groups: facts.groups.map((group, index) => ({
        ...group,
        paused: positions[index]?.isPaused ?? false,
        savedId: asTextOrNull(positions[index]?.saved?.lastDeliveredId ?? null),
      })),
    },
    consumers,
  };
}
