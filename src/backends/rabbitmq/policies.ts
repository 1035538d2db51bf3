import { type JsonObject, listOf, type Management, objectAt, textAt } from './management.ts';

/**
 * Queues or exchanges of a list without figures, with the definitions of their policies. The API gives those among the figures only (3.10.8 and
 * 4.0.5): not in such a list, and nowhere in the first seconds of a queue or a policy, up to 5 with the usual settings. The name of the policy it gives at
 * once. What an operator policy sets is missing; it can hold no dead-letter exchange. What has a policy that cannot be found out is left as it is.
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
  const figures = await management.get(`/${sort}/${place}?columns=name,effective_policy_definition`, signal);
  const byThing = new Map(
    figures.status === 'ok' ? listOf(figures.body).map((thing) => [textAt(thing, 'name'), thing]) : [],
  );
  return (thing) => {
    const told = byThing.get(textAt(thing, 'name'));
    return told?.effective_policy_definition === undefined ? undefined : objectAt(told, 'effective_policy_definition');
  };
}
