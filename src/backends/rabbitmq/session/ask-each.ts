import type { ListOptions } from '../../../contract/broker.ts';
import { isMqError, throwIfAborted } from '../../../contract/errors.ts';
import type { LiveFigures } from '../figures/live.ts';
import type { Session } from './session.ts';

const AT_ONCE = 8;
/**
 * A leader that does not answer may take 2 s each time. Queues that were not asked by then are told from the other
 * facts.
 */
const LONGEST_MS = 2_000;

/**
 * Passive declarations of many queues, as far as that works. A queue that is missing in the answer could not be asked.
 * Null: there is no such queue. A problem with one of them (a missing right, an exclusive queue) affects only that one.
 */
export async function askEach(
  session: Session,
  names: readonly string[],
  { signal, onAnswer }: Pick<ListOptions, 'signal' | 'onAnswer'>,
): Promise<ReadonlyMap<string, LiveFigures | null>> {
  const found = new Map<string, LiveFigures | null>();
  const waiting = [...names];
  const until = performance.now() + LONGEST_MS;
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined && performance.now() < until; name = waiting.shift()) {
      try {
        const figures = await answeredBy(until + LAST_MS, session.declared(name, signal));
        if (figures === null) {
          session.giveUp();
          continue;
        }
        found.set(name, figures);
        onAnswer?.();
      } catch (error) {
        throwIfAborted(signal);
        const code = isMqError(error) ? error.code : null;
        if (code === 'QUEUE_NOT_FOUND') found.set(name, null);
        // Without a connection, each of the others would cost the whole time limit.
        else if (code === null || CONCERNS_ALL.has(code)) waiting.length = 0;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, names.length) }, work));
  return found;
}

/**
 * A queue whose process is stuck gives no answer at all, while the broker and all others do: then that one is told from
 * the other facts.
 */
const LAST_MS = 1_000;

async function answeredBy<T>(until: number, answer: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), Math.max(0, until - performance.now()));
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
    // A question that was given up may still fail, with the connection.
    answer.catch(() => undefined);
  }
}

const CONCERNS_ALL: ReadonlySet<string> = new Set(['UNAVAILABLE', 'TIMEOUT', 'UNAUTHENTICATED', 'CONFIG_INVALID']);
