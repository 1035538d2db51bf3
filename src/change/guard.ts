import type { Context } from '../config/configuration.ts';
import type { Broker } from '../contract/broker.ts';
import { MqError } from '../contract/errors.ts';
import { queuePattern } from '../core/name-pattern.ts';

/** What a context allows. Null stands for a broker without a context, on which everything is allowed. */
export type Policy = Pick<Context, 'name' | 'file' | 'isReadonly' | 'isProtected' | 'rules'>;

/** A queue that will be changed, and the policy that applies to it. */
export interface GuardedQueue {
  readonly queue: string;
  readonly policy: Policy | null;
}

/**
 * Knows what the contexts of one change forbid, and what has to be confirmed by name. This is the one place that
 * enforces `readonly`, `protected` and rules, for every verb that changes something and for the live view.
 *
 * Queues are admitted until the question is asked. Then the guard is sealed: no further question is asked once the work
 * has begun. A queue that turns up later and has to be confirmed is refused, unless a name was asked for.
 */
export class Guard {
  readonly verb: string;
  /** The verb can show what it would do instead. */
  readonly hasDryRun: boolean;
  readonly #toConfirm = new Set<string>();
  readonly #confirming = new Set<string>();
  #isSealed = false;

  constructor(verb: string, { hasDryRun = false } = {}) {
    this.verb = verb;
    this.hasDryRun = hasDryRun;
  }

  /** The queues whose names have to be typed or given with `--confirm`. */
  get toConfirm(): readonly string[] {
    return [...this.#toConfirm];
  }

  /** The contexts that ask for it. */
  get confirmingContexts(): readonly string[] {
    return [...this.#confirming];
  }

  /** Throws `USAGE` if the context refuses the change: nothing was attempted. */
  admit({ queue, policy }: GuardedQueue): void {
    if (policy === null) return;
    const refusal = readonlyRefusal(this.verb, policy);
    if (refusal !== null) throw refusal;
    if (requireAllowed(this.verb, queue, policy) !== 'confirm' && !policy.isProtected) return;
    this.#confirm(queue, policy);
  }

  #confirm(queue: string, { name }: Policy): void {
    this.#toConfirm.add(queue);
    this.#confirming.add(name);
  }

  /** From here on, no more can be asked. */
  seal(): void {
    this.#isSealed = true;
  }

  /**
   * Applies the rules to a queue that nobody named but that the work turned out to change: an alias, or the origin of
   * dead letters. Throws `USAGE` if the rules refuse it. If they want it confirmed, its name is asked for. Once sealed,
   * it throws `CONFIRMATION_REQUIRED` if no name was asked for.
   */
  require(queue: string, policy: Policy | null): void {
    if (policy === null || requireAllowed(this.verb, queue, policy) !== 'confirm') return;
    if (!this.#isSealed) this.#confirm(queue, policy);
    if (this.#toConfirm.size > 0) return;
    throw new MqError(
      'CONFIRMATION_REQUIRED',
      `${this.verb} of ${queue} on ${policy.name} has to be confirmed by name`,
      {
        hint: `name the queue itself: mq ${this.verb} ${queue}`,
        queue,
      },
    );
  }

  /**
   * A broker that also applies the rules to the name under which it knows a queue: an alias must not lead around them.
   */
  watch(broker: Broker, policy: Policy | null): Broker {
    if (policy === null || policy.rules.length === 0) return broker;
    return new Proxy(broker, {
      get: (real, key) => {
        if (key === 'queue') {
          return async (name: string, signal: AbortSignal) => {
            const queue = await real.queue(name, signal);
            this.require(queue.name, policy);
            return queue;
          };
        }
        const member: unknown = Reflect.get(real, key, real);
        return typeof member === 'function' ? member.bind(real) : member;
      },
    });
  }
}

/** Returns `USAGE` if nothing at all may be changed; else null. */
export function readonlyRefusal(verb: string, policy: Policy | null): MqError | null {
  if (policy === null || !policy.isReadonly) return null;
  return new MqError('USAGE', `the context ${policy.name} is readonly: it refuses to ${verb}`, {
    hint: `see 'mq context show ${policy.name}'; nothing was attempted`,
    operation: verb,
  });
}

/** The strictest rule that matches. Throws `USAGE` if it is `deny`. */
function requireAllowed(verb: string, queue: string, policy: Policy): 'confirm' | null {
  let result: 'confirm' | null = null;
  for (const { pattern, verbs } of policy.rules) {
    const effect = verbs[verb] ?? verbs['*'];
    if (effect === undefined || !namesOf(queue).some(queuePattern([pattern]).matches)) continue;
    if (effect === 'deny') {
      throw new MqError('USAGE', `the context ${policy.name} has a rule against this: ${pattern}: {${verb}: deny}`, {
        hint: `the rule is in ${policy.file}; nothing was attempted`,
        operation: verb,
        queue,
      });
    }
    result = 'confirm';
  }
  return result;
}

/** A queue's name. If it is a URL (SQS), also the last part of the URL. */
function namesOf(queue: string): readonly string[] {
  return /^https?:\/\//.test(queue) ? [queue, queue.slice(queue.lastIndexOf('/') + 1)] : [queue];
}
