import type { BrowseSource, Held, Removal } from '../browser.ts';
import type { Call, Connection } from '../connection.ts';
import { redisError } from '../errors.ts';
import { asInteger } from '../reply.ts';
import type { BullPlace } from './find.ts';
import { type JobHash, jobMessage, numberOf, textOf } from './job.ts';
import { bullLibrary, refusalOf } from './library.ts';
import { isMarker, readHashes, readIds } from './read.ts';

export interface JobItem {
  readonly id: string;
  /** How often a worker had started it, and when it had finished, as it was read: a change means that a worker got it meanwhile. */
  readonly started: number | null;
  readonly finishedAt: number | null;
}

/**
 * Reads the waiting or the failed jobs without claiming them, and removes each by the library's own script. Jobs that others depend
 * on, or that depend on others, stay: removing a child releases its parent with a result missing.
 */
export function jobSource(connection: Connection, bull: BullPlace, state: 'ready' | 'dead'): BrowseSource<JobItem> {
  const seen = new Set<string>();
  /** Read and, as far as we know, still listed in front of what comes next. */
  let offset = 0;

  async function take(refs: readonly string[], signal: AbortSignal): Promise<readonly Held<JobItem>[]> {
    const fresh = refs.filter((id) => !seen.has(id) && !isMarker(id));
    for (const id of fresh) seen.add(id);
    if (fresh.length === 0) return [];
    const [hashes, children] = await Promise.all([
      readHashes(connection, bull, fresh, signal),
      connection.all(
        fresh.map((id): Call => ['EXISTS', `${bull.base}:${id}:dependencies`, `${bull.base}:${id}:processed`]),
        { operation: 'read the jobs', queue: bull.shown, signal },
      ),
    ]);
    const page: Held<JobItem>[] = [];
    for (const [index, id] of fresh.entries()) {
      const hash = hashes[index] ?? null;
      if (hash === null) continue;
      const isBound = isTied(hash) || asInteger(children[index]) > 0;
      page.push({
        ...(isBound ? { stays: BOUND } : {}),
        item: { id, started: numberOf(hash.ats), finishedAt: numberOf(hash.finishedOn) },
        message: jobMessage(bull, id, hash, state),
      });
    }
    return page;
  }

  return {
    async read(count, signal) {
      let again = true;
      for (;;) {
        const refs = await readIds(connection, bull, state, offset, count, signal);
        offset += refs.length;
        const page = await take(
          refs.map(({ id }) => id),
          signal,
        );
        if (page.length > 0) return page;
        if (refs.length > 0) continue;
        // At the end: once more from the start, because workers who took jobs have shifted the rest past us.
        if (!again || seen.size === 0) return [];
        again = false;
        offset = 0;
      }
    },
    async remove(items) {
      const { queue } = await bullLibrary(connection, bull);
      const hashes = await readHashes(
        connection,
        bull,
        items.map(({ id }) => id),
        undefined,
      );
      return Promise.all(
        items.map(async ({ id, started, finishedAt }, index): Promise<Removal> => {
          const hash = hashes[index] ?? null;
          if (hash === null || numberOf(hash.ats) !== started || numberOf(hash.finishedOn) !== finishedAt) return TAKEN;
          try {
            // Without its children: the library's default would remove them too.
            const removed = await queue.remove(id, { removeChildren: false });
            if (removed !== 1) return TAKEN;
            offset = Math.max(0, offset - 1);
            return null;
          } catch (error) {
            return refusalOf(error) ?? redisError(error, { operation: 'remove the job', queue: bull.shown }).message;
          }
        }),
      );
    },
  };
}

const BOUND = 'it has a parent, children or a scheduler, and stays where it is';
const TAKEN = 'a worker has taken it meanwhile, so it may be processed twice';

function isTied(hash: JobHash): boolean {
  return (textOf(hash.parentKey) ?? '') !== '' || (textOf(hash.rjk) ?? '') !== '';
}
