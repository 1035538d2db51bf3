import { type Answer, type JsonObject, listOf, type Management, objectAt, textAt } from '../management/client.ts';
import { needsManagement, whyNot } from '../management/needed.ts';
import { Policies, withPolicies } from '../management/policies.ts';
import { LINKS_QUERY, limitSetting, type QueueInfo, queueInfo, textSetting } from '../management/queue-info.ts';
import { type Binding, type Exchange, readBindings } from './bindings.ts';

/** The destination of a queue's dead letters. */
export type Destination =
  | { readonly to: 'queue'; readonly queue: string }
  /** There is no dead-letter exchange, or no binding that would take them: the broker drops them. */
  | { readonly to: 'nowhere'; readonly reason: string }
  /** It depends on each message, or there are several. */
  | { readonly to: 'unclear'; readonly reason: string; readonly queues: readonly string[] };

const UNKNOWN_EXCHANGE: Exchange = { type: undefined, alternate: null };

/** The queues, exchanges and bindings of one vhost at one moment, as far as dead letters need them. */
export class Topology {
  readonly queues: ReadonlyMap<string, QueueInfo>;
  /** False: there may be other queues, and any of them may send its dead letters to these. */
  readonly isWhole: boolean;
  readonly #bindings: ReadonlyMap<string, readonly Binding[]>;
  readonly #exchanges: ReadonlyMap<string, Exchange>;
  readonly #consumers: ReadonlyMap<string, number> | null;
  /** Facts that queues gave themselves, which do not lag. */
  readonly #counted = new Map<string, number>();
  readonly #operators: Policies;
  /**
   * Why exchanges and bindings cannot be read: then only the default exchange is known to lead anywhere. Null: they are
   * here.
   */
  readonly #unread: string | null;
  readonly #destinations = new Map<QueueInfo, Destination>();
  #sources: ReadonlyMap<string, readonly string[]> | null = null;
  #unreadables: readonly QueueInfo[] | null = null;

  constructor(from: {
    readonly queues: readonly QueueInfo[];
    /** At least the bindings of the exchanges that dead letters go to, and of those that these lead to. */
    readonly bindings: readonly Binding[];
    readonly exchanges: ReadonlyMap<string, Exchange>;
    /** Null: they could not be read. */
    readonly consumers: readonly JsonObject[] | null;
    readonly operatorPolicies: readonly JsonObject[];
    readonly unread: string | null;
    readonly isWhole: boolean;
  }) {
    const { queues, bindings, exchanges, consumers, operatorPolicies, unread, isWhole } = from;
    this.isWhole = isWhole;
    this.#unread = unread;
    this.#consumers = consumers === null ? null : countByQueue(consumers);
    this.#operators = new Policies([], operatorPolicies);
    this.queues = new Map(queues.map((queue) => [queue.name, queue]));
    const bySource = new Map<string, Binding[]>();
    for (const binding of bindings) {
      const known = bySource.get(binding.source);
      if (known === undefined) bySource.set(binding.source, [binding]);
      else known.push(binding);
    }
    this.#bindings = bySource;
    this.#exchanges = exchanges;
  }

  /** Null: unknown. */
  consumersOf(queue: string): number | null {
    return this.#counted.get(queue) ?? (this.#consumers === null ? null : (this.#consumers.get(queue) ?? 0));
  }

  learnConsumers(queue: string, count: number): void {
    this.#counted.set(queue, count);
  }

  /** Whether messages leave it after a time, by its argument or a policy. */
  expires(queue: string): boolean {
    const info = this.queues.get(queue);
    if (info === undefined) return false;
    if (limitSetting(info, 'message-ttl') !== null) return true;
    return this.#operators.ofOperators(queue, info.kind).some((definition) => 'message-ttl' in definition);
  }

  deadLettersOf(queue: QueueInfo): Destination {
    const known = this.#destinations.get(queue);
    if (known !== undefined) return known;
    const destination = this.#destinationOf(queue);
    this.#destinations.set(queue, destination);
    return destination;
  }

  #destinationOf(queue: QueueInfo): Destination {
    const exchange = textSetting(queue, 'dead-letter-exchange');
    if (exchange === null && !queue.isPolicyTold) {
      const reason = `the management API does not tell what the policy ${JSON.stringify(queue.policyName)} of the queue says`;
      return { to: 'unclear', reason, queues: [] };
    }
    if (exchange === null)
      return { to: 'nowhere', reason: 'the queue has no dead-letter exchange: its dead letters are dropped' };
    const unread = this.whyUnread(exchange);
    if (unread !== null) return { to: 'unclear', reason: unread, queues: [] };
    const key = textSetting(queue, 'dead-letter-routing-key');
    const exact = this.#reach(exchange, key);
    const only = exact.queues.length === 1 ? exact.queues[0] : undefined;
    const where = exchange === '' ? 'the default exchange' : `exchange ${JSON.stringify(exchange)}`;
    if (only !== undefined) return { to: 'queue', queue: only };
    if (exact.queues.length > 1) {
      return {
        to: 'unclear',
        reason: `${where} leads dead letters to several queues: ${exact.queues.join(', ')}`,
        queues: exact.queues,
      };
    }
    if (exact.perMessage)
      return { to: 'unclear', reason: `${where} routes dead letters by each message's own routing key`, queues: [] };
    if (keepsUndelivered(queue)) {
      const reason = `${where} leads dead letters to no queue, and the broker holds them inside ${JSON.stringify(queue.name)} until it does (dead-letter-strategy at-least-once)`;
      return { to: 'unclear', reason, queues: [] };
    }
    return { to: 'nowhere', reason: `${where} leads dead letters to no queue: they are dropped` };
  }

  /** Why it is unknown where an exchange leads. Null: it is known. */
  whyUnread(exchange: string): string | null {
    if (exchange === '' || this.#unread === null) return null;
    return `it cannot be read where exchange ${JSON.stringify(exchange)} leads: ${this.#unread}`;
  }

  /** The queues whose dead letters go to an unknown place. */
  get unreadables(): readonly QueueInfo[] {
    this.#unreadables ??= [...this.queues.values()].filter((queue) => !this.#isReadable(queue));
    return this.#unreadables;
  }

  #isReadable(queue: QueueInfo): boolean {
    if (!queue.isPolicyTold) return false;
    return this.whyUnread(textSetting(queue, 'dead-letter-exchange') ?? '') === null;
  }

  /** The queues whose dead letters arrive in `name`, as far as that is certain or possible, in order of name. */
  sourcesOf(name: string): readonly string[] {
    // For all at once: each of many queues is asked for its own.
    this.#sources ??= this.#collectSources();
    return this.#sources.get(name) ?? [];
  }

  #collectSources(): ReadonlyMap<string, readonly string[]> {
    const sources = new Map<string, string[]>();
    for (const queue of this.queues.values()) {
      const destination = this.deadLettersOf(queue);
      const targets =
        destination.to === 'queue' ? [destination.queue] : destination.to === 'unclear' ? destination.queues : [];
      for (const target of targets) {
        const known = sources.get(target);
        if (known === undefined) sources.set(target, [queue.name]);
        else known.push(queue.name);
      }
    }
    for (const names of sources.values()) names.sort();
    return sources;
  }

  /**
   * The queues that a message with this key arrives in if it is published there, and those for which its headers would
   * decide.
   */
  queuesOf(exchange: string, key: string): readonly string[] {
    return this.#reach(exchange, key).queues;
  }

  /** `key` null: each message keeps its own routing key. `seen`: the exchanges on the way, which may be a circle. */
  #reach(
    exchange: string,
    key: string | null,
    seen: Set<string> = new Set([exchange]),
  ): { queues: string[]; perMessage: boolean } {
    if (exchange === '') {
      if (key === null) return { queues: [], perMessage: true };
      return { queues: this.queues.has(key) ? [key] : [], perMessage: false };
    }
    const { type, alternate } = this.#exchanges.get(exchange) ?? UNKNOWN_EXCHANGE;
    const bindings = this.#bindings.get(exchange) ?? [];
    const queues = new Set<string>();
    let perMessage = false;
    const follow = (next: string): void => {
      if (seen.has(next)) return;
      seen.add(next);
      const further = this.#reach(next, key, seen);
      for (const queue of further.queues) queues.add(queue);
      perMessage ||= further.perMessage;
    };
    let isTakenForSure = false;
    for (const binding of bindings) {
      const taken = takes(type, binding.key, key);
      if (taken === 'no') continue;
      isTakenForSure ||= taken === 'yes';
      if (binding.toExchange) follow(binding.destination);
      else queues.add(binding.destination);
    }
    // Messages that no binding takes go there.
    if (!isTakenForSure && alternate !== null) follow(alternate);
    return { queues: [...queues].sort(), perMessage };
  }
}

/** It waits there until its destination confirms it, so that a message without a destination is not lost. */
function keepsUndelivered(queue: QueueInfo): boolean {
  return (
    queue.kind === 'quorum' &&
    textSetting(queue, 'dead-letter-strategy') === 'at-least-once' &&
    textSetting(queue, 'overflow') === 'reject-publish'
  );
}

/**
 * `maybe`: it depends on the message (its own key, or its headers). A single binding that may take it is still its only
 * possible destination.
 */
function takes(type: string | undefined, pattern: string, key: string | null): 'yes' | 'no' | 'maybe' {
  if (type === 'fanout') return 'yes';
  if (type === 'topic') {
    if (pattern === '#') return 'yes';
    return key === null ? 'maybe' : topicMatches(pattern.split('.'), key.split('.')) ? 'yes' : 'no';
  }
  if (type === 'direct') return key === null ? 'maybe' : pattern === key ? 'yes' : 'no';
  return 'maybe';
}

/** `*` is one word, `#` any number of words. */
function topicMatches(pattern: readonly string[], words: readonly string[]): boolean {
  let reachable = new Set([0]);
  for (const part of pattern) {
    const next = new Set<number>();
    for (const at of reachable) {
      if (part === '#') for (let end = at; end <= words.length; end++) next.add(end);
      else if (at < words.length && (part === '*' || part === words[at])) next.add(at + 1);
    }
    reachable = next;
  }
  return reachable.has(words.length);
}

/** The exchange's own argument wins over its policy. */
export function toExchange(raw: JsonObject): Exchange {
  return {
    type: textAt(raw, 'type') ?? '',
    alternate:
      textAt(objectAt(raw, 'arguments'), 'alternate-exchange') ??
      textAt(objectAt(raw, 'effective_policy_definition'), 'alternate-exchange'),
  };
}

export interface TopologyOptions {
  /** The topology of the vhost, for a caller that has just read the queues. */
  readonly queues?: readonly QueueInfo[];
  /** Where every exchange leads, not only those that dead letters go to. */
  readonly everyExchange?: boolean;
}

/**
 * Throws `UNAVAILABLE` if the queues cannot be listed: AMQP cannot tell any of this. Without exchanges and bindings,
 * which a user or a proxy may be denied, it knows less.
 */
export async function readTopology(
  management: Management,
  vhost: string,
  signal: AbortSignal,
  { queues: given, everyExchange = false }: TopologyOptions = {},
): Promise<Topology> {
  const place = encodeURIComponent(vhost);
  const [queues, told, consumers, operatorPolicies] = await Promise.all([
    given ?? readQueues(management, place, signal),
    management.getIfTold(`/exchanges/${place}?columns=name,type,arguments,policy&disable_stats=true`, signal),
    // New consumers show in it as late as in the figures of the queues. Consumers that left disappear at once (3.10.8
    // and 4.0.5).
    management.getIfTold(`/consumers/${place}?columns=queue.name`, signal),
    management.getIfAllowed(`/operator-policies/${place}`, signal),
  ]);
  const raw = await withPolicies(management, place, 'exchanges', bodyOf(told), signal);
  const exchanges = new Map(raw.map((one) => [textAt(one, 'name') ?? '', toExchange(one)]));
  const deadLetterExchanges = queues.map((queue) => textSetting(queue, 'dead-letter-exchange') ?? '');
  const bindings =
    told.status === 'ok'
      ? await readBindings(
          { management, place, exchanges, signal },
          everyExchange ? exchanges.keys() : deadLetterExchanges,
        )
      : { unread: whyNot(told) };
  return new Topology({
    queues,
    bindings: 'unread' in bindings ? [] : bindings.read,
    exchanges,
    consumers: consumers.status === 'ok' ? listOf(consumers.body) : null,
    operatorPolicies: bodyOf(operatorPolicies),
    unread: 'unread' in bindings ? bindings.unread : null,
    isWhole: true,
  });
}

async function readQueues(management: Management, place: string, signal: AbortSignal): Promise<readonly QueueInfo[]> {
  const answer = await management.getIfTold(`/queues/${place}?${LINKS_QUERY}`, signal);
  if (answer.status !== 'ok') throw needsManagement('finding dead letters', whyNot(answer));
  const infos = (await withPolicies(management, place, 'queues', bodyOf(answer), signal)).map(queueInfo);
  return infos.filter((info) => info !== null);
}

function countByQueue(consumers: readonly JsonObject[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const consumer of consumers) {
    const name = textAt(objectAt(consumer, 'queue'), 'name');
    if (name !== null) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function bodyOf(answer: Answer): readonly JsonObject[] {
  return answer.status === 'ok' ? listOf(answer.body) : [];
}
