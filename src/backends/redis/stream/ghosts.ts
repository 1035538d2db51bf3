import type { Call } from '../connection/connection.ts';
import { asListOrNone } from '../connection/reply.ts';
import { type Group, type PendingEntry, readPending, type StreamFacts } from './facts.ts';
import { compareIds } from './ids.ts';
import { isDead, type StreamView } from './view.ts';

/**
 * Pending entries whose content was deleted from the stream hold nothing. No verb can show or move them, and a
 * consumer that reads its pending entries gets them without fields. They are counted separately, and `purge`
 * acknowledges those that are dead.
 */
export interface PendingCounts {
  readonly inFlight: number;
  readonly dead: number;
  readonly ghosts: number;
  /** This many were not looked at and are counted as if they were there. */
  readonly unsure: number;
}

/** At most this many pending entries are counted one by one. If there are more, their number is unknown. */
export const MOST_PENDING = 20_000;
/** Only reading an entry tells whether it exists, and it is sent over the network: at most this many are looked at. */
const MOST_LOOKS = 2_000;

/** Null: there are too many. */
export async function countPending(
  view: StreamView,
  facts: StreamFacts,
  group: Group,
  signal: AbortSignal,
): Promise<PendingCounts | null> {
  if (group.pending > MOST_PENDING) return null;
  const counts = { inFlight: 0, dead: 0, ghosts: 0, unsure: 0 };
  if (group.pending === 0) return counts;
  let looks = 0;
  for await (const page of readPending(view.connection, view.key, group.name, signal)) {
    const doubtful = page.filter(({ id }) => isThere(facts, id) === null).slice(0, MOST_LOOKS - looks);
    looks += doubtful.length;
    const gone = await withoutContent(view, doubtful, signal);
    for (const entry of page) {
      const there = isThere(facts, entry.id);
      if (there === null && !doubtful.includes(entry)) counts.unsure += 1;
      if (there === false || gone.has(entry.id)) counts.ghosts += 1;
      else if (isDead(view, entry)) counts.dead += 1;
      else counts.inFlight += 1;
    }
  }
  return counts;
}

/** Those of the entries that hold nothing, by id. */
export async function ghostsOf(
  view: StreamView,
  facts: StreamFacts,
  entries: readonly PendingEntry[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const gone = await withoutContent(
    view,
    entries.filter(({ id }) => isThere(facts, id) === null),
    signal,
  );
  return new Set(entries.map(({ id }) => id).filter((id) => isThere(facts, id) === false || gone.has(id)));
}

/**
 * What the bounds of the stream tell: before its first entry there is none, and above the highest deleted id none is
 * missing. Null: they tell nothing.
 */
function isThere({ firstId, maxDeletedId }: StreamFacts, id: string): boolean | null {
  if (firstId === null || compareIds(id, firstId) < 0) return false;
  return maxDeletedId !== null && compareIds(id, maxDeletedId) > 0 ? true : null;
}

async function withoutContent(
  view: StreamView,
  entries: readonly PendingEntry[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const replies = await view.connection.all(
    entries.map(({ id }): Call => ['XRANGE', view.key, id, id]),
    { operation: 'read', queue: view.key, bytes: true, signal },
  );
  return new Set(entries.flatMap(({ id }, index) => (asListOrNone(replies[index]).length === 0 ? [id] : [])));
}
