import type { Notice } from '../../../contract/call.ts';
import type { Message } from '../../../contract/message.ts';
import { bytesOf, PAGE, PageSize } from '../browsing/page-size.ts';
import type { Call } from '../connection/connection.ts';
import { type PendingEntry, positionOf, readFacts, readPending } from './facts.ts';
import { compareIds, isId, MIN_ID, nextId } from './ids.ts';
import { entryMessage, readEntries } from './message.ts';
import { groupOf, isDead, pendingDeath, type StreamView } from './view.ts';

/**
 * The id after which the group has read nothing; every entry if there are no groups. If there are groups and none is
 * chosen: the entries that the group furthest behind has not read, as the stats count them. Entries that all groups
 * have read are history. Null: unknown.
 */
export async function unreadAfter(view: StreamView, signal: AbortSignal): Promise<string | null> {
  const facts = await readFacts(view.connection, view.key, signal);
  const group = groupOf(facts, view.group);
  if (group !== null) return (await positionOf(view.connection, view.key, group, signal)).after;
  const positions = await Promise.all(facts.groups.map((one) => positionOf(view.connection, view.key, one, signal)));
  let least: string | null = null;
  for (const { after } of positions) {
    if (after === null) return null;
    if (least === null || compareIds(after, least) < 0) least = after;
  }
  return least ?? MIN_ID;
}

/** Entries that come after an id. */
export async function readAfter(
  view: StreamView,
  after: string,
  count: number,
  signal: AbortSignal,
): Promise<readonly Message[]> {
  const reply = await view.connection.call(['XRANGE', view.key, nextId(after), '+', 'COUNT', count], {
    operation: 'read',
    queue: view.key,
    bytes: true,
    signal,
  });
  return readEntries(reply).map((entry) =>
    entryMessage(view.key, entry, { state: 'ready', receiveCount: view.group === null ? null : 0, dead: view.death }),
  );
}

export async function* peekReady(view: StreamView, limit: number | null, signal: AbortSignal): AsyncGenerator<Message> {
  let after = await unreadAfter(view, signal);
  let given = 0;
  const size = new PageSize();
  while (after !== null && (limit === null || given < limit)) {
    const count = size.next(limit === null ? PAGE : limit - given);
    const page = await readAfter(view, after, count, signal);
    yield* page;
    size.learn(page.length, bytesOf(page));
    given += page.length;
    if (page.length < count) return;
    after = page.at(-1)?.id ?? null;
  }
}

/** Pending entries, either the dead ones or the others. Reading them this way does not count as a delivery. */
export async function* peekPending(
  view: StreamView,
  wanted: 'in-flight' | 'dead',
  limit: number | null,
  notice: Notice,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  if (view.group === null) return;
  const size = new PageSize();
  let given = 0;
  let deleted = 0;
  for await (const page of readPending(view.connection, view.key, view.group, signal)) {
    const chosen = page.filter((entry) => isDead(view, entry) === (wanted === 'dead'));
    for (let i = 0; i < chosen.length; ) {
      const part = chosen.slice(i, i + size.next(limit === null ? PAGE : limit - given));
      i += part.length;
      const messages = await readChosen(view, part, wanted, signal);
      size.learn(part.length, bytesOf(messages.filter((message) => message !== null)));
      for (const message of messages) {
        if (message === null) {
          deleted += 1;
          continue;
        }
        yield message;
        given += 1;
      }
      if (limit !== null && given >= limit) break;
    }
    if (limit !== null && given >= limit) break;
  }
  if (deleted > 0)
    notice(
      deleted === 1
        ? `1 pending entry of ${view.key} was deleted from the stream and holds nothing`
        : `${deleted} pending entries of ${view.key} were deleted from the stream and hold nothing`,
    );
}

/** Null if the entry was deleted from the stream while pending. */
export async function readChosen(
  view: StreamView,
  entries: readonly PendingEntry[],
  state: 'in-flight' | 'dead',
  signal: AbortSignal,
): Promise<readonly (Message | null)[]> {
  const replies = await view.connection.all(
    entries.map(({ id }): Call => ['XRANGE', view.key, id, id]),
    { operation: 'read', queue: view.key, bytes: true, signal },
  );
  return entries.map((pending, index) => {
    const [entry] = readEntries(replies[index]);
    if (entry === undefined) return null;
    return entryMessage(view.key, entry, {
      state,
      receiveCount: pending.deliveries,
      dead: state === 'dead' ? pendingDeath(view, pending) : view.death,
    });
  });
}

/** One entry in whatever state. An entry that every consumer is done with stays in the stream, as completed. */
export async function getEntry(view: StreamView, id: string, signal: AbortSignal): Promise<Message | null> {
  if (!isId(id)) return null;
  const place = { operation: 'read', queue: view.key, signal };
  const [entry] = readEntries(await view.connection.call(['XRANGE', view.key, id, id], { ...place, bytes: true }));
  if (entry === undefined) return null;
  const group = groupOf(await readFacts(view.connection, view.key, signal), view.group);
  if (group === null) return entryMessage(view.key, entry, { state: 'ready', receiveCount: null, dead: view.death });
  const { after } = await positionOf(view.connection, view.key, group, signal);
  if (after !== null && compareIds(entry.id, after) > 0) {
    return entryMessage(view.key, entry, { state: 'ready', receiveCount: 0, dead: view.death });
  }
  const pending = await findPending(view, group.name, entry.id, signal);
  if (pending === null)
    return entryMessage(view.key, entry, { state: 'completed', receiveCount: null, dead: view.death });
  const dead = isDead(view, pending);
  return entryMessage(view.key, entry, {
    state: dead ? 'dead' : 'in-flight',
    receiveCount: pending.deliveries,
    dead: dead ? pendingDeath(view, pending) : view.death,
  });
}

async function findPending(
  view: StreamView,
  group: string,
  id: string,
  signal: AbortSignal,
): Promise<PendingEntry | null> {
  const reply = await view.connection.call(['XPENDING', view.key, group, id, id, 1], {
    operation: 'read',
    queue: view.key,
    signal,
  });
  const [item] = Array.isArray(reply) ? reply : [];
  if (!Array.isArray(item)) return null;
  const [, consumer, idleMs, deliveries] = item as readonly unknown[];
  return { id, consumer: String(consumer), idleMs: Number(idleMs), deliveries: Number(deliveries) };
}
