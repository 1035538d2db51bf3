import type { MessageState } from './message.ts';

/** Not possible, with the reason and the nearest alternative. */
export interface Absent {
  readonly supported: false;
  readonly reason: string;
  readonly instead: string | null;
}

export interface Present {
  readonly supported: true;
  /** `native`: the broker does it; `emulated`: `mq` does it in several steps. */
  readonly degree: 'native' | 'emulated';
  /** What an operator should know before using it; null: nothing special. */
  readonly note: string | null;
}

export interface PeekAbility extends Present {
  /** `free`: nothing on the broker changes. `disturbs`: the note says what looking costs. */
  readonly effect: 'free' | 'disturbs';
  readonly states: readonly MessageState[];
}

export interface PurgeAbility extends Present {
  readonly states: readonly MessageState[];
  /** States that cannot be purged alone, but are purged when every state is. Absent: none. */
  readonly together?: readonly MessageState[];
  readonly count: 'exact' | 'unknown';
}

export interface DeadLettersAbility extends Present {
  /** `state`: in the queue itself. `queue`: in another queue. */
  readonly keptIn: 'state' | 'queue';
}

export type Guarantee = 'atomic' | 'at-least-once';

export interface TransferAbility extends Present {
  readonly guarantee: Guarantee;
  readonly order: 'kept' | 'not-kept';
  /** `full`, or what is lost on the way between two queues of this kind. */
  readonly metadata: 'full' | readonly string[];
}

/** The declaration of one ability. */
interface AbilityEntry<Declared extends Present> {
  readonly of: 'queue' | 'broker';
  /**
   * The members of that holder that carry it out. They are there exactly if the ability is. None: core does it with the
   * members of other abilities (`move` takes and sends).
   */
  readonly members: readonly string[];
  /** The subject of "… is not possible on kind X". */
  readonly doing: string;
  /** Its row in the table of `mq backends`. */
  readonly heading: string;
  /** Its cell in that table, if a kind has it. The type of the parameter is what a backend declares. */
  readonly cell: (declared: Declared) => string;
}

const byDegree = ({ degree }: Present): string => degree;
const byGuarantee = ({ guarantee }: TransferAbility): string => guarantee;

/**
 * Everything that an operator can ask of a queue, in the order of every list. An ability is declared here and nowhere
 * else: its types, the gate (`ask`), the record of each kind, `mq backends` and the suite are made from this table.
 */
export const ABILITIES = {
  enqueue: { doing: 'enqueueing', heading: 'enqueue', of: 'queue', members: ['publisher'], cell: byDegree },
  peek: {
    doing: 'peeking',
    heading: 'peek',
    of: 'queue',
    members: ['peek'],
    cell: ({ effect }: PeekAbility) => effect,
  },
  get: {
    doing: 'looking up one message by id',
    heading: 'inspect by id',
    of: 'queue',
    members: ['get'],
    cell: byDegree,
  },
  drain: { doing: 'draining', heading: 'drain', of: 'queue', members: ['consume'], cell: byDegree },
  pause: { doing: 'pausing', heading: 'pause', of: 'queue', members: ['pause', 'resume'], cell: byDegree },
  purge: {
    doing: 'purging',
    heading: 'purge',
    of: 'queue',
    members: ['purge'],
    cell: ({ count }: PurgeAbility) => (count === 'exact' ? 'counted' : 'not counted'),
  },
  deadLetters: {
    doing: 'finding dead letters',
    heading: 'dead letters are',
    of: 'queue',
    members: ['deadLetters'],
    cell: ({ keptIn }: DeadLettersAbility) => `a ${keptIn}`,
  },
  redrive: { doing: 'redriving', heading: 'redrive', of: 'queue', members: [], cell: byGuarantee },
  move: { doing: 'moving messages out', heading: 'move', of: 'queue', members: [], cell: byGuarantee },
  copy: { doing: 'copying messages out', heading: 'copy', of: 'queue', members: [], cell: byGuarantee },
  create: { doing: 'creating a queue', heading: 'create', of: 'broker', members: ['create'], cell: byDegree },
  delete: { doing: 'deleting a queue', heading: 'delete', of: 'broker', members: ['delete'], cell: byDegree },
} as const satisfies Readonly<Record<string, AbilityEntry<never>>>;

export type Ability = keyof typeof ABILITIES;

export const ABILITY_NAMES = Object.keys(ABILITIES) as readonly Ability[];

/** The declaration of a backend for the ability, if the kind has it. */
export type DeclaredAbility<A extends Ability> = Parameters<(typeof ABILITIES)[A]['cell']>[0];

/** Each ability is present with its degrees, or absent with the reason. */
export type Abilities = { readonly [A in Ability]: DeclaredAbility<A> | Absent };

/** The members of a queue that carry out the ability. */
export type QueueMember<A extends Ability> = (typeof ABILITIES)[A] extends { readonly of: 'queue' }
  ? (typeof ABILITIES)[A]['members'][number]
  : never;

/** The members of `holder` that carry out the ability. */
export function membersFor(ability: Ability, holder: 'queue' | 'broker'): readonly string[] {
  const { of, members } = ABILITIES[ability];
  return of === holder ? members : [];
}

/** The cell of `mq backends` for the ability of a kind. */
export function cellOf<A extends Ability>(abilities: Abilities, ability: A): string {
  const declared: DeclaredAbility<A> | Absent = abilities[ability];
  const { cell } = ABILITIES[ability] as AbilityEntry<DeclaredAbility<A>>;
  return declared.supported ? cell(declared) : '-';
}
