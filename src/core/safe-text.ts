/**
 * Characters that a terminal acts on, and characters that are invisible and make two names look alike: controls; lone
 * surrogates, which cannot be written as UTF-8; every format character (zero-width spaces and joiners, soft hyphens,
 * marks that reorder text, tags, byte-order marks); line separators that only some programs break at; fillers that are
 * drawn as nothing; variation selectors.
 */
const INVISIBLE = String.raw`\p{Cc}\p{Cs}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u{2800}`;
/** Several pictures joined into one, such as a family: there the joiners hide nothing. */
const JOINED = String.raw`\p{Extended_Pictographic}\p{Emoji_Modifier}?(?:\u{fe0f}?\u{200d}\p{Extended_Pictographic}\p{Emoji_Modifier}?)+`;
let dangerous: RegExp | undefined;
let dangerousExceptLayout: RegExp | undefined;

/** Most text is plain. To make the large expressions takes a hundredth of the whole time of a short command. */
const PLAIN = /^[ -~]*$/;
const PLAIN_LINES = /^[\n\t -~]*$/;

/**
 * Makes text from a broker (names, bodies, headers, error sentences) safe for a terminal and for one line. Whatever
 * could move the cursor, set a title, or hide or reorder text becomes a visible escape.
 */
export function safe(text: string): string {
  if (PLAIN.test(text)) return text;
  dangerous ??= new RegExp(`${JOINED}|[${INVISIBLE}]`, 'gu');
  return text.replace(dangerous, visible);
}

/**
 * Like `safe`, but keeps line feeds and tabs: for a body that is shown over several lines, and for JSON that `mq` laid
 * out.
 */
export function safeLines(text: string): string {
  return replaceExceptLayout(text, visible);
}

/** Like `safeLines`, with escapes that are valid in a JSON string: text that is copied from the screen still parses. */
export function safeJson(json: string): string {
  return replaceExceptLayout(json, (found) =>
    isJoined(found)
      ? found
      : Array.from({ length: found.length }, (_, at) => `\\u${hex(found.charCodeAt(at), 4)}`).join(''),
  );
}

function replaceExceptLayout(text: string, replacer: (found: string) => string): string {
  if (PLAIN_LINES.test(text)) return text;
  dangerousExceptLayout ??= new RegExp(String.raw`${JOINED}|(?![\n\t])[${INVISIBLE}]`, 'gu');
  return text.replace(dangerousExceptLayout, replacer);
}

/** Of all that the expressions find, only pictures are longer than one character. */
function isJoined(found: string): boolean {
  return found.length > 1 && [...found].length > 1;
}

function visible(character: string): string {
  if (isJoined(character)) return character;
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
      if (code <= 0xff) return `\\x${hex(code, 2)}`;
      return code <= 0xffff ? `\\u${hex(code, 4)}` : `\\u{${hex(code, 5)}}`;
    }
  }
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
