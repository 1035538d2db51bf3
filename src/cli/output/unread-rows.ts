import type { QueueStats } from '../../contract/stats.ts';
import type { Session } from '../session.ts';

/** More names than these make the note unreadable. */
const MOST_NAMES = 5;

/**
 * Says of the rows of a table that hold no figure why that is, one note for each reason: a `?` alone does not tell a
 * missing right from a server that is silent.
 */
export function sayWhyUnread(session: Session, rows: readonly QueueStats[]): void {
  const byReason = new Map<string, string[]>();
  for (const { queue, state, ready, notes } of rows) {
    const reason = notes.ready ?? notes.state;
    if (state !== 'unknown' || ready !== null || reason === undefined) continue;
    const names = byReason.get(reason);
    if (names === undefined) byReason.set(reason, [queue]);
    else names.push(queue);
  }
  for (const [reason, names] of byReason) {
    const more = names.length - MOST_NAMES;
    const named = names.slice(0, MOST_NAMES).join(', ');
    session.messages.note(`not read: ${named}${more > 0 ? ` and ${more} more` : ''}: ${reason}`);
  }
}
