import {
  ABILITIES,
  type Abilities,
  type Ability,
  type Absent,
  type DeclaredAbility,
  membersFor,
  type QueueMember,
} from './abilities.ts';
import type { Capabilities } from './capabilities.ts';
import { MqError } from './errors.ts';
import type { Queue } from './queue.ts';

/** The declaration of the ability, together with the members that carry it out, bound to their queue. */
export type Asked<A extends Ability> = { readonly declared: DeclaredAbility<A> } & {
  readonly [Member in QueueMember<A>]: NonNullable<Queue[Member]>;
};

/**
 * The single gate to everything that a queue may not be able to do. It is asked before any work starts. Throws
 * `NOT_SUPPORTED`, which names the kind, the ability, the reason and the nearest alternative.
 */
export function ask<A extends Ability>(queue: Queue, ability: A): Asked<A> {
  const asked = askIfAble(queue, ability);
  if (asked === null) throw refusal(queue.capabilities, ability, queue.name);
  return asked;
}

/** Like `ask`, but null if the kind does not have the ability. */
export function askIfAble<A extends Ability>(queue: Queue, ability: A): Asked<A> | null {
  const declared: Abilities[A] = queue.capabilities.abilities[ability];
  if (!declared.supported) return null;
  const members = membersFor(ability, 'queue').map((name) => {
    const member = queue[name as keyof Queue];
    if (typeof member === 'function') return [name, member.bind(queue)] as const;
    throw new MqError('INTERNAL', `kind ${queue.kind} declares ${ability} and has no ${name}`);
  });
  return { declared, ...Object.fromEntries(members) } as Asked<A>;
}

function refusal({ kind, broker, abilities }: Capabilities, ability: Ability, queue: string): MqError {
  const { reason, instead } = abilities[ability] as Absent;
  return new MqError('NOT_SUPPORTED', `${ABILITIES[ability].doing} is not possible on kind ${kind}: ${reason}`, {
    hint: instead ?? undefined,
    backend: broker,
    operation: ability,
    queue,
  });
}
