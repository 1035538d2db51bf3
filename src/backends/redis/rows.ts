import type { Notice } from '../../contract/call.ts';
import { MqError } from '../../contract/errors.ts';
import type { QueueStats } from '../../contract/stats.ts';
import type { Connection } from './connection/connection.ts';
import { redisError } from './errors.ts';
import type { RedisKind } from './url.ts';

/** One queue of a listing that still has to be read. */
export interface PendingRow {
  readonly name: string;
  readonly kind: RedisKind;
  read(): Promise<QueueStats>;
}

const CHUNK = 100;
/**
 * The largest part of the time for one answer that a row may take: it is one answer of many, and the others must come
 * in time.
 */
const MOST_PATIENCE_MS = 10_000;

/**
 * Yields rows one after the other, and reads many at a time. A queue that vanishes, has become something else, may not
 * be read or gives no answer costs only its own row and a word in the notice at the end. Only a server that does not
 * answer at all ends the listing.
 */
export async function* readRows(
  connection: Connection,
  rows: readonly PendingRow[],
  losses: Losses,
  signal: AbortSignal,
): AsyncGenerator<QueueStats> {
  const patienceMs = Math.min(MOST_PATIENCE_MS, connection.timeoutMs / 2);
  for (let start = 0; start < rows.length; start += CHUNK) {
    const chunk = rows.slice(start, start + CHUNK);
    const asked = chunk.map((row) => settled(row, patienceMs));
    /** After a call without an answer, no later call on the same line gets one. The rest is asked again, one by one. */
    let isAlone = false;
    for (const [index, row] of chunk.entries()) {
      let outcome = isAlone ? await settled(row, patienceMs) : await asked[index];
      if (outcome !== undefined && isSilence(outcome) && !connection.isCluster) {
        await connection.again(signal);
        if (!isAlone) outcome = await settled(row, patienceMs);
        if (!isAlone && isSilence(outcome)) await connection.again(signal);
        isAlone = true;
      }
      if (outcome === undefined) continue;
      if ('stats' in outcome) {
        yield outcome.stats;
        continue;
      }
      const { error } = outcome;
      if (signal.aborted || ENDS_THE_LISTING.has(error.code)) throw error;
      if (error.code === 'UNAVAILABLE' && !connection.isCluster) throw error;
      const left = losses.of(row, error);
      if (left !== null) yield left;
    }
  }
}

const ENDS_THE_LISTING: ReadonlySet<string> = new Set(['ABORTED', 'UNAUTHENTICATED']);

function isSilence(outcome: Outcome): boolean {
  return 'error' in outcome && outcome.error.code === 'TIMEOUT';
}

type Outcome = { readonly stats: QueueStats } | { readonly error: MqError };

async function settled(row: PendingRow, patienceMs: number): Promise<Outcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Outcome>((resolve) => {
    const error = new MqError('TIMEOUT', `no answer within ${Math.round(patienceMs)} ms`, { backend: 'redis' });
    timer = setTimeout(() => resolve({ error }), patienceMs);
  });
  const read = row.read().then(
    (stats): Outcome => ({ stats }),
    (error: unknown): Outcome => ({ error: redisError(error, { operation: 'read the stats', queue: row.name }) }),
  );
  const outcome = await Promise.race([read, late]);
  clearTimeout(timer);
  return outcome;
}

/** Why a queue is not shown, or only in part, worded for one and for several. */
const LOSSES = {
  gone: { one: 'went away while it was listed', many: 'went away while they were listed' },
  unread: { one: 'could not be read', many: 'could not be read' },
  denied: {
    one: 'may not be read by this user and is left out',
    many: 'may not be read by this user and are left out',
  },
  nameless: {
    one: 'has a name that is no UTF-8 text and is left out',
    many: 'have names that are no UTF-8 text and are left out',
  },
} as const;
type Loss = keyof typeof LOSSES;

/** What a listing could not show, told once at its end. */
export class Losses {
  readonly #said = new Map<Loss, { readonly names: string[]; readonly example: string }>();

  /** The row that remains of a queue: with unknowns, or null if there is none. */
  of({ name, kind }: Pick<PendingRow, 'name' | 'kind'>, error: MqError): QueueStats | null {
    if (error.code === 'QUEUE_NOT_FOUND') {
      this.#note('gone', name);
      return null;
    }
    if (error.code === 'PERMISSION_DENIED') {
      this.denied(name, error);
      return null;
    }
    this.#note('unread', name, error.message);
    return {
      queue: name,
      broker: 'redis',
      kind,
      state: 'unknown',
      ready: null,
      depth: null,
      approximate: [],
      notes: { state: error.message },
      sampledAt: Date.now(),
    };
  }

  denied(name: string, error: MqError): void {
    this.#note('denied', name, error.message);
  }

  /** A name that is not text could be neither shown nor typed. */
  nameless(name: string): void {
    this.#note('nameless', name);
  }

  #note(what: Loss, name: string, example = ''): void {
    const found = this.#said.get(what) ?? { names: [], example };
    this.#said.set(what, found);
    if (!found.names.includes(name)) found.names.push(name);
  }

  tell(notice: Notice): void {
    for (const [what, { names, example }] of this.#said) {
      const shown = names.slice(0, MOST_NAMES).join(', ');
      const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
      notice(
        `${names.length === 1 ? `1 queue ${LOSSES[what].one}` : `${names.length} queues ${LOSSES[what].many}`}: ${shown}${more}${example === '' ? '' : ` (${example})`}`,
      );
    }
    this.#said.clear();
  }
}

const MOST_NAMES = 3;
