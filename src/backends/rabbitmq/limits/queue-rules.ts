import type { ErrorCode } from '../../../contract/errors.ts';
import type { Version } from '../connection/link.ts';
import { atLeast } from '../connection/link.ts';
import { type JsonObject, numberAt, textAt } from '../management/client.ts';
import { type Definition, Policies } from '../management/policies.ts';
import type { QueueInfo, RabbitKind } from '../management/queue-info.ts';
import type { Lookup, Session } from '../session/session.ts';
import { type Probe, probeQueue } from '../topology/probe.ts';

/** A limit of a queue. Unknown is not none: an unreadable limit is reported, and code that depends on it refuses. */
export type Limit =
  | { readonly known: true; readonly most: number | null }
  | { readonly known: false; readonly why: string };

/** What was asked already. */
export interface Known {
  readonly looked: Lookup;
  /** Absent: was not asked. */
  readonly probed?: Probe | null;
}

/**
 * The rules for one queue at this moment, by its own arguments, its policy and the operator's. They decide whether an
 * act loses messages. They are read again for each act, because a policy may be a second old.
 */
export class QueueRules {
  readonly kind: RabbitKind;
  /** Null: unknown. */
  readonly durable: boolean | null;
  readonly autoDelete: boolean | null;
  readonly singleActiveConsumer: boolean | null;
  readonly #arguments: JsonObject | null;
  /** One of each applies. */
  readonly #policies: readonly [readonly Definition[], readonly Definition[]] | null;
  /** The facts that the management API gave some seconds ago. */
  readonly #told: QueueInfo | null;
  readonly #why: string;
  /** The error code if an act is refused because one of these facts is unknown. */
  readonly refusal: ErrorCode;

  private constructor(from: {
    readonly kind: RabbitKind;
    readonly made: (Pick<QueueRules, 'durable' | 'autoDelete'> & { readonly arguments: JsonObject }) | null;
    readonly told: QueueInfo | null;
    readonly policies: Policies | null;
    readonly queue: string;
    readonly why: string;
    readonly refusal: ErrorCode;
  }) {
    const { kind, made, told, policies, queue, why, refusal } = from;
    this.kind = kind;
    this.durable = made?.durable ?? null;
    this.autoDelete = made?.autoDelete ?? null;
    this.singleActiveConsumer = made === null ? null : made.arguments['x-single-active-consumer'] === true;
    this.#arguments = made?.arguments ?? null;
    this.#policies = policies === null ? null : [policies.ofUsers(queue, kind), policies.ofOperators(queue, kind)];
    this.#told = told;
    this.#why = why;
    this.refusal = refusal;
  }

  /** `known`: the answer of the management API, for a caller that has it. */
  static async read(
    session: Session,
    { queue, kind, known = null }: { readonly queue: string; readonly kind: RabbitKind; readonly known?: Known | null },
    signal: AbortSignal,
  ): Promise<QueueRules> {
    const [looked, policies] = await Promise.all([
      known?.looked ?? session.lookUp(queue, signal),
      Policies.read(session.management, session.place, signal),
    ]);
    if (looked.status === 'found') {
      const isRead = typeof policies !== 'string';
      const { info } = looked;
      return new QueueRules({
        ...{ kind, queue, made: info, told: info, policies: isRead ? policies : null },
        why: isRead ? '' : `the policies cannot be read: ${policies}`,
        refusal: session.management.refusal,
      });
    }
    const made = known?.probed === undefined ? await probeQueue(session, queue, signal) : known.probed;
    const why = looked.status === 'unavailable' ? looked.reason : 'the management API does not know the queue';
    const { refusal } = session.management;
    return new QueueRules({ kind, queue, made, told: null, policies: null, why, refusal });
  }

  /** The arguments and both policies apply together: the lowest counts. */
  limit(name: 'max-length' | 'max-length-bytes' | 'message-ttl'): Limit {
    if (this.#arguments === null || this.#policies === null) return { known: false, why: this.#why };
    return { known: true, most: this.#lowest(name) };
  }

  /** The average over all messages in the queue, in bytes; null: unknown. */
  get averageBytes(): number | null {
    return this.#told?.averageBytes ?? null;
  }

  /** What happens to messages that do not fit, and when: the same text as long as that does not change. */
  get limits(): string {
    return JSON.stringify([this.overflow, this.limit('max-length'), this.limit('max-length-bytes')]);
  }

  /**
   * How often a message of a quorum queue may be given back: by argument or policy, else the default of the version
   * (none before 4.0, 20 from then on). AMQP does not tell the argument.
   */
  deliveryLimit(version: Version): Limit {
    if (this.#arguments !== null && this.kind !== 'quorum') return { known: true, most: null };
    if (this.#told === null || this.#policies === null) return { known: false, why: this.#why };
    const set = lowest([this.#lowest('delivery-limit'), this.#told.deliveryLimit]);
    if (set !== null) return { known: true, most: set < 0 ? null : set };
    return { known: true, most: atLeast(version, 4, 0) ? 20 : null };
  }

  /** The highest priority that a classic queue distinguishes; null: none, undefined: unknown. */
  get maxPriority(): number | null | undefined {
    return this.#arguments === null ? undefined : numberAt(this.#arguments, 'x-max-priority');
  }

  /**
   * Why it does not sort by priority; null: it does, or that is unknown. Quorum queues do so from 4.0 on:
   * https://www.rabbitmq.com/docs/quorum-queues#priorities
   */
  whyUnsorted(version: Version): string | null {
    if (this.kind === 'quorum')
      return atLeast(version, 4, 0) ? null : 'is a quorum queue, which has no priorities before RabbitMQ 4.0';
    return this.kind === 'classic' && this.maxPriority === null ? 'was made without x-max-priority' : null;
  }

  /**
   * What happens to messages that do not fit. The queue's own argument wins. If two policies may apply, the worse one
   * counts.
   */
  get overflow(): 'drop-head' | 'reject-publish' | 'reject-publish-dlx' | null {
    const own = this.#arguments === null ? null : textAt(this.#arguments, 'x-overflow');
    if (own !== null) return overflowOf(own);
    if (this.#policies === null || this.#arguments === null) return null;
    const [users] = this.#policies;
    const [first, ...others] = users.map((definition) => overflowOf(textAt(definition, 'overflow')));
    return first !== undefined && others.every((other) => other === first) ? first : 'drop-head';
  }

  #lowest(name: string): number | null {
    const told = this.#told === null ? null : numberAt(this.#told.policy, name);
    const own = this.#arguments === null ? null : numberAt(this.#arguments, `x-${name}`);
    return lowest([own, told, ...(this.#policies ?? []).flat().map((definition) => numberAt(definition, name))]);
  }

  /**
   * The bytes of this many ready messages. Null: the management API, which is some seconds late, has not counted that
   * many yet.
   */
  bytesOf(ready: number): number | null {
    if (ready === 0) return 0;
    if (this.#told?.ready == null || this.#told.ready < ready) return null;
    return this.#told.readyBytes;
  }
}

/**
 * How many deliveries the messages have, if that is known and a look uses one. From 4.3 on, giving back does not count.
 */
export function limitOfLooks(rules: QueueRules, version: Version): number | null {
  if (atLeast(version, 4, 3)) return null;
  const limit = rules.deliveryLimit(version);
  return limit.known ? limit.most : null;
}

/** A negative limit is none. */
function lowest(numbers: readonly (number | null)[]): number | null {
  const set = numbers.filter((number) => number !== null);
  const real = set.filter((number) => number >= 0);
  if (real.length > 0) return Math.min(...real);
  return set[0] ?? null;
}

function overflowOf(text: string | null): 'drop-head' | 'reject-publish' | 'reject-publish-dlx' {
  return text === 'reject-publish' || text === 'reject-publish-dlx' ? text : 'drop-head';
}
