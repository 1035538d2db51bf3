import { formatInstant } from '../../contract/instant.ts';
import type { Message } from '../../contract/message.ts';
import { formatDuration } from '../../core/duration.ts';
import { wrapped } from './padding.ts';
import { safe, safeLines } from './safe.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });
/** More of a body is not laid out: the screen is for looking, and `mq peek` for reading. */
const BODY_SHOWN_BYTES = 16_384;
/** The same for a header or an error. */
const FACT_SHOWN_CHARACTERS = 4_096;

/** A message in one line: id, age, and the beginning of the body. */
export function messageSummary(message: Message, now: number): string {
  const since = message.dead?.at ?? message.enqueuedAt;
  const age = since === null ? '?' : formatDuration(Math.max(0, now - since));
  return `${safe(message.id ?? '-')}  ${age}  ${safe(bodyText(message, 200))}`;
}

const laidOut = new WeakMap<Message, { readonly width: number; readonly lines: readonly string[] }>();

/**
 * A whole message in lines of at most `width` cells. The result is remembered for its last width: the screen is drawn
 * every second, and a body takes a while.
 */
export function wrappedMessage(message: Message, width: number): readonly string[] {
  const known = laidOut.get(message);
  if (known?.width === width) return known.lines;
  const lines = messageLines(message).flatMap((text) => wrapped(text, width));
  laidOut.set(message, { width, lines });
  return lines;
}

/** All of it, line by line. */
function messageLines(message: Message): readonly string[] {
  const { dead } = message;
  const facts: readonly (readonly [string, string | number | null | undefined])[] = [
    ['id', message.id],
    ['state', message.state],
    ['enqueued', formatInstant(message.enqueuedAt)],
    ['due', formatInstant(message.deliverAt)],
    ['receives', message.receiveCount],
    ['priority', message.priority],
    ['type', message.contentType],
    ['name', message.name],
    ['group', message.groupId],
    ['died of', dead?.error ?? dead?.reason],
    ['died at', formatInstant(dead?.at)],
    ['from', dead?.from],
    ['replays', dead === null ? null : dead.replays],
  ];
  const body = safeLines(bodyText(message, BODY_SHOWN_BYTES)).replaceAll('\t', '  ').split('\n');
  const cut =
    message.body.byteLength > BODY_SHOWN_BYTES
      ? [`(${message.body.byteLength} bytes; the first ${BODY_SHOWN_BYTES} are shown)`]
      : [];
  return [
    ...facts.flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [`${name.padEnd(9)} ${shortened(String(value))}`],
    ),
    ...Object.entries(message.headers).map(
      ([name, value]) => `header ${shortened(name)}: ${shortened(JSON.stringify(value))}`,
    ),
    ...Object.entries(message.notes ?? {}).map(([field, note]) => `note ${shortened(`${field}: ${note}`)}`),
    '',
    ...body,
    ...cut,
  ];
}

function shortened(text: string): string {
  if (text.length <= FACT_SHOWN_CHARACTERS) return safe(text);
  return `${safe(text.slice(0, FACT_SHOWN_CHARACTERS))} (${text.length} characters; the first ${FACT_SHOWN_CHARACTERS} are shown)`;
}

function bodyText(message: Message, limit: number): string {
  const bytes = message.body.subarray(0, limit);
  try {
    // A cut may fall inside a character. Only then is the incomplete end dropped.
    return decoder.decode(bytes, { stream: bytes.byteLength < message.body.byteLength });
  } catch {
    return `(binary) ${Buffer.from(bytes.subarray(0, 64)).toString('hex')}`;
  } finally {
    resetDecoder();
  }
}

function resetDecoder(): void {
  try {
    decoder.decode();
  } catch {
    // The rest of the cut character.
  }
}
