/**
 * C0 and C1 controls and DEL (a terminal acts on them), the marks that reorder text on screen, and the line separators that only some
 * programs break at. Lone surrogates are replaced too, since they cannot be written as UTF-8.
 */
const DANGEROUS = /[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;
const DANGEROUS_EXCEPT_LAYOUT =
  /(?![\n\t])[\p{Cc}\p{Cs}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * Text of a broker (names, bodies, headers, error sentences) made fit for a terminal and for one line: whatever could move the
 * cursor, set a title, hide or reorder text becomes a visible escape.
 */
export function safe(text: string): string {
  return text.replace(DANGEROUS, visible);
}

/** As `safe`, but keeps line feeds and tabs: for a body that is shown over several lines, and for JSON laid out by us. */
export function safeLines(text: string): string {
  return text.replace(DANGEROUS_EXCEPT_LAYOUT, visible);
}

/** As `safeLines`, with escapes that are valid inside a JSON string, so that what is copied from the screen still parses. */
export function safeJson(json: string): string {
  return json.replace(DANGEROUS_EXCEPT_LAYOUT, (character) => `\\u${hex(character, 4)}`);
}

function visible(character: string): string {
  switch (character) {
    case '\n':
      return '\\n';
    case '\r':
      return '\\r';
    case '\t':
      return '\\t';
    case '\u001b':
      return '\\e';
    default: {
      const code = character.codePointAt(0) ?? 0;
      return code <= 0xff ? `\\x${hex(character, 2)}` : `\\u${hex(character, 4)}`;
    }
  }
}

function hex(character: string, digits: number): string {
  return (character.codePointAt(0) ?? 0).toString(16).padStart(digits, '0');
}
