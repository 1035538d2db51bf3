import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { PurgeOptions, PurgeResult } from '../../contract/queue.ts';
import type { QueueFile } from './file/queue-file.ts';
import { STORED } from './file/schema.ts';
import { requireQueue } from './publisher.ts';
import type { QueueFacts } from './rows/queue-facts.ts';
import { PAGE, removeMessages, sweep } from './rows/removal.ts';
import { catchUp } from './rows/time.ts';

/**
 * Deletes the messages that were there at the start, page by page, each page completely. An abort stops between two
 * pages, and the answer is what was removed until then. Throws `NOT_SUPPORTED` for in-flight messages, before anything
 * is removed.
 */
export async function purge(file: QueueFile, queue: QueueFacts, options: PurgeOptions): Promise<PurgeResult> {
  throwIfAborted(options.signal);
  const states = options.states.map((state) => {
    if (state === 'ready' || state === 'delayed' || state === 'dead') return STORED[state];
    throw new MqError('NOT_SUPPORTED', `messages that are ${state} cannot be purged on kind sqlite`, {
      hint: state === 'in-flight' ? 'their consumers hold them; purge again when they are settled' : undefined,
      backend: 'sqlite',
      queue: queue.name,
    });
  });
  let removed = 0;
  let last: number | null = null;
  for (const state of states) {
    for (let more = true; more && !options.signal.aborted; ) {
      const page: number = await file.write((connection) => {
        requireQueue(connection, queue);
        catchUp(connection, queue, Date.now());
        last ??= connection.one('SELECT sequence FROM file').integer('sequence');
        const doomed = `SELECT key FROM message WHERE queue = :queue AND state = :state AND position <= :last
          ORDER BY rank, position LIMIT ${PAGE}`;
        const params = { queue: queue.id, state, last };
        return removeMessages(connection, doomed, params);
      });
      removed += page;
      more = page === PAGE;
    }
  }
  await sweep(file, options.signal);
  return { removed };
}
