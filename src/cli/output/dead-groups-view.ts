import type { Broker } from '../../contract/broker.ts';
import { formatInstant } from '../../contract/instant.ts';
import type { Message } from '../../contract/message.ts';
import { type DeadLetterGroup, DeadLetterGrouping, OTHER_REASONS } from '../../core/dead-letter-groups.ts';
import { formatDuration } from '../../core/duration.ts';
import { peekMessages } from '../../core/peek.ts';
import { safe } from '../../core/safe-text.ts';
import { EVERYTHING } from '../../core/selection.ts';
import type { Session } from '../session/session.ts';
import type { Column } from './columns.ts';
import { isDocumentFormat, openSequence } from './documents.ts';
import { printTable } from './table.ts';

/**
 * `stats QUEUE --dead`: the reasons why the dead letters of a queue died. Looks at all of them, and says what that
 * costs.
 */
export async function printDeadGroups(session: Session, broker: Broker, name: string, force: boolean): Promise<void> {
  const format = session.format('table', 'json', 'ndjson', 'yaml');
  const queue = await session.within('stats', (signal) => broker.queue(name, signal));
  const { notice } = session;
  const grouping = new DeadLetterGrouping({ keep: whereAndWhy, apart: (message) => JSON.stringify(apart(message)) });
  const messages = session.eachWithin('stats', (signal) =>
    peekMessages({ ...EVERYTHING, broker, queue, state: 'dead', limit: null, force, notice, signal }),
  );
  for await (const message of messages) grouping.add(message);
  const groups = grouping.groups().map(deadGroup);
  if (isDocumentFormat(format)) {
    const sequence = await openSequence(session, format);
    for (const { oldestAt, newestAt, ...group } of groups) {
      await sequence.item({
        queue: name,
        ...group,
        oldestAt: formatInstant(oldestAt),
        newestAt: formatInstant(newestAt),
      });
    }
    await sequence.end();
  } else if (groups.length === 0) {
    session.messages.note(`no dead letters in ${name}`);
  } else {
    await printTable(session, groups, columnsAt(session.host.now()));
  }
}

interface DeadGroup {
  readonly from: string | null;
  readonly reason: string | null;
  /**
   * The consumer's error with ids and numbers replaced by marks, so that "order 7 timed out" and "order 8 timed out"
   * are one group.
   */
  readonly error: string | null;
  readonly count: number;
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
  /** The newest message of the group, to look at. */
  readonly exampleId: string | null;
}

/** The broker's own facts about a death, besides the consumer's error. */
function apart({ dead }: Message): readonly (string | null)[] {
  return [dead?.from ?? null, dead?.reason ?? null];
}

function whereAndWhy(
  message: Message,
): Pick<DeadGroup, 'from' | 'reason' | 'exampleId'> & { readonly failed: boolean } {
  const [from = null, reason = null] = apart(message);
  return { from, reason, exampleId: message.id, failed: (message.dead?.error ?? null) !== null };
}

function deadGroup({ reason: cause, newest, ...figures }: DeadLetterGroup<ReturnType<typeof whereAndWhy>>): DeadGroup {
  const { failed, ...known } = newest;
  // For the rest, when there are too many groups, only the number and the times are known.
  if (cause === OTHER_REASONS)
    return { from: null, reason: null, error: cause, ...figures, exampleId: known.exampleId };
  return { ...known, error: failed ? cause : null, ...figures };
}

function columnsAt(now: number): readonly Column<DeadGroup>[] {
  const age = (at: number | null): string => (at === null ? '?' : formatDuration(Math.max(0, now - at)));
  return [
    { heading: 'DEAD', align: 'right', cell: (group) => group.count.toString() },
    { heading: 'FROM', align: 'left', cell: (group) => safe(group.from ?? '?') },
    { heading: 'REASON', align: 'left', cell: (group) => safe(group.reason ?? '?') },
    { heading: 'NEWEST', align: 'right', cell: (group) => age(group.newestAt) },
    { heading: 'OLDEST', align: 'right', cell: (group) => age(group.oldestAt) },
    { heading: 'EXAMPLE', align: 'left', cell: (group) => safe(group.exampleId ?? '-') },
    { heading: 'ERROR', align: 'left', cell: (group) => safe(group.error ?? '-') },
  ];
}
