import { isDots, type JsonObject, listOf, type Management, textAt } from '../management/client.ts';
import { whyNot } from '../management/needed.ts';

export interface Binding {
  readonly source: string;
  readonly destination: string;
  readonly toExchange: boolean;
  readonly key: string;
}

export interface Exchange {
  readonly type: string | undefined;
  readonly alternate: string | null;
}

/**
 * For more exchanges than these, all bindings of the vhost are read at once: the default exchange has one for each
 * queue.
 */
const MOST_ASKED = 20;

/**
 * The bindings of these exchanges, and of those that they lead to, whose names are known from the list of all.
 * `unread`: why they cannot be read. The default exchange has only bindings that follow from its name.
 */
export async function readBindings(
  from: {
    readonly management: Management;
    /** The vhost, percent-encoded. */
    readonly place: string;
    readonly exchanges: ReadonlyMap<string, Exchange>;
    readonly signal: AbortSignal;
  },
  names: Iterable<string>,
): Promise<{ readonly read: readonly Binding[] } | { readonly unread: string }> {
  const { management, place, exchanges, signal } = from;
  const read: Binding[] = [];
  const asked = new Set<string>(['']);
  const isNew = (name: string | null): name is string => name !== null && exchanges.has(name) && !asked.has(name);
  let next = new Set([...names].filter(isNew));
  while (next.size > 0) {
    for (const name of next) asked.add(name);
    const isMany = asked.size > MOST_ASKED || [...next].some(isDots);
    const paths = isMany
      ? [`/bindings/${place}`]
      : [...next].map((name) => `/exchanges/${place}/${encodeURIComponent(name)}/bindings/source`);
    const answers = await Promise.all(paths.map((path) => management.getIfTold(path, signal)));
    const found: Binding[] = [];
    for (const answer of answers) {
      if (answer.status !== 'ok') return { unread: whyNot(answer) };
      found.push(...listOf(answer.body).map(toBinding));
    }
    if (isMany) return { read: found };
    read.push(...found);
    const alternates = [...next].map((name) => exchanges.get(name)?.alternate ?? null);
    const further = found.filter(({ toExchange }) => toExchange).map(({ destination }) => destination);
    next = new Set([...further, ...alternates].filter(isNew));
  }
  return { read };
}

export function toBinding(raw: JsonObject): Binding {
  return {
    source: textAt(raw, 'source') ?? '',
    destination: textAt(raw, 'destination') ?? '',
    toExchange: textAt(raw, 'destination_type') === 'exchange',
    key: textAt(raw, 'routing_key') ?? '',
  };
}
