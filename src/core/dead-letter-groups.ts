import type { Message } from '../contract/message.ts';
import type { Filter } from './filter.ts';

/**
 * Dead letters that died of the same thing, whatever ids and numbers their errors contain. `Kept` is what is remembered
 * of the newest one.
 */
export interface DeadLetterGroup<Kept = Message> {
  /** The normalised reason: what varies from message to message is replaced by `<…>`. */
  readonly reason: string;
  readonly count: number;
  readonly newest: Kept;
  /**
   * Milliseconds since the epoch of the first and the last death; null when no message of the group says when it died.
   */
  readonly oldestAt: number | null;
  readonly newestAt: number | null;
}

/** Longer reasons are cut: to an operator, two errors that agree up to here are the same. */
const REASON_LIMIT = 200;

interface VariablePart {
  readonly mark: string;
  /** For CEL's `matches` (RE2), and for us where `exact` is not given. */
  readonly source: string;
  /** A narrower pattern that looks ahead, which RE2 cannot. */
  readonly exact?: string;
}

/**
 * The parts of a reason that vary, in order of precedence. Every pattern matches in linear time. A hexadecimal word
 * counts only if it has at least 8 digits and one of them is a digit from 0 to 9, so that `deadbeef` and `facade` stay
 * words. Another word is an id if it is as long and has letters and digits.
 */
const VARIABLE_PARTS: readonly VariablePart[] = [
  { mark: '<uuid>', source: '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}' },
  {
    mark: '<time>',
    source: '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?',
  },
  { mark: '<hex>', source: '0x[0-9a-fA-F]+|[0-9a-fA-F]{7,}[0-9][0-9a-fA-F]*|[0-9][0-9a-fA-F]{7,}' },
  {
    mark: '<id>',
    source: '[0-9A-Za-z]{8,}',
    exact: '\\b(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[0-9A-Za-z]{8,}\\b',
  },
  { mark: '<n>', source: '[0-9]+(?:[.,][0-9]+)*' },
];

const VARIABLE = new RegExp(VARIABLE_PARTS.map(({ source, exact }) => `(${exact ?? source})`).join('|'), 'g');

/** The first line of a reason, with ids, numbers, hexadecimal words, instants and UUIDs replaced by marks. */
export function normaliseReason(text: string): string {
  const firstLine = /[^\r\n]*/.exec(text.trimStart())?.[0] ?? '';
  // Cut before matching, so that a hostile reason of megabytes costs nothing.
  const normal = firstLine
    .slice(0, REASON_LIMIT * 4)
    .replace(VARIABLE, (_match, ...groups: readonly (string | number | undefined)[]) => {
      return VARIABLE_PARTS[groups.findIndex((group) => group !== undefined)]?.mark ?? '<n>';
    })
    .replace(/\s+/g, ' ')
    .trim();
  return normal.slice(0, REASON_LIMIT);
}

/** Null when nothing on the message says why it died. */
function reasonOfDeath(message: Message): string | null {
  const text = message.dead?.error ?? message.dead?.reason ?? null;
  if (text === null) return null;
  const reason = normaliseReason(text);
  return reason === '' ? null : reason;
}

const UNKNOWN_REASON = '(no reason is known)';

/** With more groups than this, grouping does not help: messages of further groups are counted in one. */
const MAX_GROUPS = 1_000;
export const OTHER_REASONS = '(other reasons)';

interface Options<Kept> {
  /** Says what to remember of the newest message of each group. Nothing else of a message is held. */
  readonly keep: (message: Message) => Kept;
  /** What separates groups besides the reason; null: nothing. */
  readonly apart?: (message: Message) => string;
}

/** Groups dead letters one by one. Memory holds the groups and never the messages. */
export class DeadLetterGrouping<Kept> {
  readonly #options: Options<Kept>;
  readonly #groups = new Map<string, DeadLetterGroup<Kept>>();

  constructor(options: Options<Kept>) {
    this.#options = options;
  }

  add(message: Message): void {
    const { keep, apart } = this.#options;
    const reason = groupOf(message);
    const key = JSON.stringify([reason, apart?.(message)]);
    const isOver = this.#groups.size >= MAX_GROUPS && !this.#groups.has(key);
    const at = message.dead?.at ?? null;
    const group = this.#groups.get(isOver ? OTHER_REASONS : key);
    const isNewest = group === undefined || (at !== null && (group.newestAt === null || at >= group.newestAt));
    this.#groups.set(isOver ? OTHER_REASONS : key, {
      reason: isOver ? OTHER_REASONS : reason,
      count: (group?.count ?? 0) + 1,
      newest: isNewest ? keep(message) : group.newest,
      oldestAt: pick(Math.min, group?.oldestAt ?? null, at),
      newestAt: pick(Math.max, group?.newestAt ?? null, at),
    });
  }

  /** The largest group first. Groups of the same size are in the order of their reasons. */
  groups(): readonly DeadLetterGroup<Kept>[] {
    return [...this.#groups.values()].sort(
      (one, other) => other.count - one.count || Number(one.reason > other.reason) - Number(one.reason < other.reason),
    );
  }
}

/** For messages that are in memory anyway. */
export function groupDeadLetters(messages: Iterable<Message>): readonly DeadLetterGroup[] {
  const grouping = new DeadLetterGrouping({ keep: (message) => message });
  for (const message of messages) grouping.add(message);
  return grouping.groups();
}

function pick(choose: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : choose(a, b);
}

function groupOf(message: Message): string {
  return reasonOfDeath(message) ?? UNKNOWN_REASON;
}

/** Selects exactly the messages of one group. */
export function groupFilter(reason: string): Filter {
  return { text: groupExpression(reason), matches: (message) => groupOf(message) === reason };
}

/**
 * The same selection as a `--filter` for the command line. It can be wider than the group: a mark matches its pattern
 * anywhere, and a reason that was cut matches by its beginning.
 */
export function groupExpression(reason: string): string {
  if (reason === UNKNOWN_REASON) return 'dead.error == null && dead.reason == null';
  const marks = new RegExp(VARIABLE_PARTS.map(({ mark }) => mark).join('|'), 'g');
  let pattern = '^\\s*';
  let from = 0;
  for (const match of reason.matchAll(marks)) {
    const part = VARIABLE_PARTS.find(({ mark }) => mark === match[0]);
    // Matches the mark itself, too: the original reason may have contained it.
    pattern += `${literal(reason.slice(from, match.index))}(?:${part?.source ?? ''}|${match[0]})`;
    from = match.index + match[0].length;
  }
  pattern += literal(reason.slice(from));
  const cut = reason.length >= REASON_LIMIT;
  return `(dead.error != null ? dead.error : dead.reason).matches(${JSON.stringify(cut ? pattern : `${pattern}\\s*(?:[\\r\\n]|$)`)})`;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll(' ', '\\s+');
}
