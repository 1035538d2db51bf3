import { isMqError } from '../../../contract/errors.ts';
import type { Message } from '../../../contract/message.ts';
import type { LiveFigures } from '../figures/live.ts';
import { type QueueInfo, textSetting } from '../management/queue-info.ts';
import { askEach } from '../session/ask-each.ts';
import type { Session } from '../session/session.ts';
import { readNearby } from './nearby.ts';
import { type Destination, readTopology, type Topology, type TopologyOptions } from './topology.ts';

/** The meaning of a dead-letter link from one queue to another. */
export interface DeadLink {
  readonly queue: string;
  /** Null: the other is a dead-letter queue, and its messages can be counted as dead. Otherwise the reason why not. */
  readonly uncounted: string | null;
  /**
   * A message that only expired in the first and is in the other is dead. False: that may be its way to where it is
   * worked on.
   */
  readonly expiredIsDead: boolean;
  /** The other may be named for the dead letters of the first, including those that do not say where they come from. */
  readonly isSource: boolean;
}

type Meaning =
  | { readonly to: 'queue'; readonly link: DeadLink }
  /** It has an exit for dead letters, and uses it as its way on. */
  | { readonly to: 'onward'; readonly why: string }
  | Exclude<Destination, { readonly to: 'queue' }>;

/**
 * Reads the dead-letter links of a vhost as an operator would. A queue that leads back, or that is worked on itself,
 * holds more than dead letters, and a queue that only lets messages expire has none. Otherwise delays and retries by
 * time to live would look like dead letters, and live work would be taken for them.
 *
 * Consumers are the only sign of work that the broker shows. If there are none just now, no harmful conclusion is drawn
 * from that: a message that says that a consumer failed it is dead, and one that only expired is left alone.
 */
export class DeadLinks {
  readonly topology: Topology;
  readonly #meanings = new Map<string, Meaning>();
  #bySource: ReadonlyMap<string, readonly string[]> | null = null;
  #ways: ReadonlyMap<string, ReadonlySet<string>> | null = null;

  constructor(topology: Topology) {
    this.topology = topology;
  }

  of(queue: string): Meaning {
    const known = this.#meanings.get(queue);
    if (known !== undefined) return known;
    const meaning = this.#meaningOf(queue);
    this.#meanings.set(queue, meaning);
    return meaning;
  }

  /** The queues whose consumers decide what the links of this one mean. */
  decisiveFor(queue: string): readonly string[] {
    const names = new Set<string>();
    const add = (from: string, to: string): void => {
      names.add(to);
      if (this.#expires(from) || this.#destination(to)?.to !== 'nowhere') names.add(from);
    };
    const destination = this.#destination(queue);
    const holder = destination?.to === 'queue' ? destination.queue : null;
    if (holder !== null) add(queue, holder);
    for (const to of holder === null ? [queue] : [queue, holder])
      for (const from of this.topology.sourcesOf(to)) add(from, to);
    return [...names].slice(0, MOST_ASKED);
  }

  /** Conclusions that were drawn without knowing these are forgotten. */
  learnConsumers(live: ReadonlyMap<string, LiveFigures | null>): void {
    for (const [queue, figures] of live)
      if (figures !== null && figures.consumers !== null) this.topology.learnConsumers(queue, figures.consumers);
    this.#meanings.clear();
    this.#bySource = null;
    this.#ways = null;
  }

  /**
   * The queues whose dead letters are in this one. Null: for some, it was not or could not be read where their dead
   * letters go, or whether it is worked on.
   */
  sourcesOf(queue: string): readonly string[] | null {
    if (!this.topology.isWhole) return null;
    if (this.topology.unreadables.length > 0) return null;
    if (this.topology.consumersOf(queue) === null && this.topology.sourcesOf(queue).length > 0) return null;
    this.#bySource ??= this.#collect((link) => link.isSource);
    const certain = this.#bySource.get(queue) ?? [];
    const possible = this.topology.sourcesOf(queue).filter((source) => this.of(source).to === 'unclear');
    return [...certain, ...possible].sort();
  }

  /** Why `sourcesOf` knows none. */
  whyNoSources(): string {
    const why = this.whyUnreadBindings();
    if (why !== null) return why;
    return this.topology.unreadables.length === 0
      ? 'whether it has consumers is not known'
      : 'the management API does not tell yet what the policies of some queues say';
  }

  /** Why it is unknown where some queues send their dead letters, because of the exchange that they name. */
  whyUnreadBindings(): string | null {
    for (const info of this.topology.unreadables) {
      const why = this.topology.whyUnread(textSetting(info, 'dead-letter-exchange') ?? '');
      if (why !== null) return why;
    }
    return null;
  }

  /** The queues for which this one is where expired messages go next, so that an expiry there is not a death. */
  waysInto(queue: string): ReadonlySet<string> {
    if (this.#ways === null) {
      const ways = new Map<string, Set<string>>();
      for (const name of this.topology.queues.keys()) {
        const destination = this.#destination(name);
        if (destination?.to !== 'queue') continue;
        const meaning = this.of(name);
        if (meaning.to === 'queue' && meaning.link.expiredIsDead) continue;
        ways.set(destination.queue, (ways.get(destination.queue) ?? new Set()).add(name));
      }
      this.#ways = ways;
    }
    return this.#ways.get(queue) ?? new Set();
  }

  #collect(accepts: (link: DeadLink) => boolean): ReadonlyMap<string, readonly string[]> {
    const found = new Map<string, string[]>();
    for (const name of this.topology.queues.keys()) {
      const meaning = this.of(name);
      if (meaning.to !== 'queue' || !accepts(meaning.link)) continue;
      const known = found.get(meaning.link.queue);
      if (known === undefined) found.set(meaning.link.queue, [name]);
      else known.push(name);
    }
    return found;
  }

  #meaningOf(queue: string): Meaning {
    const destination = this.#destination(queue);
    if (destination === null) return { to: 'nowhere', reason: 'the management API does not know the queue' };
    if (destination.to !== 'queue') return destination;
    const other = destination.queue;
    const [expires, isConsumed] = [this.#expires(queue), this.#isConsumed(queue)];
    const otherConsumers = this.topology.consumersOf(other);
    const holds = (uncounted: string | null, expiredIsDead: boolean, isSource: boolean): Meaning => ({
      to: 'queue',
      link: { queue: other, uncounted, expiredIsDead, isSource },
    });
    if (this.#leadsTo(other, queue)) {
      if (expires) return { to: 'onward', why: `${queue} only expires into ${other}, which leads back to it` };
      return holds(`${other} leads back to ${queue}: what is in it waits there`, false, false);
    }
    if (expires && !isConsumed) {
      const why = `${queue} has no consumers, and its messages expire into ${other}: only the messages there say which of them are dead`;
      return holds(why, false, false);
    }
    if (otherConsumers === null)
      return holds(
        `it is not known whether ${other} is consumed itself, and so whether everything in it is dead`,
        false,
        false,
      );
    if (otherConsumers > 0)
      return holds(`${other} is consumed itself: not everything in it is dead`, isConsumed, false);
    if (this.#destination(other)?.to !== 'nowhere' && !isConsumed) {
      return holds(`${other} has dead letters of its own: its messages need not all be dead`, false, true);
    }
    return holds(null, true, true);
  }

  #destination(queue: string): Destination | null {
    const info = this.topology.queues.get(queue);
    return info === undefined ? null : this.topology.deadLettersOf(info);
  }

  #expires(queue: string): boolean {
    return this.topology.expires(queue);
  }

  /** For the queue that may have lost them, unknown counts as no, so that less is concluded. */
  #isConsumed(queue: string): boolean {
    return (this.topology.consumersOf(queue) ?? 0) > 0;
  }

  /** Whether dead letters of one may end in the other, on whatever way. */
  #leadsTo(from: string, to: string): boolean {
    const seen = new Set<string>();
    const waiting = [from];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      if (name === to) return true;
      if (seen.has(name)) continue;
      seen.add(name);
      const destination = this.#destination(name);
      if (destination?.to === 'queue') waiting.push(destination.queue);
      if (destination?.to === 'unclear') waiting.push(...destination.queues);
    }
    return false;
  }
}

/** For a dead-letter queue that very many share: some of them. */
const MOST_ASKED = 50;

const LAST = new WeakMap<Session, DeadLinks>();

/** The current topology. A text is the reason why it cannot be read. */
export async function topologyIfTold(
  session: Session,
  signal: AbortSignal,
  options: TopologyOptions,
): Promise<Topology | string> {
  try {
    return await readTopology(session.management, session.address.vhost, signal, options);
  } catch (error) {
    if (isMqError(error) && error.code === 'UNAVAILABLE') return error.message;
    throw error;
  }
}

/**
 * The current links. A text is the reason why they cannot be read. The queues that decide about `about` are asked for
 * their consumers.
 */
export async function linksIfTold(
  session: Session,
  about: string | null,
  signal: AbortSignal,
  options: TopologyOptions = {},
): Promise<DeadLinks | string> {
  const topology = await topologyIfTold(session, signal, options);
  return typeof topology === 'string' ? topology : withConsumers(session, topology, about, signal);
}

async function withConsumers(
  session: Session,
  topology: Topology,
  about: string | null,
  signal: AbortSignal,
): Promise<DeadLinks | string> {
  const links = new DeadLinks(topology);
  LAST.set(session, links);
  try {
    if (about !== null) links.learnConsumers(await askEach(session, links.decisiveFor(about), { signal }));
  } catch (error) {
    if (isMqError(error) && error.code === 'UNAVAILABLE') return error.message;
    throw error;
  }
  return links;
}

/**
 * The links on the way of this queue's dead letters, asked for by name: `sourcesOf` knows none. If that way is long,
 * those of the whole vhost. A text is the reason why they cannot be read.
 */
export async function linksOnward(session: Session, own: QueueInfo, signal: AbortSignal): Promise<DeadLinks | string> {
  const topology = await readNearby(session, own, signal);
  if (topology === null) return linksIfTold(session, own.name, signal);
  return typeof topology === 'string' ? topology : withConsumers(session, topology, own.name, signal);
}

/**
 * The links that were read last: a caller that asks for dead letters has read them before it looks at any. Null: they
 * were not read.
 */
export function lastLinks(session: Session): DeadLinks | null {
  return LAST.get(session) ?? null;
}

/** A message that came from one of these `ways` by expiring there is not dead: it was meant to come here. */
export function unlessOnItsWay(message: Message, ways: ReadonlySet<string>): Message {
  const { dead } = message;
  return dead !== null && dead.reason === 'expired' && dead.from !== null && ways.has(dead.from)
    ? { ...message, dead: null }
    : message;
}
