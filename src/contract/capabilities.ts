import { ABILITY_NAMES, type Abilities, type Absent, type Present } from './abilities.ts';
import type { MetadataField } from './message.ts';
import type { Trait } from './traits.ts';

/** A sort of queue with its own abilities, under the name that its backend gives it: `quorum`. */
export type Kind = string;

/** `absent`: the state does not exist on this kind. */
export type CountDegree = 'exact' | 'approximate' | 'unknown' | 'absent';

/**
 * What one kind of queue can do. It is frozen, printable as JSON, and the only truth for `mq backends`, the README's
 * table, the verbs and the conformance suite. A handle's record may differ from the kind's general one (a broker
 * without its management API knows less), but it does not change while the handle lives.
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
  /** The metadata that a message sent to this kind can carry. */
  readonly holds: readonly MetadataField[];
  /** The largest body that can be sent, in bytes; null: no limit is known beforehand. */
  readonly maxBodyBytes: number | null;
  readonly abilities: Abilities;
  /** What a caller may rely on beside the abilities: see `contract/traits.ts`. */
  readonly traits: readonly Trait[];
}

/** A record as a backend writes it: an ability or a trait that it does not name is absent. */
export type Declaration = Omit<Capabilities, 'abilities' | 'traits'> & {
  readonly abilities: Partial<Abilities>;
  readonly traits?: readonly Trait[];
};

/**
 * Completes the record that a backend writes for a kind, so that a new ability of another kind changes nothing for it.
 */
export function declare({ traits = [], ...declaration }: Declaration): Capabilities {
  const rest = Object.fromEntries(
    ABILITY_NAMES.map((ability) => [ability, absent('this kind of queue does not offer it')]),
  );
  return { ...declaration, abilities: { ...(rest as unknown as Abilities), ...declaration.abilities }, traits };
}

export function absent(reason: string, instead: string | null = null): Absent {
  return { supported: false, reason, instead };
}

export function present(degree: 'native' | 'emulated' = 'native', note: string | null = null): Present {
  return { supported: true, degree, note };
}
