import type { Abilities, Ability, Capabilities } from './capabilities.ts';
import { MqError } from './errors.ts';
import type { Queue } from './queue.ts';

/**
 * The members of a queue that carry out an ability: there exactly when the ability is. None: core does it with those
 * of others (`move` takes and sends), or the broker has the member (`create`).
 */
export const MEMBERS = {
  enqueue: ['publisher'],
  peek: ['peek'],
  get: ['get'],
  drain: ['consume'],
  pause: ['pause', 'resume'],
  purge: ['purge'],
  deadLetters: ['deadLetters'],
  redrive: [],
  move: [],
  copy: [],
  create: [],
  delete: [],
} as const satisfies Readonly<Record<Ability, readonly (keyof Queue)[]>>;

type PresentAbility<A extends Ability> = Extract<Abilities[A], { supported: true }>;

/** What was declared of the ability, together with the members that carry it out, bound to their queue. */
export type Asked<A extends Ability> = { readonly declared: PresentAbility<A> } & {
  readonly [Member in (typeof MEMBERS)[A][number]]: NonNullable<Queue[Member]>;
};

/**
 * The single gate to what a queue may not be able to do, asked before any work starts. Throws `NOT_SUPPORTED`, which
 * names the kind, the ability, the reason and the nearest alternative.
 */
export function ask<A extends Ability>(queue: Queue, ability: A): Asked<A> {
  const asked = askIfAble(queue, ability);
  if (asked === null) throw refusal(queue.capabilities, ability, queue.name);
  return asked;
}

/** As `ask`; null where the kind does not have the ability. */
export function askIfAble<A extends Ability>(queue: Queue, ability: A): Asked<A> | null {
  const declared: Abilities[A] = queue.capabilities.abilities[ability];
  if (!declared.supported) return null;
  const members = MEMBERS[ability].map((name: keyof Queue) => {
    const member = queue[name];
    if (typeof member === 'function') return [name, member.bind(queue)] as const;
    throw new MqError('INTERNAL', `kind ${queue.kind} declares ${ability} and has no ${name}`);
  });
  return { declared, ...Object.fromEntries(members) } as Asked<A>;
}

function refusal({ kind, broker, abilities }: Capabilities, ability: Ability, queue: string): MqError {
  const { reason, instead } = abilities[ability] as Extract<Abilities[Ability], { supported: false }>;
  return new MqError('NOT_SUPPORTED', `${ABILITY_WORDS[ability]} is not possible on kind ${kind}: ${reason}`, {
    hint: instead ?? undefined,
    backend: broker,
    operation: ability,
    queue,
  });
}

const ABILITY_WORDS: Readonly<Record<Ability, string>> = {
  enqueue: 'enqueueing',
  peek: 'peeking',
  get: 'looking up one message by id',
  drain: 'draining',
  pause: 'pausing',
  purge: 'purging',
  deadLetters: 'finding dead letters',
  redrive: 'redriving',
  move: 'moving messages out',
  copy: 'copying messages out',
  create: 'creating a queue',
  delete: 'deleting a queue',
};
