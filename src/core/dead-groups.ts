import type { Message } from '../contract/message.ts';

/** Dead letters that died of the same thing. */
export interface DeadGroup {
  readonly from: string | null;
  readonly reason: string | null;
  /** The consumer's error with ids and numbers replaced by `*`, so that "order 7 timed out" and "order 8 timed out" are one group. */
  readonly error: string | null;
  readonly count: number;
  /** Milliseconds since the epoch; null when no message of the group says when it died. */
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
  /** One of them, to look at. */
  readonly exampleId: string | null;
}

/** More groups than this are no grouping any more: the rest is counted in one without an error. */
const MAX_GROUPS = 1000;

/** Groups by origin, reason and normalised error, the largest group first. Memory holds the groups and never the messages. */
export async function groupDead(messages: AsyncIterable<Message>): Promise<readonly DeadGroup[]> {
  const groups = new Map<string, DeadGroup>();
  for await (const { dead, id } of messages) {
    const from = dead?.from ?? null;
    const reason = dead?.reason ?? null;
    const known = dead?.error === null || dead?.error === undefined ? null : normalise(dead.error);
    const full = groups.size >= MAX_GROUPS && !groups.has(keyOf(from, reason, known));
    const error = full ? null : known;
    const key = keyOf(from, reason, error);
    const at = dead?.at ?? null;
    const group = groups.get(key);
    groups.set(key, {
      ...{ from, reason, error },
      count: (group?.count ?? 0) + 1,
      oldestAt: pick(Math.min, group?.oldestAt ?? null, at),
      newestAt: pick(Math.max, group?.newestAt ?? null, at),
      exampleId: group?.exampleId ?? id,
    });
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}

function keyOf(...parts: readonly (string | null)[]): string {
  return JSON.stringify(parts);
}

function pick(choose: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : choose(a, b);
}

const MAX_ERROR_CHARACTERS = 200;
const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;
/** A run of letters and digits that has both and is long: an id rather than a word. */
const LONG_ID = /\b(?=[a-z]*\d)(?=\d*[a-z])[0-9a-z]{8,}\b/gi;
const NUMBER = /\d+(?:\.\d+)*/g;

/** `order 4711 timed out after 30.5s` → `order * timed out after *s`. */
export function normalise(error: string): string {
  const line = (error.split('\n', 1)[0] ?? '').slice(0, MAX_ERROR_CHARACTERS);
  return line.replace(UUID, '*').replace(LONG_ID, '*').replace(NUMBER, '*');
}
