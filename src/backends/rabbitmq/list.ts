import type { ListOptions, QueuePattern } from '../../contract/broker.ts';
import { MqError, throwIfAborted } from '../../contract/errors.ts';
import type { QueueStats } from '../../contract/stats.ts';
import type { LiveFigures } from './live-figures.ts';
import { isObject, type JsonObject, listOf, numberAt } from './management.ts';
import { keepsNoDeadLetters, NO_DEAD_LETTERS, sharedNote } from './queue.ts';
import { LIST_COLUMNS, type QueueInfo, queueInfo, RATE_SAMPLES } from './queue-info.ts';
import type { Session } from './session.ts';
import { type DeadFigure, toStats } from './stats.ts';
import { needsManagement, readTopology, type Topology } from './topology.ts';

const PAGE_SIZE = 500;
/** So many new queues are asked one by one; it takes about 2 ms each. */
const MOST_ASKED = 50;

/** All queues of the vhost by the management API, in order of name. Throws `UNAVAILABLE` without it: AMQP cannot list. */
export async function* listQueues(
  session: Session,
  pattern: QueuePattern,
  { signal }: ListOptions,
): AsyncIterable<QueueStats> {
  const infos: QueueInfo[] = [];
  for await (const info of pages(session, signal)) infos.push(info);
  // Also for a queue that only takes the dead letters of others.
  const needsTopology = !infos.every(keepsNoDeadLetters);
  const topology = needsTopology ? await readTopology(session.management, session.address.vhost, signal) : null;
  const byName = new Map(infos.map((info) => [info.name, info]));
  const sources = topology === null ? new Map<string, string[]>() : sourcesByQueue(topology);
  const matching = infos.filter((info) => pattern.matches(info.name));
  const fresh = matching.filter(({ ready }) => ready === null);
  const live = fresh.length <= MOST_ASKED ? await liveFigures(session, fresh, signal) : new Map<string, LiveFigures>();
  const now = Date.now();
  for (const info of matching) {
    throwIfAborted(signal);
    const dead = deadFigure(info, topology, byName, sources);
    const { name, kind } = info;
    const deadLettersFrom = sources.get(name) ?? [];
    yield toStats({ queue: name, kind, info, live: live.get(name) ?? null, dead, deadLettersFrom, reason: null, now });
  }
}

/** The management API has no figures of a queue in its first seconds; a passive declaration has. As far as that works: it is only better than `?`. */
async function liveFigures(
  session: Session,
  queues: readonly QueueInfo[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, LiveFigures>> {
  const live = new Map<string, LiveFigures>();
  for (const { name } of queues) {
    try {
      live.set(name, await session.declared(name, signal));
    } catch (error) {
      throwIfAborted(signal);
      // It was deleted meanwhile. Anything else concerns the others too, and could cost the whole timeout each time.
      if (!(error instanceof MqError) || error.code !== 'QUEUE_NOT_FOUND') break;
    }
  }
  return live;
}

function deadFigure(
  info: QueueInfo,
  topology: Topology | null,
  byName: ReadonlyMap<string, QueueInfo>,
  sources: ReadonlyMap<string, readonly string[]>,
): DeadFigure {
  const known = topology?.queues.get(info.name) ?? info;
  if (topology === null || keepsNoDeadLetters(known)) return NO_DEAD_LETTERS;
  const destination = topology.deadLettersOf(known);
  if (destination.to !== 'queue') return { count: null, note: destination.reason };
  const ready = byName.get(destination.queue)?.ready ?? null;
  return { count: ready, note: sharedNote(destination.queue, sources.get(destination.queue) ?? []) };
}

/** Once for all queues, because asking for each one would be quadratic. */
function sourcesByQueue(topology: Topology): Map<string, string[]> {
  const sources = new Map<string, string[]>();
  for (const queue of topology.queues.values()) {
    const destination = topology.deadLettersOf(queue);
    const targets =
      destination.to === 'queue' ? [destination.queue] : destination.to === 'unclear' ? destination.queues : [];
    for (const target of targets) sources.set(target, [...(sources.get(target) ?? []), queue.name]);
  }
  return sources;
}

async function* pages(session: Session, signal: AbortSignal): AsyncGenerator<QueueInfo, void, undefined> {
  for (let page = 1; ; page++) {
    const path = `/queues/${session.place}?page=${page}&page_size=${PAGE_SIZE}&sort=name&columns=${LIST_COLUMNS}&${RATE_SAMPLES}`;
    const answer = await session.management.get(path, signal);
    if (answer.status === 'unavailable') {
      // With a wrong password, or without a broker, that is the reason to be told, and AMQP knows it better.
      await session.control(signal);
      throw needsManagement('listing queues', answer.reason);
    }
    if (answer.status === 'missing') {
      // There is no such vhost, which AMQP says better; or the API is that of another broker.
      await session.control(signal);
      const { vhost } = session.address;
      throw needsManagement('listing queues', `${session.management.label} knows no vhost ${JSON.stringify(vhost)}`);
    }
    const body: JsonObject = isObject(answer.body) ? answer.body : { items: answer.body };
    if (!Array.isArray(body.items)) throw needsManagement('listing queues', session.management.isAnother);
    for (const raw of listOf(body.items)) {
      const info = queueInfo(raw);
      if (info !== null) yield info;
    }
    if (page >= (numberAt(body, 'page_count') ?? 1)) return;
  }
}
