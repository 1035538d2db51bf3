import { parseObject } from '../../../common/conventions/json-text.ts';
import type { Asking } from '../../connection/asked-together.ts';
import type { Call, Connection } from '../../connection/connection.ts';
import { asList, asListOrNone, asText, asTextOrNull } from '../../connection/reply.ts';
import { type Framework, TITLES } from '../../framework.ts';
import type { RedisSettings } from '../../url.ts';
import { dramatiqNeighbours } from './dramatiq-keys.ts';
import { bindingOf, KOMBU_BINDING, ownBindingCall, priorityOf } from './kombu.ts';
import { isLaravelQueue } from './laravel.ts';

export interface ListConvention {
  /** It is on a register of its framework, so it exists while it is empty. */
  readonly registered: boolean;
  /** Who made the list, as far as its name and its neighbours tell. */
  readonly framework: Framework | null;
  /** The end from which consumers take. Producers push at the other one. */
  readonly next: 'left' | 'right';
  /** Told in stats: why this end. */
  readonly because: string;
}

const RQ_QUEUE = 'rq:queue:';
const SIDEKIQ_QUEUE = 'queue:';

/**
 * Celery (kombu) and Sidekiq push left and pop right. RQ, Laravel and Dramatiq push right and pop left. For any other
 * list the right end is assumed, which is the more usual convention, unless `?next=` says otherwise: a wrong guess
 * peeks the youngest message.
 *
 * It only reads the registries that the frameworks keep: `queues`, `rq:queues`, `_kombu.binding.*`. A registry that may
 * not be read tells nothing. `thorough`: looks through all bindings of kombu, for a queue without a list that is bound
 * to an exchange of another name.
 */
export async function recogniseList(
  connection: Asking,
  key: string,
  signal: AbortSignal,
  thorough = false,
): Promise<ListConvention> {
  const { settings } = connection;
  const calls = signCalls(key);
  // One by one in a cluster: EXISTS of several keys may touch several slots. Then it is refused and tells nothing.
  const answers = await connection.each(calls, { operation: 'recognise the list', queue: key, signal });
  const [rq, sidekiq, head, laravel, messages, dead] = answers.map((answer) => (answer.ok ? answer.reply : null));
  if (key.startsWith(RQ_QUEUE)) return conventionOf('rq', settings, rq === 1);
  if (key.startsWith(SIDEKIQ_QUEUE) && (sidekiq === 1 || settings.as === 'sidekiq')) {
    return conventionOf('sidekiq', settings, sidekiq === 1);
  }
  if (isLaravelQueue(key) && typeof laravel === 'number' && laravel > 0) return conventionOf('laravel', settings, true);
  if (asTextOrNull(messages) === 'hash' || asTextOrNull(dead) === 'zset')
    return conventionOf('dramatiq', settings, true);
  const queue = priorityOf(key)?.queue ?? key;
  const own = await bindingOf(connection, queue, false, signal);
  if (own === 'celery') return conventionOf('celery', settings, queue === key);
  const looksLike = frameworkOfElement(asTextOrNull(asListOrNone(head)[0]));
  if (looksLike === 'laravel' && !isLaravelQueue(key)) return conventionOf(null, settings, false);
  if (looksLike === null && thorough && (await bindingOf(connection, queue, true, signal)) === 'celery') {
    return conventionOf('celery', settings, queue === key);
  }
  return conventionOf(looksLike, settings, own !== null && queue === key);
}

/** All that `recogniseList` asks, if it is not thorough. */
export function listCalls(key: string): readonly Call[] {
  return [...signCalls(key), ownBindingCall(key)];
}

function signCalls(key: string): readonly Call[] {
  return [
    ['SISMEMBER', 'rq:queues', key],
    ['SISMEMBER', 'queues', key.slice(SIDEKIQ_QUEUE.length)],
    ['LRANGE', key, -1, -1],
    ['EXISTS', `${key}:notify`, `${key}:delayed`, `${key}:reserved`],
    ...dramatiqNeighbours(key).map((neighbour): Call => ['TYPE', neighbour]),
  ];
}

/**
 * The further steps of the frameworks' own tools when they delete a queue: without them the queue would still be
 * listed, empty.
 */
export async function takeOffRegister(connection: Connection, key: string): Promise<void> {
  await connection.each(
    [
      ['SREM', 'rq:queues', key],
      ...(key.startsWith(SIDEKIQ_QUEUE) ? [['SREM', 'queues', key.slice(SIDEKIQ_QUEUE.length)] as const] : []),
      ['DEL', `${KOMBU_BINDING}${key}`],
    ],
    { operation: 'take the queue off the register', queue: key },
  );
}

/** The queues that RQ and Sidekiq have on their registers, including empty ones, by key. */
export async function recogniseRegistered(
  connection: Connection,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Framework>> {
  const answers = await connection.each(
    [
      ['SMEMBERS', 'rq:queues'],
      ['SMEMBERS', 'queues'],
    ],
    { operation: 'read the registers of queues', signal },
  );
  // A key of that name may be something else: then it is not a register.
  const [rq, sidekiq] = answers.map((answer) => (answer.ok ? asList(answer.reply).map(asText) : []));
  const sidekiqKeys = (sidekiq ?? []).map((name): [string, Framework] => [`${SIDEKIQ_QUEUE}${name}`, 'sidekiq']);
  const rqKeys = (rq ?? []).filter((key) => key.startsWith(RQ_QUEUE)).map((key): [string, Framework] => [key, 'rq']);
  return new Map([...rqKeys, ...sidekiqKeys]);
}

export function conventionOf(
  framework: Framework | null,
  settings: RedisSettings,
  registered: boolean,
): ListConvention {
  if (settings.next !== null) {
    return { framework, registered, next: settings.next, because: `consumers take from the ${settings.next} (?next=)` };
  }
  if (framework === null) {
    const because = 'consumers are taken to read from the right; ?next=left if they read from the left';
    return { framework, registered, next: 'right', because };
  }
  const next = framework === 'rq' || framework === 'laravel' || framework === 'dramatiq' ? 'left' : 'right';
  return { framework, registered, next, because: `${TITLES[framework]} queue: workers take from the ${next}` };
}

function frameworkOfElement(text: string | null): Framework | null {
  if (text === null || !text.startsWith('{') || text.length > LARGEST_ELEMENT_TO_PARSE) return null;
  const value = parseObject(text);
  if (value === null) return null;
  if (typeof value.jid === 'string' && typeof value.class === 'string') return 'sidekiq';
  const properties = value.properties;
  if (typeof properties === 'object' && properties !== null && 'delivery_tag' in properties) return 'celery';
  if (typeof value.job === 'string' && 'data' in value) return 'laravel';
  return null;
}

const LARGEST_ELEMENT_TO_PARSE = 1024 * 1024;

/** The short name of an RQ or Sidekiq queue, as its own tools call it. */
export function shortName(key: string, framework: Framework): string {
  if (framework === 'rq') return key.startsWith(RQ_QUEUE) ? key.slice(RQ_QUEUE.length) : key;
  return framework === 'sidekiq' && key.startsWith(SIDEKIQ_QUEUE) ? key.slice(SIDEKIQ_QUEUE.length) : key;
}
