import type { Headers } from '../../../contract/message.ts';
import { ENVELOPE_CONVENTIONS } from './envelope-conventions.ts';
import { HEADER_CONVENTIONS, type HeaderConvention } from './header-conventions.ts';
import { isRecord, parseObject, withoutMembers } from './json-text.ts';
import type { FrameworkDeath, Letter, Restored } from './letter.ts';
import { headerText } from './readings.ts';

/**
 * How a message died, by the marks of an application's framework. Null if it has no such marks, or if it is in the
 * queue that lost it: then it is back, and the marks are history. This is asked of every message, so a message without
 * marks costs only a few look-ups.
 */
export function frameworkDeath(letter: Letter): FrameworkDeath | null {
  const beginning = beginningOf(letter.body);
  const isSuspect = hasMark(letter.headers) || (beginning !== null && CARRIED.test(beginning));
  const found = (isSuspect ? byHeaders(letter) : null) ?? (beginning === null ? null : byEnvelope(letter, beginning));
  return found === null || found.from === letter.queue ? null : found;
}

/** Nearly all messages are not dead letters: these two checks find that out without a look at each row of the table. */
function hasMark(headers: Headers): boolean {
  for (const name in headers) if (MARKS.has(name)) return true;
  return false;
}
const MARKS: ReadonlySet<string> = new Set(
  HEADER_CONVENTIONS.flatMap(({ marks, inHeader }) => [...marks.flat(), ...(inHeader === undefined ? [] : [inHeader])]),
);

/** How a body begins that has headers in JSON. */
const CARRIED = /^\{\s*"(?:headers|body)"/i;
const BEGINNING = 80;

/** Null: not a JSON object. */
function beginningOf(body: Uint8Array): string | null {
  return body[0] === OPENING_BRACE
    ? Buffer.from(body.buffer, body.byteOffset, Math.min(BEGINNING, body.length)).toString('latin1')
    : null;
}

function byHeaders(letter: Letter): FrameworkDeath | null {
  for (const convention of HEADER_CONVENTIONS) {
    for (const carrier of carriersOf(convention)) {
      const headers = carrier.read(letter);
      if (headers === null || !isMarked(headers, convention)) continue;
      return {
        framework: convention.framework,
        from: convention.from(headers, letter.queue),
        route: convention.route?.(headers) ?? null,
        reason: convention.reason(headers, letter.queue) ?? 'failed',
        error: convention.error(headers, letter.queue),
        at: convention.at?.(headers) ?? null,
        restore: () => carrier.without(letter, (name) => isStripped(name, convention)),
      };
    }
  }
  return null;
}

function isMarked(headers: Headers, { marks }: HeaderConvention): boolean {
  return marks.some((names) => names.every((name) => Object.hasOwn(headers, name)));
}

function isStripped(name: string, { strip }: HeaderConvention): boolean {
  return strip.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one));
}

/** Where a framework's headers are on a message, and how they are removed. */
interface Carrier {
  read(letter: Letter): Headers | null;
  without(letter: Letter, isDropped: (name: string) => boolean): Restored;
}

const BROKER: Carrier = {
  read: ({ headers }) => headers,
  without: ({ headers, body }, isDropped) => ({
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !isDropped(name))),
    body,
  }),
};

function carriersOf(convention: HeaderConvention): readonly Carrier[] {
  const known = carriers.get(convention);
  if (known !== undefined) return known;
  const { inBody, inHeader } = convention;
  const all = [BROKER];
  if (inHeader !== undefined) all.push(jsonHeader(inHeader));
  if (inBody !== undefined) all.push(jsonBody(inBody, convention));
  carriers.set(convention, all);
  return all;
}
const carriers = new Map<HeaderConvention, readonly Carrier[]>();

function jsonHeader(header: string): Carrier {
  return {
    read({ headers }) {
      const json = headerText(headers, header);
      return json === null ? null : (parseObject(json) as Headers | null);
    },
    without({ headers, body }, isDropped) {
      const json = headerText(headers, header) ?? '{}';
      return { headers: { ...headers, [header]: withoutMembers(json, [], isDropped) }, body };
    },
  };
}

/** JSON is parsed only if it contains the bytes of a mark. */
function jsonBody(member: string, { marks }: HeaderConvention): Carrier {
  const needles = marks.map(([mark = '']) => JSON.stringify(mark).slice(1, -1));
  return {
    read({ body }) {
      if (body[0] !== OPENING_BRACE) return null;
      const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      if (!needles.some((needle) => bytes.includes(needle))) return null;
      const headers = parseObject(bytes.toString('utf8'))?.[member];
      return isRecord(headers) ? (headers as Headers) : null;
    },
    without({ headers, body }, isDropped) {
      return { headers, body: Buffer.from(withoutMembers(textOf(body), [member], isDropped), 'utf8') };
    },
  };
}

const OPENING_BRACE = '{'.charCodeAt(0);

function byEnvelope(letter: Letter, beginning: string): FrameworkDeath | null {
  for (const { framework, queues, beginsWith, open } of ENVELOPE_CONVENTIONS) {
    if (queues?.(letter.queue) === false || !beginsWith.test(beginning)) continue;
    const body = textOf(letter.body);
    const fields = parseObject(body);
    const found = fields === null ? null : open(fields, body, letter);
    if (found !== null) return { framework, ...found };
  }
  return null;
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
}
