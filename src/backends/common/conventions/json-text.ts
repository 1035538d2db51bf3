/**
 * Frameworks put a message into JSON of their own. To remove a mark from it, or to take the message out of it, the text
 * is cut and never written again: a JSON round trip would change large numbers, the order of keys and the spelling of
 * both.
 */

interface Member {
  readonly name: string;
  /** The range of its key. */
  readonly start: number;
  readonly value: number;
  readonly end: number;
}

/** The object that a text contains; null: it is not JSON, or another value. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The text of one member of an object, unchanged; null unless the member is there exactly once. `text` must be JSON.
 */
export function memberText(text: string, name: string): string | null {
  const found = membersOf(text, 0)?.filter((member) => member.name === name) ?? [];
  const [only, ...others] = found;
  return only === undefined || others.length > 0 ? null : text.slice(only.value, only.end);
}

/**
 * Removes the members that `isDropped` names from the object that the members of `path` lead to. Every other byte
 * stays. `text` must be JSON.
 */
export function withoutMembers(text: string, path: readonly string[], isDropped: (name: string) => boolean): string {
  let at = 0;
  for (const name of path) {
    const next = membersOf(text, at)?.find((member) => member.name === name);
    if (next === undefined) return text;
    at = next.value;
  }
  const members = membersOf(text, at);
  const [first, second] = members ?? [];
  const last = members?.at(-1);
  if (members === null || first === undefined || last === undefined) return text;
  const kept = members.filter(({ name }) => !isDropped(name));
  if (kept.length === members.length) return text;
  const between = second === undefined ? ',' : text.slice(first.end, second.start);
  const pieces = kept.map(({ start, end }) => text.slice(start, end));
  return text.slice(0, first.start) + pieces.join(between) + text.slice(last.end);
}

function membersOf(text: string, from: number): readonly Member[] | null {
  let at = skipSpace(text, from);
  if (text[at] !== '{') return null;
  at = skipSpace(text, at + 1);
  const members: Member[] = [];
  while (text[at] === '"') {
    const start = at;
    const end = endOfString(text, at);
    const value = skipSpace(text, skipSpace(text, end) + 1);
    at = endOfValue(text, value);
    members.push({ name: nameOf(text.slice(start, end)), start, value, end: at });
    at = skipSpace(text, at);
    if (text[at] !== ',') break;
    at = skipSpace(text, at + 1);
  }
  return text[at] === '}' ? members : null;
}

function nameOf(literal: string): string {
  return String(JSON.parse(literal));
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at] ?? '')) at += 1;
  return at;
}

function endOfString(text: string, from: number): number {
  let at = from + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** No recursion: a hostile body may be nested as deep as it is long. */
function endOfValue(text: string, from: number): number {
  let at = from;
  let depth = 0;
  while (at < text.length) {
    const letter = text[at] ?? '';
    if (letter === '"') {
      at = endOfString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (letter === '{' || letter === '[') depth += 1;
    else if (letter === '}' || letter === ']') {
      if (depth === 0) return at;
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && (letter === ',' || ' \t\r\n'.includes(letter))) return at;
    at += 1;
  }
  return at;
}
