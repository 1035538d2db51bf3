import type { Broker } from '../contract/broker.ts';
import { type DeadGroup, groupDead } from '../core/dead-groups.ts';
import { formatDuration } from '../core/duration.ts';
import { peekMessages } from '../core/peek.ts';
import { EVERYTHING } from '../core/selection.ts';
import type { Column } from './output/columns.ts';
import { isDocumentFormat, openSequence } from './output/documents.ts';
import { safe } from './output/safe.ts';
import { printTable } from './output/table.ts';
import type { Session } from './session.ts';

/** `stats QUEUE --dead`: what the dead letters of a queue died of. Looks at all of them; what that costs is said. */
export async function printDeadGroups(session: Session, broker: Broker, name: string): Promise<void> {
  const format = session.format('table', 'json', 'ndjson', 'yaml');
  const queue = await session.within('stats', (signal) => broker.queue(name, signal));
  const { notice } = session;
  const groups = await groupDead(
    session.eachWithin('stats', (signal) =>
      peekMessages({ ...EVERYTHING, broker, queue, state: 'dead', limit: null, force: false, notice, signal }),
    ),
  );
  if (isDocumentFormat(format)) {
    const sequence = await openSequence(session, format);
    for (const { oldestAt, newestAt, ...group } of groups) {
      await sequence.item({ queue: name, ...group, oldestAt: instant(oldestAt), newestAt: instant(newestAt) });
    }
    await sequence.end();
  } else if (groups.length === 0) {
    session.messages.note(`no dead letters in ${name}`);
  } else {
    await printTable(session, groups, columnsAt(session.host.now()));
  }
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

function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
