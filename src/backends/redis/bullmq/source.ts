import { requireRightToRemove } from '../browsing/rights.ts';
import type { Connection } from '../connection/connection.ts';
import type { BrowseSource, Held, Removal } from '../consumer.ts';
import { isRefusal, redisError } from '../errors.ts';
import type { BullPlace } from './find.ts';
import { jobMessage } from './message.ts';
import { isMarker, type JobRef, readHashes, readIds } from './peek.ts';
import { type Removable, removeJobs, removingJobs, touchedOf, whyItStays } from './removal.ts';
import { tiesOf, withTie } from './ties.ts';

/**
 * Reads the waiting or the failed jobs without claiming them, and removes those that were settled. Jobs that others
 * depend on, or that depend on others, stay: removing a child would release its parent without a result.
 */
export function jobSource(connection: Connection, bull: BullPlace, state: 'ready' | 'dead'): BrowseSource<Removable> {
  const seen = new Set<string>();
  /** Read and, as far as we know, still listed before the jobs that come next. */
  let offset = 0;

  async function take(refs: readonly JobRef[], signal: AbortSignal): Promise<readonly Held<Removable>[]> {
    const fresh = refs.filter(({ id }) => !seen.has(id) && !isMarker(id));
    for (const { id } of fresh) seen.add(id);
    if (fresh.length === 0) return [];
    const hashes = await readHashes(
      connection,
      bull,
      fresh.map(({ id }) => id),
      signal,
    );
    const found = fresh.flatMap(({ id, container }, index) => {
      const hash = hashes[index] ?? null;
      return hash === null ? [] : [{ id, container, hash }];
    });
    const ties = await tiesOf(connection, bull, found, signal);
    return found.map(({ id, container, hash }, index) => {
      const stays = ties[index] ?? null;
      return {
        ...(stays === null ? {} : { stays }),
        item: { id, container, touched: touchedOf(hash) },
        message: withTie(jobMessage(bull, id, hash, state), stays),
      };
    });
  }

  return {
    mayRemove: () => requireRightToRemove(connection, removingJobs(bull), bull.shown),
    async read(count, signal) {
      let again = true;
      for (;;) {
        const refs = await readIds(connection, bull, state, offset, count, signal);
        offset += refs.length;
        const page = await take(refs, signal);
        if (page.length > 0) return page;
        if (refs.length > 0) continue;
        // At the end: once more from the start, because workers that took jobs have shifted the rest past us.
        if (!again || seen.size === 0) return [];
        again = false;
        offset = 0;
      }
    },
    async remove(items) {
      try {
        const answers = await removeJobs(connection, bull, items);
        return answers.map((answer): Removal => {
          if (answer === 'gone' || answer === 'taken') return TAKEN;
          if (answer !== '') return whyItStays(answer);
          offset = Math.max(0, offset - 1);
          return null;
        });
      } catch (error) {
        const { message } = redisError(error, { operation: 'remove the jobs', queue: bull.shown });
        if (!isRefusal(error)) throw error;
        return items.map(() => message);
      }
    },
  };
}

const TAKEN = 'a worker has taken it meanwhile, so it may be processed twice';
