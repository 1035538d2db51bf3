import type { Call, Connection } from '../connection/connection.ts';
import { asInteger, asList, asListOrNone, asNumberOrNull, asPairs, asText, asTextOrNull } from '../connection/reply.ts';
import { clockOf, type ServerClock } from '../connection/server-clock.ts';
import { isNoSuchKey, redisError } from '../errors.ts';
import { compareIds, MAX_ID, MIN_ID, nextId } from './ids.ts';

export interface Group {
  readonly name: string;
  readonly consumers: number;
  readonly pending: number;
  readonly lastDeliveredId: string;
  /** Null if Redis does not know it: the group was created at a middle id, or an entry ahead of it was deleted. */
  readonly lag: number | null;
  readonly entriesRead: number | null;
}

export interface StreamFacts {
  readonly exists: boolean;
  readonly length: number;
  readonly firstId: string | null;
  readonly lastId: string | null;
  readonly lastGeneratedId: string;
  readonly entriesAdded: number | null;
  /** No entry above it was ever deleted by its id; null: unknown (before Redis 7). */
  readonly maxDeletedId: string | null;
  readonly groups: readonly Group[];
  readonly clock: ServerClock;
}

const NO_STREAM: Omit<StreamFacts, 'clock'> = {
  exists: false,
  length: 0,
  firstId: null,
  lastId: null,
  lastGeneratedId: MIN_ID,
  entriesAdded: 0,
  maxDeletedId: null,
  groups: [],
};

export async function readFacts(connection: Connection, key: string, signal: AbortSignal): Promise<StreamFacts> {
  const place = { operation: 'read the stream', queue: key, signal };
  // In a cluster it would be the clock of any node.
  const time: readonly Call[] = connection.isCluster ? [] : [['TIME']];
  const answers = await connection.each([['XINFO', 'STREAM', key], ['XINFO', 'GROUPS', key], ...time], place);
  const clock = clockOf(answers[2]);
  const [stream, groups] = answers.slice(0, 2).map((answer) => {
    if (answer.ok) return answer.reply;
    // The first entry creates a dead-letter stream, and a stream may vanish while it is watched.
    if (answer.refused && isNoSuchKey(answer.error)) return null;
    throw redisError(answer.error, place);
  });
  if (stream === null || groups === null) return { ...NO_STREAM, clock };
  const info = asPairs(stream);
  const firstOf = (name: string): string | null => asTextOrNull(asListOrNone(info.get(name))[0]);
  return {
    exists: true,
    clock,
    length: asInteger(info.get('length')),
    firstId: firstOf('first-entry'),
    lastId: firstOf('last-entry'),
    lastGeneratedId: asText(info.get('last-generated-id')),
    entriesAdded: asNumberOrNull(info.get('entries-added')),
    maxDeletedId: asTextOrNull(info.get('max-deleted-entry-id')),
    groups: asList(groups).map((reply) => {
      const group = asPairs(reply);
      return {
        name: asText(group.get('name')),
        consumers: asInteger(group.get('consumers')),
        pending: asInteger(group.get('pending')),
        lastDeliveredId: asText(group.get('last-delivered-id')),
        lag: asNumberOrNull(group.get('lag')),
        entriesRead: asNumberOrNull(group.get('entries-read')),
      };
    }),
  };
}

/** The position of a group when `mq` paused it. */
interface SavedPosition {
  readonly lastDeliveredId: string;
  readonly entriesRead: number | null;
  readonly at: number | null;
  readonly reason: string | null;
}

/** Kept on the server beside the stream, in the same slot of a cluster. */
export function savedKey(stream: string, group: string): string {
  const hasTag = /\{[^}]+\}/.test(stream);
  return `mq:paused:${hasTag ? stream : `{${stream}}`}:${group}`;
}

async function readSaved(
  connection: Connection,
  stream: string,
  group: string,
  signal: AbortSignal,
): Promise<SavedPosition | null> {
  const saved = asPairs(
    await connection.call(['HGETALL', savedKey(stream, group)], {
      operation: 'read the saved position',
      queue: stream,
      signal,
    }),
  );
  const id = asTextOrNull(saved.get('last-delivered-id'));
  if (id === null) return null;
  return {
    lastDeliveredId: id,
    entriesRead: asNumberOrNull(saved.get('entries-read')),
    at: asNumberOrNull(saved.get('at')),
    reason: asTextOrNull(saved.get('reason')),
  };
}

export interface Position {
  /** The group has read nothing after it. Null: paused by another program, so it is unknown. */
  readonly after: string | null;
  readonly isPaused: boolean;
  readonly saved: SavedPosition | null;
}

export async function positionOf(
  connection: Connection,
  stream: string,
  group: Group,
  signal: AbortSignal,
): Promise<Position> {
  if (group.lastDeliveredId !== MAX_ID) return { after: group.lastDeliveredId, isPaused: false, saved: null };
  const saved = await readSaved(connection, stream, group.name, signal);
  return { after: saved?.lastDeliveredId ?? null, isPaused: true, saved };
}

/** Counting by reading stops here: the entries themselves are sent over the network. */
const MOST_TO_COUNT = 1000;

/** How many entries come after an id, if that can be found out cheaply and exactly; else null. */
export async function countAfter(
  connection: Connection,
  key: string,
  facts: StreamFacts,
  after: string,
  signal: AbortSignal,
): Promise<number | null> {
  if (facts.firstId === null || facts.lastId === null || compareIds(after, facts.lastId) >= 0) return 0;
  if (compareIds(after, facts.firstId) < 0) return facts.length;
  const reply = await connection.call(['XRANGE', key, nextId(after), '+', 'COUNT', MOST_TO_COUNT], {
    operation: 'count the entries',
    queue: key,
    bytes: true,
    signal,
  });
  const count = asList(reply).length;
  return count < MOST_TO_COUNT ? count : null;
}

export interface PendingEntry {
  readonly id: string;
  readonly consumer: string;
  readonly idleMs: number;
  readonly deliveries: number;
}

/** Entries delivered and not acknowledged, in order of id. */
export async function* readPending(
  connection: Connection,
  key: string,
  group: string,
  signal: AbortSignal,
): AsyncGenerator<readonly PendingEntry[]> {
  const pageSize = 500;
  for (let start = '-'; ; ) {
    const reply = await connection.call(['XPENDING', key, group, start, '+', pageSize], {
      operation: 'read the pending entries',
      queue: key,
      signal,
    });
    const page = asList(reply).map((item): PendingEntry => {
      const [id, consumer, idleMs, deliveries] = asList(item);
      return {
        id: asText(id),
        consumer: asText(consumer),
        idleMs: asInteger(idleMs),
        deliveries: asInteger(deliveries),
      };
    });
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    start = nextId(last.id);
  }
}
