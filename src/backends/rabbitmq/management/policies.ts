import { type JsonObject, listOf, type Management, numberAt, objectAt, textAt } from './client.ts';
import type { RabbitKind } from './queue-info.ts';

export type Definition = JsonObject;

/** One policy, or operator policy, of the vhost. */
interface Policy {
  readonly pattern: string;
  readonly appliesTo: string;
  readonly priority: number;
  readonly definition: Definition;
}

/**
 * The current policies of a vhost. The API's policy of a queue is up to 5 s old, and does not include the operator's
 * policy in the first seconds of a queue. These two lists are always current, and every user of the API may read them
 * (3.10.8 and 4.0.5).
 *
 * Erlang's regular expressions decide whether a pattern matches, and ours are different. If the two could differ, a
 * policy *may* apply.
 */
export class Policies {
  readonly #users: readonly Policy[];
  readonly #operators: readonly Policy[];

  constructor(users: readonly JsonObject[], operators: readonly JsonObject[]) {
    this.#users = users.map(toPolicy);
    this.#operators = operators.map(toPolicy);
  }

  /** The text is the reason why they cannot be read. */
  static async read(management: Management, place: string, signal: AbortSignal): Promise<Policies | string> {
    const answers = await Promise.all(
      ['policies', 'operator-policies'].map((list) => management.getIfAllowed(`/${list}/${place}`, signal)),
    );
    const lists: (readonly JsonObject[])[] = [];
    for (const answer of answers) {
      if (answer.status === 'unavailable') return answer.reason;
      if (answer.status === 'missing') return 'the management API does not know the policies of this vhost';
      lists.push(listOf(answer.body));
    }
    return new Policies(lists[0] ?? [], lists[1] ?? []);
  }

  /** The definitions of which one applies; `{}` is among them if possibly none does. */
  ofUsers(queue: string, kind: RabbitKind): readonly Definition[] {
    return candidates(this.#users, queue, kind);
  }

  /** The same for the operator's, which only lowers what the others allow. */
  ofOperators(queue: string, kind: RabbitKind): readonly Definition[] {
    return candidates(this.#operators, queue, kind);
  }
}

/**
 * Of the policies that match, the one with the highest priority applies. Which of several equal ones applies is not
 * defined.
 */
function candidates(policies: readonly Policy[], queue: string, kind: RabbitKind): readonly Definition[] {
  const found: Definition[] = [];
  let certain = Number.NEGATIVE_INFINITY;
  for (const policy of [...policies].sort((one, other) => other.priority - one.priority)) {
    if (policy.priority < certain) break;
    const verdict = both(appliesTo(policy.appliesTo, kind), matches(policy.pattern, queue));
    if (verdict === 'no') continue;
    found.push(policy.definition);
    if (verdict === 'yes') certain = policy.priority;
  }
  return certain === Number.NEGATIVE_INFINITY ? [...found, {}] : found;
}

type Verdict = 'yes' | 'no' | 'maybe';

function both(one: Verdict, other: Verdict): Verdict {
  if (one === 'no' || other === 'no') return 'no';
  return one === 'yes' && other === 'yes' ? 'yes' : 'maybe';
}

const APPLIES: Readonly<Record<string, readonly RabbitKind[]>> = {
  all: ['classic', 'quorum', 'rabbit-stream'],
  queues: ['classic', 'quorum', 'rabbit-stream'],
  classic_queues: ['classic'],
  quorum_queues: ['quorum'],
  streams: ['rabbit-stream'],
  exchanges: [],
};

function appliesTo(what: string, kind: RabbitKind): Verdict {
  const kinds = Object.hasOwn(APPLIES, what) ? APPLIES[what] : undefined;
  if (kinds === undefined) return 'maybe';
  return kinds.includes(kind) ? 'yes' : 'no';
}

const LONGEST_PATTERN = 200;
/**
 * Patterns that PCRE and JavaScript read differently, or that could keep JavaScript busy for ever: neither is tried.
 */
const DOUBTFUL = /\\[^dDwWsSbB\-.^$*+?()[\]{}|/\\_:]|\(\?(?![:=!])|\[\[?:|[*+?}]\+|\)[*+{]|(?:[*+}][^*+}]*){4}/;

function matches(pattern: string, queue: string): Verdict {
  if (pattern.length > LONGEST_PATTERN || DOUBTFUL.test(pattern)) return 'maybe';
  try {
    // Erlang compares bytes.
    return new RegExp(bytesOf(pattern)).test(bytesOf(queue)) ? 'yes' : 'no';
  } catch {
    return 'maybe';
  }
}

function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function toPolicy(raw: JsonObject): Policy {
  return {
    pattern: textAt(raw, 'pattern') ?? '',
    appliesTo: textAt(raw, 'apply-to') ?? '',
    priority: numberAt(raw, 'priority') ?? 0,
    definition: objectAt(raw, 'definition'),
  };
}

/**
 * Adds the definitions of their policies to queues or exchanges of a list without figures. The API gives the
 * definitions only among the figures (3.10.8 and 4.0.5): not in such a list, and nowhere in the first seconds of a
 * queue or a policy, up to 5 with the usual settings. It gives the name of the policy at once. Settings of an operator
 * policy are missing, but it cannot contain a dead-letter exchange. A queue whose policy cannot be found out is left as
 * it is.
 */
export async function withPolicies(
  management: Management,
  place: string,
  sort: 'queues' | 'exchanges',
  things: readonly JsonObject[],
  signal: AbortSignal,
): Promise<readonly JsonObject[]> {
  const hasPolicies = things.some((thing) => textAt(thing, 'policy') !== null);
  const definitions = hasPolicies ? await definitionsOf(management, place, sort, signal) : () => undefined;
  return things.map((thing) => {
    const definition = textAt(thing, 'policy') === null ? {} : definitions(thing);
    return definition === undefined ? thing : { ...thing, effective_policy_definition: definition };
  });
}

async function definitionsOf(
  management: Management,
  place: string,
  sort: 'queues' | 'exchanges',
  signal: AbortSignal,
): Promise<(thing: JsonObject) => JsonObject | undefined> {
  const policies = await management.getIfAllowed(`/policies/${place}`, signal);
  if (policies.status === 'ok') {
    const byName = new Map(listOf(policies.body).map((policy) => [textAt(policy, 'name'), policy]));
    return (thing) => {
      const policy = byName.get(textAt(thing, 'policy'));
      return policy === undefined ? undefined : objectAt(policy, 'definition');
    };
  }
  const figures = await management.getIfTold(`/${sort}/${place}?columns=name,effective_policy_definition`, signal);
  const byThing = new Map(
    figures.status === 'ok' ? listOf(figures.body).map((thing) => [textAt(thing, 'name'), thing]) : [],
  );
  return (thing) => {
    const told = byThing.get(textAt(thing, 'name'));
    return told?.effective_policy_definition === undefined ? undefined : objectAt(told, 'effective_policy_definition');
  };
}
