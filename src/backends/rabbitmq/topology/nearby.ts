import { isDots, type JsonObject, listOf, type Management } from '../management/client.ts';
import { whyNot } from '../management/needed.ts';
import { withPolicies } from '../management/policies.ts';
import { type QueueInfo, textSetting } from '../management/queue-info.ts';
import type { Session } from '../session/session.ts';
import { type Binding, type Exchange, toBinding } from './bindings.ts';
import { Topology, toExchange } from './topology.ts';

/** Where dead letters go is rarely a long way. One that leads to more things than these is read with all the others. */
const MOST_ASKED = 20;

/**
 * The topology as far as the dead letters of one queue may go. Each queue and exchange is asked for by its name, so it
 * costs the same however many there are beside. Which other queues send their dead letters to one of these is not known
 * then (`Topology.isWhole`).
 *
 * `null`: they go too far, or to a name that no path leads to. A text: why it cannot be read.
 */
export async function readNearby(
  session: Session,
  own: QueueInfo,
  signal: AbortSignal,
): Promise<Topology | string | null> {
  const { management, place } = session;
  const operatorPolicies = management.getIfAllowed(`/operator-policies/${place}`, signal);
  const queues = new Map<string, QueueInfo | null>([[own.name, own]]);
  const exchanges: Exchanges = { management, place, signal, asked: new Set(['']), known: new Map(), bindings: [] };
  let unread: string | null = null;
  for (;;) {
    const found = [...queues.values()].filter((info) => info !== null);
    const wanted = found.map((info) => textSetting(info, 'dead-letter-exchange') ?? '');
    if (unread === null) {
      const told = await follow(exchanges, wanted);
      if (told === null) return null;
      unread = told.unread;
    }
    const policies = await operatorPolicies;
    const topology = new Topology({
      ...{ queues: found, bindings: unread === null ? exchanges.bindings : [], exchanges: exchanges.known, unread },
      consumers: null,
      operatorPolicies: policies.status === 'ok' ? listOf(policies.body) : [],
      isWhole: false,
    });
    for (const { name, consumers } of found) if (consumers !== null) topology.learnConsumers(name, consumers);
    const next = found.flatMap((info) => targetsOf(topology, info)).filter((name) => !queues.has(name));
    if (next.length === 0) return topology;
    if (queues.size + next.length > MOST_ASKED) return null;
    for (const [name, looked] of await Promise.all(
      [...new Set(next)].map(async (name) => [name, await session.lookUp(name, signal)] as const),
    )) {
      if (looked.status === 'unavailable') return looked.reason;
      queues.set(name, looked.status === 'found' ? looked.info : null);
    }
  }
}

/** The queues that its dead letters may go to. The default exchange leads to one that may not have been asked for. */
function targetsOf(topology: Topology, info: QueueInfo): readonly string[] {
  if (textSetting(info, 'dead-letter-exchange') === '') {
    const key = textSetting(info, 'dead-letter-routing-key');
    return key === null ? [] : [key];
  }
  const destination = topology.deadLettersOf(info);
  if (destination.to === 'queue') return [destination.queue];
  return destination.to === 'unclear' ? destination.queues : [];
}

interface Exchanges {
  readonly management: Management;
  /** The vhost, percent-encoded. */
  readonly place: string;
  readonly signal: AbortSignal;
  readonly asked: Set<string>;
  readonly known: Map<string, Exchange>;
  readonly bindings: Binding[];
}

interface Followed {
  /** Why one cannot be read; null: all are read. */
  readonly unread: string | null;
}

/** Asks for these exchanges and those that they lead to. Null: too many, or a name that no path leads to. */
async function follow(exchanges: Exchanges, names: readonly string[]): Promise<Followed | null> {
  const { management, place, signal, asked, known, bindings } = exchanges;
  let next = new Set(names.filter((name) => !asked.has(name)));
  while (next.size > 0) {
    if (asked.size + next.size > MOST_ASKED || [...next].some(isDots)) return null;
    for (const name of next) asked.add(name);
    const further: string[] = [];
    for (const [name, exchange, from] of await Promise.all(
      [...next].map(async (name) => {
        const path = `/exchanges/${place}/${encodeURIComponent(name)}`;
        return [
          name,
          ...(await Promise.all([
            management.getIfTold(`${path}?columns=name,type,arguments,policy&disable_stats=true`, signal),
            management.getIfTold(`${path}/bindings/source`, signal),
          ])),
        ] as const;
      }),
    )) {
      // Messages to an exchange that is not there are dropped.
      if (exchange.status === 'missing') continue;
      if (exchange.status !== 'ok') return { unread: whyNot(exchange) };
      if (from.status !== 'ok') return { unread: whyNot(from) };
      const [raw] = await withPolicies(management, place, 'exchanges', [exchange.body as JsonObject], signal);
      const read = toExchange(raw ?? {});
      known.set(name, read);
      const found = listOf(from.body).map(toBinding);
      bindings.push(...found);
      further.push(...found.filter(({ toExchange: isOne }) => isOne).map(({ destination }) => destination));
      if (read.alternate !== null) further.push(read.alternate);
    }
    next = new Set(further.filter((name) => !asked.has(name)));
  }
  return { unread: null };
}
