import type { Message } from '../contract/message.ts';
import type { Filter } from './filter.ts';

/** Dead letters that died of the same thing, whatever ids and numbers their errors hold. */
export interface DeadLetterGroup {
  /** The normalised reason: what varies from message to message is replaced by `<…>`. */
  readonly reason: string;
  readonly count: number;
  readonly newest: Message;
  /** Milliseconds since the epoch, of the newest death; null when no message of the group says when it died. */
  readonly newestAt: number | null;
}

/** Longer reasons are cut: two errors that agree on so many characters are the same to an operator. */
const REASON_LIMIT = 200;

/**
 * What varies, in order of precedence; every pattern matches in linear time. `source` is the same pattern for CEL's `matches` (RE2).
 * Hexadecimal words count only from 8 digits on and with a digit among them, so that `deadbeef` and `facade` stay words.
 */
const VARIABLE_PARTS = [
  { mark: '<uuid>', source: '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}' },
  {
    mark: '<time>',
    source: '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?',
  },
  { mark: '<hex>', source: '0x[0-9a-fA-F]+|[0-9a-fA-F]{7,}[0-9][0-9a-fA-F]*|[0-9][0-9a-fA-F]{7,}' },
  { mark: '<n>', source: '[0-9]+(?:[.,][0-9]+)*' },
] as const;

const VARIABLE = new RegExp(VARIABLE_PARTS.map(({ source }) => `(${source})`).join('|'), 'g');

/** The first line of a reason with ids, numbers, hexadecimal words, instants and UUIDs replaced by marks. */
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

/** The largest group first; groups of one size in order of their reasons. */
export function groupDeadLetters(messages: Iterable<Message>): readonly DeadLetterGroup[] {
  const groups = new Map<string, { count: number; newest: Message; newestAt: number | null }>();
  for (const message of messages) {
    const reason = groupOf(message);
    const at = message.dead?.at ?? null;
    const group = groups.get(reason);
    if (group === undefined) {
      groups.set(reason, { count: 1, newest: message, newestAt: at });
      continue;
    }
    group.count += 1;
    if (at !== null && (group.newestAt === null || at >= group.newestAt)) {
      group.newest = message;
      group.newestAt = at;
    }
  }
  return [...groups]
    .map(([reason, group]) => ({ reason, ...group }))
    .sort((one, other) => other.count - one.count || (one.reason < other.reason ? -1 : 1));
}

function groupOf(message: Message): string {
  return reasonOfDeath(message) ?? UNKNOWN_REASON;
}

/** Selects exactly the messages of a group. */
export function groupFilter(reason: string): Filter {
  return { text: groupExpression(reason), matches: (message) => groupOf(message) === reason };
}

/**
 * The same selection as a `--filter` for the command line. It can be wider than the group in one respect: a mark stands for its pattern
 * anywhere, and a reason that was cut matches by its beginning.
 */
export function groupExpression(reason: string): string {
  if (reason === UNKNOWN_REASON) return 'dead.error == null && dead.reason == null';
  const marks = new RegExp(VARIABLE_PARTS.map(({ mark }) => mark).join('|'), 'g');
  let pattern = '^\\s*';
  let from = 0;
  for (const match of reason.matchAll(marks)) {
    const part = VARIABLE_PARTS.find(({ mark }) => mark === match[0]);
    pattern += `${literal(reason.slice(from, match.index))}(?:${part?.source ?? ''})`;
    from = match.index + match[0].length;
  }
  pattern += literal(reason.slice(from));
  const cut = reason.length >= REASON_LIMIT;
  return `(dead.error != null ? dead.error : dead.reason).matches(${JSON.stringify(cut ? pattern : `${pattern}\\s*(?:[\\r\\n]|$)`)})`;
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll(' ', '\\s+');
}
