import type { MessageState, MetadataField } from './message.ts';
import type { Trait } from './traits.ts';

/** A sort of queue with its own abilities, by the name that its backend gives it: `quorum`. */
export type Kind = string;

/** Not at all, with the reason and the nearest thing that works. */
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
  /** `free`: nothing on the broker changes. `disturbs`: see the note for what looking costs. */
  readonly effect: 'free' | 'disturbs';
  readonly states: readonly MessageState[];
}

export interface PurgeAbility extends Present {
  readonly states: readonly MessageState[];
  /** States that cannot be purged by themselves, and go when every state is purged. Absent: none. */
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

/** What an operator can ask of a queue. Each is present with its degrees, or absent with the reason. */
export interface Abilities {
  readonly enqueue: Present | Absent;
  readonly peek: PeekAbility | Absent;
  readonly get: Present | Absent;
  readonly drain: Present | Absent;
  readonly pause: Present | Absent;
  readonly purge: PurgeAbility | Absent;
  readonly deadLetters: DeadLettersAbility | Absent;
  readonly redrive: TransferAbility | Absent;
  readonly move: TransferAbility | Absent;
  readonly copy: TransferAbility | Absent;
  readonly create: Present | Absent;
  readonly delete: Present | Absent;
}
export type Ability = keyof Abilities;

export const ABILITIES = [
  'enqueue',
  'peek',
  'get',
  'drain',
  'pause',
  'purge',
  'deadLetters',
  'redrive',
  'move',
  'copy',
  'create',
  'delete',
] as const satisfies readonly Ability[];

/** `absent`: the state does not exist on this kind. */
export type CountDegree = 'exact' | 'approximate' | 'unknown' | 'absent';

/**
 * What one kind of queue can do: frozen, printable as JSON, the only truth for `mq backends`, the README's table, the
 * verbs and the conformance suite. A handle's record may differ from the kind's general one (a broker without its
 * management API knows less) but does not change while the handle lives.
 */
export interface Capabilities {
  readonly kind: Kind;
  readonly broker: string;
  readonly counts: {
    readonly ready: CountDegree;
    readonly inFlight: CountDegree;
    readonly delayed: CountDegree;
    readonly dead: CountDegree;
  };
  /** `native`: the broker's own figures; `counters`: from two readings; `net`: only the change of depth; `none`. */
  readonly rates: 'native' | 'counters' | 'net' | 'none';
  readonly order: 'fifo' | 'fifo-per-group' | 'best-effort';
  /** Metadata that a message sent to this kind can carry. */
  readonly holds: readonly MetadataField[];
  /** Largest body that can be sent, bytes; null: no limit known beforehand. */
  readonly maxBodyBytes: number | null;
  readonly abilities: Abilities;
  /** What a caller may rely on beside the abilities, see `contract/traits.ts`. */
  readonly traits: readonly Trait[];
}

/** A record as a backend writes it: an ability that it does not name is absent, and so is a trait. */
export type Declaration = Omit<Capabilities, 'abilities' | 'traits'> & {
  readonly abilities: Partial<Abilities>;
  readonly traits?: readonly Trait[];
};

/** The whole record of what a backend says of a kind, so that a new ability of others changes nothing for it. */
export function declare({ traits = [], ...declaration }: Declaration): Capabilities {
  const rest = Object.fromEntries(
    ABILITIES.map((ability) => [ability, absent('this kind of queue does not offer it')]),
  );
  return { ...declaration, abilities: { ...(rest as unknown as Abilities), ...declaration.abilities }, traits };
}

export function absent(reason: string, instead: string | null = null): Absent {
  return { supported: false, reason, instead };
}

export function present(degree: 'native' | 'emulated' = 'native', note: string | null = null): Present {
  return { supported: true, degree, note };
}
