import { isMqError } from '../../../../contract/errors.ts';
import type { Asking } from '../../connection/asked-together.ts';
import type { Call, Connection } from '../../connection/connection.ts';
import { asInteger, asList, asPairs, asTextOrNull } from '../../connection/reply.ts';

/** kombu (Celery) keeps the bindings of an exchange in a set. Each queue also has a set of its own name, by default. */
export const KOMBU_BINDING = '_kombu.binding.';

/** Between the parts of a binding and before a priority (kombu `transport/redis.py`). */
const SEPARATOR = '\x06\x16';

/** The queue that a list of one priority belongs to, and that priority; null: it is not such a list. */
export function priorityOf(key: string): { readonly queue: string; readonly priority: string } | null {
  const [queue = '', priority, ...more] = key.split(SEPARATOR);
  return queue === '' || priority === undefined || more.length > 0 ? null : { queue, priority };
}

/** What says who runs a queue, as Celery makes it. */
export function ownBindingCall(key: string): Call {
  return bindingCall(`${KOMBU_BINDING}${priorityOf(key)?.queue ?? key}`);
}

function bindingCall(binding: string): Call {
  return ['SMEMBERS', binding];
}

/**
 * Exchanges for events and remote control. Their queues live as long as a worker or a viewer, and no work goes through
 * them.
 */
function isForControl(exchange: string): boolean {
  return exchange === 'celeryev' || exchange.endsWith('.pidbox');
}

/**
 * Who runs a queue that a set of bindings names. `unknown` if the set does not have kombu's form: then it says only
 * that the queue exists.
 */
export type Binding = 'celery' | 'unknown';

/**
 * The queues that these sets of bindings name. The name is the third part of each member: `routing key, pattern,
 * queue`.
 */
export async function boundQueues(
  connection: Asking,
  bindings: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Binding>> {
  const exchanges = bindings.filter((key) => !isForControl(key.slice(KOMBU_BINDING.length)));
  const answers = await connection.each(exchanges.map(bindingCall), { operation: 'read the bindings', signal });
  const bound = new Map<string, Binding>();
  for (const [index, answer] of answers.entries()) {
    const exchange = exchanges[index]?.slice(KOMBU_BINDING.length);
    for (const member of answer.ok ? asList(answer.reply) : []) {
      const parts = asTextOrNull(member)?.split(SEPARATOR) ?? [];
      const [, , queue] = parts;
      if (queue !== undefined && queue !== '') bound.set(queue, 'celery');
      else if (parts.length === 1 && exchange !== undefined && parts[0] === exchange) bound.set(exchange, 'unknown');
    }
  }
  return bound;
}

/**
 * Not `everywhere`: only the set of the exchange that has the queue's own name, as Celery makes it. Null: no binding
 * names it.
 */
export async function bindingOf(
  connection: Asking,
  queue: string,
  everywhere: boolean,
  signal: AbortSignal,
): Promise<Binding | null> {
  if (!everywhere) return (await boundQueues(connection, [`${KOMBU_BINDING}${queue}`], signal)).get(queue) ?? null;
  const endsAt = performance.now() + connection.settings.scanBudgetMs;
  try {
    for await (const keys of connection.scan({ match: `${KOMBU_BINDING}*`, type: 'set' }, signal)) {
      const found = (await boundQueues(connection, keys, signal)).get(queue);
      if (found !== undefined) return found;
      if (performance.now() > endsAt) break;
    }
  } catch (error) {
    // That the user may not list the keys is not reported here: the requested queue is another matter.
    if (!isMqError(error) || error.code !== 'PERMISSION_DENIED') throw error;
  }
  return null;
}

/** The priorities that kombu knows. It makes lists for 0, 3, 6 and 9 unless `priority_steps` says otherwise. */
const PRIORITIES = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
/** At most this many tasks that workers hold are read one by one, to find out whose they are. */
const MOST_UNACKED = 200;

/**
 * The tasks of a Celery queue that are not in its list: those of other priorities, which wait in lists of their own,
 * and those that workers hold (including those with a countdown), which are in one hash for all queues.
 */
export async function celeryNotes(
  connection: Connection,
  queue: string,
  signal: AbortSignal,
): Promise<{ readonly ready?: string; readonly inFlight?: string }> {
  const place = { operation: 'read the stats', queue, signal };
  const isOnePriority = priorityOf(queue) !== null;
  const answers = await connection.each(
    [['HLEN', 'unacked'], ...PRIORITIES.map((priority): Call => ['LLEN', `${queue}${SEPARATOR}${priority}`])],
    place,
  );
  const [unacked, ...lengths] = answers.map((answer) => (answer.ok ? asInteger(answer.reply) : 0));
  const others = PRIORITIES.flatMap((priority, index) => {
    const length = lengths[index] ?? 0;
    return length === 0 || isOnePriority ? [] : [{ priority, length }];
  });
  const sum = others.reduce((total, { length }) => total + length, 0);
  const ready =
    sum === 0
      ? {}
      : {
          ready: `${sum} more wait in the lists of other priorities, which are not in this count and which no verb touches under this name: ${others
            .map(
              ({ priority, length }) =>
                `${length} of priority ${priority} in ${JSON.stringify(`${queue}${SEPARATOR}${priority}`)}`,
            )
            .join(', ')}`,
        };
  if (answers[0]?.ok !== true)
    return { ...ready, inFlight: "unknown how many tasks Celery's workers hold: the hash unacked could not be read" };
  if (unacked === undefined || unacked === 0 || isOnePriority) return ready;
  const held = unacked > MOST_UNACKED ? null : await heldOf(connection, queue, signal);
  if (held === 0) return ready;
  const inFlight =
    held === null
      ? `Celery's workers hold ${unacked} tasks of all queues (the hash unacked), those with a countdown included`
      : `Celery's workers hold ${held} of this queue's tasks (the hash unacked), those with a countdown included`;
  return { ...ready, inFlight };
}

/** Null: it cannot be read. A value of the hash is `[message, exchange, routing key]`. */
async function heldOf(connection: Connection, queue: string, signal: AbortSignal): Promise<number | null> {
  const [answer] = await connection.each([['HGETALL', 'unacked']], { operation: 'read the stats', queue, signal });
  if (answer?.ok !== true) return null;
  let count = 0;
  for (const value of asPairs(answer.reply).values()) {
    if (isOf(asTextOrNull(value), queue)) count += 1;
  }
  return count;
}

function isOf(text: string | null, queue: string): boolean {
  try {
    const value: unknown = JSON.parse(text ?? '');
    return Array.isArray(value) && value[2] === queue;
  } catch {
    return false;
  }
}
