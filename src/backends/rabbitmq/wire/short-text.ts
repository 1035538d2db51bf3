/** Longer texts are rarely the same. */
const LONGEST = 64;
const SLOTS = 512;

const known: string[] = new Array(SLOTS).fill('');

/**
 * A text of the protocol, in UTF-8. Names of headers, queues and exchanges are the same in message after message. So
 * the last ones are remembered: to compare their bytes costs less than to make the text again.
 */
export function shortText(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > LONGEST) return bytes.toString('utf8', start, end);
  let hash = length;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
  const slot = hash & (SLOTS - 1);
  const last = known[slot] ?? '';
  if (isSame(last, bytes, start, length)) return last;
  const text = bytes.toString('utf8', start, end);
  known[slot] = text;
  return text;
}

/** Only for ASCII, where a character is a byte. */
function isSame(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i] ?? 0;
    if (byte >= 0x80 || text.charCodeAt(i) !== byte) return false;
  }
  return true;
}
