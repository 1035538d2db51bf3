import type { Target } from '../../config/target.ts';
import { ABILITY_NAMES } from '../../contract/abilities.ts';
import type { Broker, Check } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import { formatDuration } from '../../core/duration.ts';
import { queuePattern } from '../../core/name-pattern.ts';
import { probe } from '../session/probe.ts';
import type { Session } from '../session/session.ts';
import { failedBy, ok, warning } from './own-checks.ts';
import { checkTls } from './tls-check.ts';

/** This many queues show that listing works. A large broker need not be read to its end. */
const ENOUGH_QUEUES = 50;

/**
 * The checks of one broker, one after the other, as they are done: secrets, encryption, reachability, listing, and then
 * what the backend itself can tell about rights and the clock. Rights are those on `queue` if they are per queue; null:
 * the context's own queue, else any. The checks only read. A check that fails ends those that depend on it.
 */
export async function* checkBroker(session: Session, target: Target, queue: string | null): AsyncGenerator<Check> {
  const { host, globals, signal } = session;
  if (target.settings !== null) yield* checkGuards(target.settings);
  let url: string;
  try {
    url = await target.connectionUrl(signal);
  } catch (error) {
    yield failedBy('address', error);
    return;
  }
  const tls = await checkTls(url, globals.connectTimeout, host.now());
  if (tls !== null) yield tls;

  const startedAt = performance.now();
  const notices: string[] = [];
  let broker: Broker;
  try {
    broker = await host.openBroker(url, {
      connectTimeoutMs: globals.connectTimeout,
      timeoutMs: globals.timeout,
      notice: (text) => notices.push(text),
      signal,
    });
  } catch (error) {
    yield failedBy('connection', error);
    return;
  }
  try {
    try {
      await probe(session, broker, 'doctor');
    } catch (error) {
      yield failedBy('connection', error);
      return;
    }
    yield ok('connection', `${broker.name} at ${broker.address} in ${formatDuration(performance.now() - startedAt)}`);
    yield* checkListing(session, broker, notices);
    if (broker.checks === undefined) {
      yield {
        name: 'permissions',
        status: 'skipped',
        detail: `this backend cannot tell them without side effects`,
        hint: null,
      };
    } else {
      const checks = broker.checks.bind(broker);
      const asked = queue ?? target.settings?.queue ?? null;
      try {
        yield* session.eachWithin('doctor', (bounded) => checks(bounded, asked));
      } catch (error) {
        yield failedBy('permissions', error);
      }
    }
    for (const text of notices) yield warning('broker', text);
  } finally {
    await broker.close();
  }
}

function* checkGuards(context: NonNullable<Target['settings']>): Generator<Check> {
  const guards = [
    ...(context.isReadonly ? ['readonly'] : []),
    ...(context.isProtected ? ['protected'] : []),
    ...(context.rules.length > 0 ? [`${context.rules.length} rules`] : []),
  ];
  yield ok('context', `${context.file}${guards.length === 0 ? '' : `; ${guards.join(', ')}`}`);
}

async function* checkListing(session: Session, broker: Broker, notices: string[]): AsyncGenerator<Check> {
  const kinds = new Set<string>();
  let count = 0;
  const names: string[] = [];
  try {
    const options = { notice: (text: string) => notices.push(text) };
    for await (const stats of session.eachWithin('doctor', (signal) =>
      broker.queues(queuePattern([]), { ...options, signal }),
    )) {
      kinds.add(stats.kind);
      names.push(stats.queue);
      if (++count >= ENOUGH_QUEUES) break;
    }
  } catch (error) {
    yield failedBy('list queues', error);
    return;
  }
  const many = count >= ENOUGH_QUEUES ? `${count} or more` : `${count}`;
  yield ok(
    'list queues',
    `${many} ${count === 1 ? 'queue' : 'queues'}${kinds.size === 0 ? '' : ` (${[...kinds].sort().join(', ')})`}`,
  );
  for (const name of names) {
    try {
      const queue = await session.within('doctor', (signal) => broker.queue(name, signal));
      const can = ABILITY_NAMES.filter((ability) => queue.capabilities.abilities[ability].supported);
      yield ok('abilities', `${queue.kind}: ${can.join(', ')}`);
      return;
    } catch (error) {
      // The queue was deleted meanwhile. SQS still lists it for up to a minute.
      if (isMqError(error) && error.code === 'QUEUE_NOT_FOUND') continue;
      yield failedBy('open a queue', error);
      return;
    }
  }
}
