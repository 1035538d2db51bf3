import { Option } from 'commander';
import type { QueueStats } from '../../contract/stats.ts';
import { EXIT } from '../exit-codes.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import { LIST_COLUMNS, statsDocument } from '../output/stats-view.ts';
import { printTable } from '../output/table.ts';
import { readQueues } from '../queues.ts';
import { defineVerb, words } from '../verb.ts';

const SORT_KEYS = ['name', 'ready', 'in-flight', 'delayed', 'dead', 'depth', 'consumers'] as const;
type SortKey = (typeof SORT_KEYS)[number];

interface LsFlags {
  readonly sort?: SortKey;
  readonly dead?: boolean;
}

export interface LsOptions {
  readonly globs: readonly string[];
  readonly sort: SortKey;
  readonly onlyDead: boolean;
}

export const ls = defineVerb<LsFlags, LsOptions>({
  effect: 'Only reads.',
  examples: ['mq ls', "mq ls 'orders*' --sort dead -o json"],
  declare(command) {
    command
      .argument('[glob...]', 'which queues: * ? [a-z]; all without it')
      .addOption(new Option('--sort <key>', 'largest first, by name otherwise').choices(SORT_KEYS))
      .option('--dead', 'only queues that have dead letters');
  },
  parse([globs], flags) {
    return { globs: words(globs), sort: flags.sort ?? 'name', onlyDead: flags.dead ?? false };
  },
  async run(options, session) {
    const format = session.format('table', 'json', 'ndjson', 'yaml');
    const target = session.target();
    const rows: QueueStats[] = [];
    await session.withBroker(async (broker) => {
      for await (const stats of readQueues(session, broker, options.globs)) {
        if (!options.onlyDead || (stats.dead ?? 0) > 0) rows.push(stats);
      }
    }, target);
    rows.sort((a, b) => compare(a, b, options.sort));
    if (isDocumentFormat(format)) {
      const sequence = await openSequence(session, format);
      for (const row of rows) await sequence.item(statsDocument(row, target.context));
      await sequence.end();
    } else if (rows.length > 0) {
      await printTable(session, rows, LIST_COLUMNS);
    } else {
      session.messages.note(options.onlyDead ? 'no queue has dead letters' : 'no queues');
    }
    return EXIT.done;
  },
});

function compare(a: QueueStats, b: QueueStats, key: SortKey): number {
  const difference = key === 'name' ? 0 : figure(b, key) - figure(a, key);
  if (difference !== 0) return difference;
  return a.queue < b.queue ? -1 : a.queue > b.queue ? 1 : 0;
}

/** Unknown sorts last. */
function figure(stats: QueueStats, key: Exclude<SortKey, 'name'>): number {
  return (key === 'in-flight' ? stats.inFlight : stats[key]) ?? -1;
}
