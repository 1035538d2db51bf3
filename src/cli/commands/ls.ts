import { Option } from 'commander';
import type { QueueStats } from '../../contract/stats.ts';
import { EXIT } from '../../core/exit-codes.ts';
import { compareQueues, SORT_KEYS, type SortKey } from '../line/sort-queues.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import { LIST_COLUMNS, statsDocument } from '../output/stats-view.ts';
import { printTable } from '../output/table.ts';
import { readQueues, Unread } from '../session/queues.ts';
import { defineVerb, words } from '../verb.ts';

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
    const unknown: string[] = [];
    const unread = new Unread();
    await session.withBroker(async (broker) => {
      for await (const stats of readQueues(session, broker, options.globs, unread)) {
        if (options.onlyDead && stats.dead === null) unknown.push(stats.queue);
        else if (!options.onlyDead || (stats.dead ?? 0) > 0) rows.push(stats);
      }
    }, target);
    if (target.settings !== null && options.globs.length === 0 && !options.onlyDead) {
      const { rememberNames } = await import('../completion/queue-names.ts');
      await rememberNames(
        session.settings,
        target,
        rows.map(({ queue }) => queue),
      );
    }
    if (rows.length === 0) unread.tell();
    rows.sort((a, b) => compareQueues(a, b, options.sort));
    if (isDocumentFormat(format)) {
      const sequence = await openSequence(session, format);
      for (const row of rows) await sequence.item(statsDocument(row, target.context));
      await sequence.end();
    } else if (rows.length > 0) {
      await printTable(session, rows, LIST_COLUMNS);
    } else if (options.onlyDead) {
      session.messages.note(
        unknown.length === 0 ? 'no queue has dead letters' : 'no queue is known to have dead letters',
      );
    } else if (options.globs.length === 0) {
      session.messages.note('no queues');
    }
    if (unknown.length > 0) session.messages.note(`not known how many dead letters these have: ${unknown.join(', ')}`);
    unread.tell();
    return EXIT.done;
  },
});
