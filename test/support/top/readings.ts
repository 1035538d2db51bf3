import type { QueueStats } from '../../../src/contract/stats.ts';
import type { Snapshot } from '../../../src/feed/snapshot.ts';
import { reduce } from '../../../src/top/reducer/reducer.ts';
import type { TopEvent } from '../../../src/top/state/event.ts';
import type { Key, NamedKey } from '../../../src/top/state/key.ts';
import { NAMED_KEYS } from '../../../src/top/state/key.ts';
import { initialState, type TopState } from '../../../src/top/state/state.ts';
import type { WatchedContext } from '../../../src/top/watched.ts';

export const NOON = Date.UTC(2026, 10, 21, 12);

export function reading(queue: string, special: Partial<QueueStats> = {}): QueueStats {
  return {
    queue,
    broker: 'memory',
    kind: 'memory',
    state: 'running',
    ready: 0,
    inFlight: 0,
    delayed: 0,
    dead: 0,
    depth: special.ready === undefined ? 0 : special.ready,
    consumers: 1,
    oldestAgeMs: null,
    rates: { inPerSec: 0, outPerSec: 0, errorPerSec: 0, windowMs: 10_000 },
    approximate: [],
    notes: {},
    sampledAt: NOON,
    ...special,
  };
}

export function snapshot(queues: readonly QueueStats[] | null, special: Partial<Snapshot> = {}): Snapshot {
  return {
    context: 'prod',
    broker: 'memory',
    address: 'memory',
    at: NOON,
    tookMs: 3,
    condition: { state: 'fresh' },
    queues,
    notices: [],
    ...special,
  };
}

export function contexts(...names: readonly string[]): ReadonlyMap<string, WatchedContext> {
  return new Map(names.map((context) => [context, { selector: ['-c', context], policy: null }]));
}

/** The state of a view that has seen these queues. */
export function stateWith(queues: readonly QueueStats[], special: Partial<TopState> = {}): TopState {
  const fresh = initialState({
    size: { columns: 100, rows: 12 },
    now: NOON,
    intervalMs: 2_000,
    isReplay: false,
    globs: [],
    contexts: contexts('prod'),
  });
  return reduce({ ...fresh, ...special }, { type: 'snapshot', snapshot: snapshot(queues) });
}

/** `'down'` and other names are keys of their own; any other text is typed. */
export function keys(...typed: readonly string[]): readonly TopEvent[] {
  return typed.flatMap((text) => {
    const name = NAMED_KEYS.find((candidate) => candidate === text);
    const all: readonly Key[] =
      name === undefined ? Array.from(text, (char) => ({ char })) : [{ name: name as NamedKey }];
    return all.map((key): TopEvent => ({ type: 'key', key }));
  });
}

export function played(state: TopState, events: readonly TopEvent[]): TopState {
  return events.reduce(reduce, state);
}
