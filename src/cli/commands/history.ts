import { readHistory } from '../../change/history.ts';
import { formatDuration } from '../../core/duration.ts';
import { EXIT } from '../../core/exit-codes.ts';
import { queuePattern } from '../../core/name-pattern.ts';
import { safe } from '../../core/safe-text.ts';
import { wholeNumber } from '../line/globals.ts';
import type { Column } from '../output/columns.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import { printTable } from '../output/table.ts';
import { defineVerb, words } from '../verb.ts';

interface HistoryFlags {
  readonly limit: number;
}

export interface HistoryOptions {
  readonly globs: readonly string[];
  /** 0: all. */
  readonly limit: number;
}

type Entry = Readonly<Record<string, unknown>>;

export const history = defineVerb<HistoryFlags, HistoryOptions>({
  effect: 'Only reads: the log of changes that mq keeps for you. It never holds a message.',
  examples: ['mq history', "mq history 'orders*' -n 100 -o json"],
  declare(command) {
    command
      .argument('[glob...]', 'only changes of these queues: * ? [a-z]')
      .option('-n, --limit <n>', 'show at most this many, the latest; 0: all', wholeNumber(0), 20);
  },
  parse([globs], flags) {
    return { globs: words(globs), limit: flags.limit };
  },
  async run({ globs, limit }, session) {
    const format = session.format('table', 'json', 'ndjson', 'yaml');
    const pattern = queuePattern(globs);
    let entries: Entry[] = [];
    for await (const entry of readHistory(session.settings.places)) {
      const names = [...textsOf(entry.queues), ...textsOf(entry.to)];
      if (globs.length > 0 && !names.some((name) => pattern.matches(name))) continue;
      entries.push(entry);
      if (limit > 0 && entries.length > 2 * limit) entries = entries.slice(-limit);
    }
    if (limit > 0) entries = entries.slice(-limit);
    if (isDocumentFormat(format)) {
      const sequence = await openSequence(session, format);
      for (const entry of entries) await sequence.item(entry);
      await sequence.end();
    } else if (entries.length > 0) {
      await printTable(session, entries, COLUMNS);
    } else {
      session.messages.note('no changes so far');
    }
    return EXIT.done;
  },
});

const COLUMNS: readonly Column<Entry>[] = [
  { heading: 'AT', align: 'left', cell: ({ at }) => text(at) },
  { heading: 'USER', align: 'left', cell: ({ user }) => text(user) },
  { heading: 'CONTEXT', align: 'left', cell: ({ context }) => text(context) },
  { heading: 'VERB', align: 'left', cell: ({ verb }) => text(verb) },
  {
    heading: 'QUEUE',
    align: 'left',
    cell: ({ queues, to }) =>
      safe([textsOf(queues).join(','), ...textsOf(to)].filter((name) => name !== '').join(' → ')) || '-',
  },
  { heading: 'FILTER', align: 'left', cell: ({ selection }) => pairs(selection) },
  { heading: 'COUNTS', align: 'left', cell: ({ counts }) => pairs(counts) },
  {
    heading: 'TOOK',
    align: 'right',
    cell: ({ durationMs }) => (typeof durationMs === 'number' ? formatDuration(durationMs) : '-'),
  },
  { heading: 'EXIT', align: 'right', cell: ({ exitCode }) => text(exitCode) },
];

function text(value: unknown): string {
  return value === null || value === undefined ? '-' : safe(String(value));
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function pairs(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '-';
  const shown = Object.entries(value).filter(([, item]) => item !== 0);
  return shown.map(([key, item]) => `${key}=${item === null ? '?' : safe(String(item))}`).join(' ') || '-';
}
