import { Option } from 'commander';
import type { Broker } from '../../contract/broker.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { QueueStats } from '../../contract/stats.ts';
import { parseWaitMs } from '../../core/duration.ts';
import { EXIT } from '../../core/exit-codes.ts';
import { isGlob } from '../../core/name-pattern.ts';
import { systemClock } from '../../core/rate-limit.ts';
import { ReadingPairs } from '../../feed/rates.ts';
import { wait } from '../line/globals.ts';
import { compareQueues, SORT_KEYS, type SortKey } from '../line/sort-queues.ts';
import { printDeadGroups } from '../output/dead-groups-view.ts';
import { isDocumentFormat, openSequence } from '../output/documents.ts';
import { STATS_COLUMNS, statsDocument } from '../output/stats-view.ts';
import { printTable } from '../output/table.ts';
import { readQueues, Unread } from '../session/queues.ts';
import type { Session } from '../session/session.ts';
import { defineVerb, words } from '../verb.ts';

interface StatsFlags {
  readonly sort?: SortKey;
  readonly sample?: number;
  readonly watch?: string | true;
  readonly dead?: boolean;
  readonly force?: boolean;
}

export interface StatsOptions {
  readonly globs: readonly string[];
  readonly sort: SortKey;
  /** The time between the two readings for the rates; null: one reading. */
  readonly sampleMs: number | null;
  /** The time between repetitions; null: once. */
  readonly watchMs: number | null;
  /** The reasons of the dead letters instead of counts. */
  readonly dead: boolean;
  /** With `dead`: look even if looking may do harm. */
  readonly force: boolean;
}

const CLEAR_SCREEN = '\u001b[H\u001b[J';

export const stats = defineVerb<StatsFlags, StatsOptions>({
  effect: 'Only reads.',
  examples: ['mq stats orders --sample 2s', "mq stats 'orders*' --watch 5s -o ndjson"],
  declare(command) {
    command
      .argument('[queue...]', 'queues or globs; all without it')
      .option('--sample <duration>', 'take two readings this far apart, if the broker has no rates of its own', wait)
      .addOption(new Option('--sort <key>', 'largest first, by name otherwise').choices(SORT_KEYS))
      .option('--watch [duration]', 'repeat until interrupted, every 2s without a duration')
      .option('--dead', 'what the dead letters of one queue died of, grouped')
      .option('--force', 'with --dead: look even if looking may do harm');
  },
  parse([globs], flags) {
    const watchMs = flags.watch === undefined ? null : parseWaitMs(flags.watch === true ? '2s' : flags.watch);
    if (watchMs === 0 || flags.sample === 0) throw new MqError('USAGE', 'a time between two readings must be above 0');
    if (flags.dead === true && (words(globs).length !== 1 || watchMs !== null || flags.sample !== undefined)) {
      throw new MqError('USAGE', '--dead takes one queue, and neither --watch nor --sample');
    }
    if (flags.force === true && flags.dead !== true) throw new MqError('USAGE', '--force needs --dead');
    return {
      globs: words(globs),
      sort: flags.sort ?? 'name',
      sampleMs: flags.sample ?? null,
      watchMs,
      dead: flags.dead ?? false,
      force: flags.force ?? false,
    };
  },
  async run(options, session) {
    const format = session.format('table', 'json', 'ndjson', 'yaml');
    if (options.watchMs !== null && (format === 'json' || format === 'yaml')) {
      throw new MqError('USAGE', `--watch never ends, and -o ${format} is one document`, { hint: 'use -o ndjson' });
    }
    const target = session.target();
    if (options.dead) {
      const [queue = ''] = options.globs;
      await session
        .withBroker((broker) => printDeadGroups(session, broker, queue, options.force), target)
        .catch((error: unknown) => {
          if (!isMqError(error) || error.code !== 'QUEUE_NOT_FOUND' || !isGlob(queue)) throw error;
          throw new MqError('USAGE', `--dead looks into one queue, and ${JSON.stringify(queue)} is a pattern`, {
            hint: 'mq ls --dead PATTERN shows which queues have dead letters',
          });
        });
      return EXIT.done;
    }
    const print = async (readings: readonly QueueStats[]): Promise<void> => {
      if (isDocumentFormat(format)) {
        const sequence = await openSequence(session, format);
        for (const reading of readings) await sequence.item(statsDocument(reading, target.context));
        await sequence.end();
      } else if (readings.length > 0) {
        await printTable(session, readings, STATS_COLUMNS);
      } else if (options.globs.length === 0) {
        session.messages.note('no queues');
      }
    };

    const said = new Set<string>();
    const sayOnce = (glob: string): void => {
      if (!said.has(glob)) session.messages.note(`no queue matches ${glob}`);
      said.add(glob);
    };
    await session.withBroker(async (broker) => {
      const pairs = new ReadingPairs();
      if (options.sampleMs !== null) {
        const first = await readAll(session, broker, options, new Unread(), sayOnce);
        pairs.rated(first);
        if (first.some((reading) => reading.rates === undefined)) {
          await systemClock.sleep(options.sampleMs, session.signal);
        }
      }
      for (let round = 0; !session.signal.aborted; round++) {
        const unread = new Unread();
        const fresh = await readAll(session, broker, options, unread, sayOnce);
        if (fresh.length === 0) unread.tell();
        const { stdout } = session.host;
        if (options.watchMs !== null && format === 'table') {
          if (stdout.isTerminal) await stdout.write(CLEAR_SCREEN);
          else if (round > 0) await stdout.write('\n');
        }
        await print(pairs.rated(fresh));
        if (round === 0) explain(session, fresh, options);
        unread.tell();
        if (options.watchMs === null) return;
        await systemClock.sleep(options.watchMs, session.signal);
      }
    }, target);
    return EXIT.done;
  },
});

async function readAll(
  session: Session,
  broker: Broker,
  { globs, sort }: StatsOptions,
  unread: Unread,
  onEmpty: (glob: string) => void,
): Promise<QueueStats[]> {
  const readings: QueueStats[] = [];
  for await (const reading of readQueues(session, broker, globs, unread, onEmpty)) readings.push(reading);
  return readings.sort((a, b) => compareQueues(a, b, sort));
}

/** The reasons why values are missing: of a single queue, or of all with `--verbose`. */
function explain(session: Session, readings: readonly QueueStats[], options: StatsOptions): void {
  const { messages, globals } = session;
  if (globals.output !== undefined && globals.output !== 'table') return;
  if (
    options.sampleMs === null &&
    options.watchMs === null &&
    readings.some((reading) => reading.counters !== undefined && reading.rates === undefined)
  ) {
    messages.note('rates need two readings: add --sample 2s');
  }
  if (readings.length > 1 && (globals.verbose ?? 0) === 0) return;
  for (const reading of readings) {
    for (const [field, note] of Object.entries(reading.notes)) messages.note(`${reading.queue}: ${field}: ${note}`);
  }
}
