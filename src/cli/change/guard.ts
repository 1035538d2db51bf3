import type { Context } from '../../config/configuration.ts';
import type { Target } from '../../config/target.ts';
import type { Broker } from '../../contract/broker.ts';
import { MqError } from '../../contract/errors.ts';
import { queuePattern } from '../../core/name-pattern.ts';
import type { NamedQueue } from '../line/addressing.ts';

/** A queue that a command will change, and where it is. */
export interface GuardedQueue {
  readonly queue: string;
  readonly target: Target;
}

/**
 * What the contexts of a command forbid, and what has to be confirmed by name. The one place where `readonly`,
 * `protected` and rules are enforced, for every verb that changes something.
 */
export class Guard {
  readonly verb: string;
  /** What would be done can be shown instead. */
  readonly hasDryRun: boolean;
  /** The queues whose names have to be typed, or given with `--confirm`. */
  readonly toConfirm: readonly string[];
  /** The contexts that ask for it. */
  readonly confirmingContexts: readonly string[];

  /** Throws `USAGE` when a context refuses the change: nothing was attempted, and no broker was contacted. */
  constructor(verb: string, queues: readonly GuardedQueue[], { hasDryRun = false } = {}) {
    this.verb = verb;
    this.hasDryRun = hasDryRun;
    const confirmed = queues.filter(({ queue, target }) => {
      if (target.settings === null) return false;
      refuseReadonly(verb, target.settings);
      return requireAllowed(verb, queue, target.settings) === 'confirm' || target.settings.isProtected;
    });
    this.toConfirm = [...new Set(confirmed.map(({ queue }) => queue))];
    this.confirmingContexts = [...new Set(confirmed.flatMap(({ target }) => target.context ?? []))];
  }

  /**
   * Applies the rules to a queue that the work turned out to change though nobody named it: an alias, or the origin of
   * dead letters. Throws `USAGE` when they refuse it, and `CONFIRMATION_REQUIRED` when they want it confirmed and no
   * name was.
   */
  require(name: string, { settings }: Target, isConfirmed = this.toConfirm.length > 0): void {
    if (settings === null || requireAllowed(this.verb, name, settings) !== 'confirm' || isConfirmed) return;
    throw new MqError(
      'CONFIRMATION_REQUIRED',
      `${this.verb} of ${name} on ${settings.name} has to be confirmed by name`,
      {
        hint: `name the queue itself: mq ${this.verb} ${name}`,
        queue: name,
      },
    );
  }

  /**
   * A broker that applies the rules to the name under which it knows a queue, too: an alias must not lead around them.
   * `isConfirmed`, asked at each: whether a name was typed; left out: whether one has to be before the work begins.
   */
  watch(broker: Broker, target: Target, isConfirmed = (): boolean => this.toConfirm.length > 0): Broker {
    const { settings } = target;
    if (settings === null || settings.rules.length === 0) return broker;
    return new Proxy(broker, {
      get: (real, key) => {
        if (key === 'queue') {
          return async (name: string, signal: AbortSignal) => {
            const queue = await real.queue(name, signal);
            this.require(queue.name, target, isConfirmed());
            return queue;
          };
        }
        const member: unknown = Reflect.get(real, key, real);
        return typeof member === 'function' ? member.bind(real) : member;
      },
    });
  }
}

/** The queues of a line that its verb changes: all, save the source of a copy. */
export function changedQueues(
  verb: string,
  queues: readonly NamedQueue[],
  targetOf: (queue: NamedQueue) => Target,
): readonly GuardedQueue[] {
  return queues
    .filter(({ role }) => verb !== 'copy' || role === 'to')
    .map((named) => ({ queue: named.queue, target: targetOf(named) }));
}

function refuseReadonly(verb: string, context: Context): void {
  if (!context.isReadonly) return;
  throw new MqError('USAGE', `the context ${context.name} is readonly: it refuses to ${verb}`, {
    hint: `see 'mq context show ${context.name}'; nothing was attempted`,
    operation: verb,
  });
}

/** The strictest rule that fits. Throws `USAGE` when it is `deny`. */
function requireAllowed(verb: string, queue: string, context: Context): 'confirm' | null {
  let result: 'confirm' | null = null;
  for (const { pattern, verbs } of context.rules) {
    const effect = verbs[verb] ?? verbs['*'];
    if (effect === undefined || !namesOf(queue).some(queuePattern([pattern]).matches)) continue;
    if (effect === 'deny') {
      throw new MqError('USAGE', `the context ${context.name} has a rule against this: ${pattern}: {${verb}: deny}`, {
        hint: `the rule is in ${context.file}; nothing was attempted`,
        operation: verb,
        queue,
      });
    }
    result = 'confirm';
  }
  return result;
}

/** A queue's name, and where it is the URL of one (SQS) also its last part. */
function namesOf(queue: string): readonly string[] {
  return /^https?:\/\//.test(queue) ? [queue, queue.slice(queue.lastIndexOf('/') + 1)] : [queue];
}
