import type { Message } from '../../../contract/message.ts';
import type { DeadLetters, Queue } from '../../../contract/queue.ts';
import { Lease } from '../browsing/lease.ts';
import type { Connection } from '../connection/connection.ts';
import { type BrowseSource, browse } from '../consumer.ts';
import { internalsOf, placeOf, rememberHandle, sourceOf } from '../handle.ts';
import { BULL4_CAPABILITIES, BULLMQ_CAPABILITIES, OLD_BULLMQ_CAPABILITIES } from './capabilities.ts';
import { deadLettersOf } from './dead-letters.ts';
import { describeBull, getJob } from './describe.ts';
import type { BullPlace } from './find.ts';
import { bullRetry } from './move.ts';
import { pauseBull, resumeBull } from './pausing.ts';
import { peekJobs } from './peek.ts';
import { jobPublisher } from './publisher.ts';
import { purgeBull } from './purge.ts';
import type { Removable } from './removal.ts';
import { jobSource } from './source.ts';
import { bullStatsOf, readWorkers } from './stats.ts';
import { surveyJobs } from './survey.ts';
import { wrappedDeath } from './unwrap.ts';
import { bullRow, wrappedSettings } from './wrapped-queue.ts';

export function openBull(connection: Connection, bull: BullPlace): Queue {
  const { unwrap } = connection.settings;
  const source = sourceOf(wrappedSettings(connection), bull.shown);
  /** A waiting job of a dead-letter queue is a dead letter of its source. */
  const marked = (message: Message): Message =>
    unwrap === null || source === null || message.state !== 'ready'
      ? message
      : { ...message, dead: wrappedDeath(message, unwrap, source) };

  const deadLetters = (signal: AbortSignal): Promise<DeadLetters> => deadLettersOf(connection, bull, source, signal);

  const looking = {
    name: bull.shown,
    place: placeOf(connection.settings, bull.base),
    kind: 'bullmq',
    stats: async (signal: AbortSignal) => bullRow(connection, bull, await readWorkers(connection, signal), signal),
    describe: (signal: AbortSignal) => describeBull(connection, bull, signal),
    get: (id: string, signal: AbortSignal) => getJob(connection, bull, id, signal),
    async peek({ state, limit, notice, signal }) {
      return {
        price: null,
        async *[Symbol.asyncIterator]() {
          for await (const message of peekJobs(connection, bull, state, limit, notice, signal)) yield marked(message);
        },
      };
    },
    deadLetters,
  } satisfies Partial<Queue>;

  const queue: Queue =
    bull.generation === 'bull4'
      ? { ...looking, capabilities: BULL4_CAPABILITIES }
      : {
          ...looking,
          capabilities: bull.layout <= 4 ? OLD_BULLMQ_CAPABILITIES : BULLMQ_CAPABILITIES,
          publisher: async (options) => jobPublisher(connection, bull, options),
          async consume(options) {
            await warnOfWorkers(connection, bull, options.state, options.notice, options.signal);
            const jobs = jobSource(connection, bull, options.state);
            const reading: BrowseSource<Removable> = {
              ...jobs,
              async read(count, signal) {
                const page = await jobs.read(count, signal);
                return page.map((held) => ({ ...held, message: marked(held.message) }));
              },
            };
            return browse(reading, options, bull.shown, new Lease(connection, bull.shown, bull.base));
          },
          survey: (options) => surveyJobs(connection, bull, options),
          purge: (options) => purgeBull(connection, bull, options),
          pause: ({ reason, signal }) => pauseBull(connection, bull, reason, signal),
          resume: ({ signal }) => resumeBull(connection, bull, signal),
          async nativeMove(request) {
            const home = request.to === 'origin' ? bull.base : internalsOf(request.to)?.key;
            return request.state === 'dead' && home === bull.base ? bullRetry(connection, bull, request) : null;
          },
        };
  return rememberHandle(queue, { kind: 'bullmq', connection, key: bull.base });
}

/** A worker can start waiting jobs while we hold them: then they are done twice. */
async function warnOfWorkers(
  connection: Connection,
  bull: BullPlace,
  state: 'ready' | 'dead',
  notice: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  if (state !== 'ready') return;
  const stats = await bullStatsOf(connection, bull, await readWorkers(connection, signal), signal);
  if (stats.state !== 'paused' && (stats.consumers ?? 0) > 0) {
    notice(
      `${stats.consumers} workers are connected to ${bull.shown} and may start a job while it is taken out, so that it is processed twice; pause the queue first`,
    );
  }
}
