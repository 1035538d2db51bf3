import type { Check } from '../../contract/broker.ts';
import { isMqError, type MqError } from '../../contract/errors.ts';
import { clockCheck } from '../common/clock.ts';
import { type Answer, isObject, listOf, textAt } from './management/client.ts';
import type { Session } from './session/session.ts';

/**
 * Checks rights and health, only by reading. RabbitMQ can answer "may I?" only through its management API, where only
 * an administrator sees permissions. Without that they are reported as unknown, not guessed.
 */
export async function* brokerChecks(session: Session, signal: AbortSignal): AsyncGenerator<Check, void, undefined> {
  yield await amqpCheck(session, signal);
  const overview = await overviewOf(session, signal);
  if (isMqError(overview)) {
    yield { name: 'management API', status: 'failed', detail: overview.message, hint: overview.hint };
    return;
  }
  if (overview.status !== 'ok' || !isObject(overview.body)) {
    const reason = overview.status === 'unavailable' ? overview.reason : 'it does not know /overview';
    yield {
      name: 'management API',
      status: 'warning',
      detail: `${reason}: lists, rates and ages of queues are missing`,
      hint: 'enable the plugin rabbitmq_management, and give the user the tag "management"',
    };
    yield clock(session);
    return;
  }
  const version = textAt(overview.body, 'rabbitmq_version') ?? 'unknown';
  yield ok('management API', `RabbitMQ ${version} at ${session.management.label}`);
  yield clock(session);
  yield* permissionChecks(session, signal);
  yield* alarmChecks(session, signal);
}

/** The error of an API that belongs to another broker than the one AMQP leads to. */
async function overviewOf({ management }: Session, signal: AbortSignal): Promise<Answer | MqError> {
  try {
    return await management.get('/overview', signal);
  } catch (error) {
    if (isMqError(error) && error.code === 'CONFIG_INVALID') return error;
    throw error;
  }
}

/** AMQP itself tells no time. An answer of the management API does, even one that refuses the user. */
function clock({ management }: Session): Check {
  return clockCheck(management.serverClock, 'AMQP tells no time, and the management API gave no answer with a date');
}

async function amqpCheck(session: Session, signal: AbortSignal): Promise<Check> {
  try {
    await session.ask(signal, async () => undefined);
    return ok('AMQP', `logged in to virtual host ${session.address.vhost}`);
  } catch (error) {
    if (!isMqError(error) || error.code === 'ABORTED') throw error;
    return { name: 'AMQP', status: 'failed', detail: error.message, hint: error.hint };
  }
}

/** The verbs that two of the three permissions are for. Both are checked on the name of the queue. */
const RIGHTS = [
  ['read', 'may take', 'peek, drain, purge, and the source of redrive, move and copy'],
  ['configure', 'may create and delete', 'create and delete'],
] as const;
/** The name of the default exchange, which reaches every queue, when rights are checked. */
const DEFAULT_EXCHANGE = 'amq.default';

async function* permissionChecks(session: Session, signal: AbortSignal): AsyncGenerator<Check, void, undefined> {
  const { user, vhost } = session.address;
  const answer = await session.management.get(`/users/${encodeURIComponent(user)}/permissions`, signal);
  if (answer.status !== 'ok') {
    yield { name: 'permissions', status: 'skipped', detail: 'only an administrator may read them', hint: null };
    return;
  }
  const own = listOf(answer.body).find((entry) => entry.vhost === vhost);
  yield sendingCheck(own === undefined ? '' : (textAt(own, 'write') ?? ''));
  for (const [right, name, verbs] of RIGHTS) {
    const pattern = own === undefined ? '' : (textAt(own, right) ?? '');
    if (pattern === '.*') yield ok(name, `every queue (${verbs})`);
    else if (pattern === '' || pattern === '^$')
      yield { name, status: 'warning', detail: `no queue (${verbs})`, hint: null };
    else yield ok(name, `queues that match ${pattern} (${verbs})`);
  }
}

/** Sending is a right on an exchange, never on a queue. */
function sendingCheck(pattern: string): Check {
  const name = 'may send';
  const verbs = 'enqueue, and the target of redrive, move and copy';
  if (pattern === '' || pattern === '^$')
    return { name, status: 'warning', detail: `to no exchange, and so to no queue (${verbs})`, hint: null };
  if (pattern === '.*') return ok(name, `to every exchange, and so to every queue (${verbs})`);
  switch (matchesDefault(pattern)) {
    case true:
      return ok(name, `to every queue, by the default exchange, and to the exchanges that match ${pattern} (${verbs})`);
    case false:
      return {
        name,
        status: 'warning',
        detail: `to no queue itself: write is a right on exchanges, and ${pattern} is not the default one (${verbs} are refused)`,
        hint: `let the pattern match ${DEFAULT_EXCHANGE} too, or send with enqueue --exchange to one that it matches`,
      };
    case null:
      return {
        name,
        status: 'skipped',
        detail: `only the broker knows whether ${pattern} matches ${DEFAULT_EXCHANGE} (${verbs})`,
        hint: null,
      };
  }
}

/** Null: the broker's expressions differ from ours, and this one may have another meaning there. */
function matchesDefault(pattern: string): boolean | null {
  if (!/^[\w.\-^$|()*+\\]{1,200}$/.test(pattern) || /\\[^.-]|\)[*+]|[*+]\+/.test(pattern)) return null;
  try {
    return new RegExp(pattern).test(DEFAULT_EXCHANGE);
  } catch {
    return null;
  }
}

async function* alarmChecks(session: Session, signal: AbortSignal): AsyncGenerator<Check, void, undefined> {
  const answer = await session.management.get('/nodes', signal);
  if (answer.status !== 'ok') {
    yield { name: 'alarms', status: 'skipped', detail: 'the user may not read the nodes', hint: null };
    return;
  }
  const nodes = listOf(answer.body);
  const alarmed = nodes.filter((node) => node.mem_alarm === true || node.disk_free_alarm === true);
  const stopped = nodes.filter((node) => node.running === false);
  if (alarmed.length > 0) {
    const names = alarmed.map((node) => textAt(node, 'name') ?? '?').join(', ');
    yield {
      name: 'alarms',
      status: 'warning',
      detail: `low on memory or disk, so that sending waits: ${names}`,
      hint: null,
    };
  } else if (stopped.length > 0) {
    yield {
      name: 'alarms',
      status: 'warning',
      detail: `not running: ${stopped.map((node) => textAt(node, 'name') ?? '?').join(', ')}`,
      hint: null,
    };
  } else {
    yield ok('alarms', `none on ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}`);
  }
}

function ok(name: string, detail: string): Check {
  return { name, status: 'ok', detail, hint: null };
}
